from __future__ import annotations

from datetime import timedelta

import pytest

from tertulia import (
    Actor,
    Attendee,
    Command,
    Context,
    DirectoryPort,
    Interaction,
    Markup,
    Member,
    OutcomeUnknown,
    ParticipationPort,
    Place,
    Platform,
    Recipient,
    Refused,
    Reply,
    RetryLater,
    Window,
)
from tertulia.testing.context import EPOCH, FakeContext, FakeStore
from tertulia.testing.ports import (
    FakeDirectoryPort,
    FakeParticipationPort,
    FakeReplyPort,
    FakeRitualPort,
    FakeSurveyPort,
)
from tertulia.testing.samples import sample_prompt

ADA = Actor(platform="example", realm="r", user="ada")
BOB = Actor(platform="example", realm="r", user="bob")
HALL = Place(platform="example", ref="hall", kind="channel")
YARD = Place(platform="example", ref="yard", kind="board")
TO = Recipient(ref="1", address={"user": "ada"}, language="en", zone="UTC")


def test_the_fakes_fit_a_platform() -> None:
    platform = Platform(
        name="example",
        ritual=FakeRitualPort(),
        survey=FakeSurveyPort("link"),
        replies=FakeReplyPort(),
        participation=FakeParticipationPort(),
        directory=FakeDirectoryPort(),
    )
    assert platform.survey is not None
    assert platform.survey.confidential == "link"


async def test_ports_record_and_fail_as_scripted() -> None:
    port = FakeSurveyPort()
    port.fail("ask", RetryLater("busy", timedelta(seconds=1)))
    port.fail("ask", OutcomeUnknown("lost"), carried_out=True)
    prompt = sample_prompt()
    with pytest.raises(RetryLater):
        await port.ask(TO, prompt, "k1")
    with pytest.raises(OutcomeUnknown):
        await port.ask(TO, prompt, "k1")
    ref = await port.ask(TO, prompt, "k2")
    await port.amend(ref, prompt)
    await port.withdraw(ref)
    assert [call.key for call in port.sent if call.method == "ask"] == ["k1", "k2"]
    assert [call.method for call in port.attempts] == ["ask", "ask", "ask", "amend", "withdraw"]


async def test_ritual_and_reply_ports_record() -> None:
    port, replies = FakeRitualPort(gathers=True), FakeReplyPort()
    ref = await port.post(HALL, sample_prompt(), "k")
    await port.refresh(ref, sample_prompt())
    await port.close(ref, sample_prompt())
    assert await port.gather((TO,), sample_prompt(), "g") is not None
    assert await FakeRitualPort().gather((TO,), sample_prompt(), "g") is None
    await replies.reply("here", Reply(status="taken"))
    assert [call.method for call in port.sent] == ["post", "refresh", "close", "gather"]
    assert replies.sent[0].ref == "here"


async def test_reading_ports_resume() -> None:
    facts = [
        Interaction(source=ADA, target=BOB, kind="kudos", at=EPOCH + timedelta(hours=hour), place=place)
        for hour, place in enumerate((HALL, YARD, HALL))
    ]
    reading: ParticipationPort = FakeParticipationPort(facts, size=2)
    batches = [batch async for batch in reading.since(None, frozenset({HALL}))]
    assert [batch.items for batch in batches] == [(facts[0],), (facts[2],)]
    assert [b.items async for b in reading.since(batches[0].cursor, frozenset({HALL}))] == [(facts[2],)]
    directory: DirectoryPort = FakeDirectoryPort([Member(actor=ADA, name="Ada")])
    assert [batch.items[0].name async for batch in directory.members(None)] == ["Ada"]


async def test_the_inbox_takes_each_key_once() -> None:
    inbox = FakeContext().inbox
    first = await inbox.answered("token", ADA, {"a": 1}, "e1")
    inbox.reply = Reply(status="closed")
    assert await inbox.answered("token", ADA, {"a": 2}, "e1") == first
    assert (await inbox.answered("token", ADA, {"a": 2}, "e2")).status == "closed"
    await inbox.command(Command(name="help", actor=ADA), "c1")
    await inbox.joined(Member(actor=BOB, name="Bob"), "j1")
    await inbox.joined(Member(actor=BOB, name="Bob"), "j1")
    await inbox.left(BOB, "l1")
    await inbox.interacted([], "i1")
    await inbox.participated([], "p1")
    await inbox.reachable(ADA, {"user": "ada"})
    names = [one.name for one in inbox.received]
    assert names == ["answered", "answered", "command", "joined", "left", "interacted", "participated", "reachable"]


async def test_the_store_keeps_json_only() -> None:
    store = FakeStore()
    await store.put("a/2", {"x": [1]})
    await store.put("a/1", None)
    await store.put("b", 3)
    assert not await store.put_new("b", 4)
    assert [pair async for pair in store.scan("a/")] == [("a/1", None), ("a/2", {"x": [1]})]
    await store.delete("a/2")
    await store.delete("unknown")
    assert await store.get("a/2") is None
    with pytest.raises(TypeError):
        await store.put("c", object())


async def test_the_context_is_a_context() -> None:
    async with FakeContext(settings={"a": 1}) as fake:
        context: Context = fake
        await context.limiter.acquire({"tenant": [Window(10, 1)]})
        await context.limiter.penalty("tenant", 3)
        subscription = await context.subscribe("events", ["s1"])
        assert await context.subscribe("events", ["s2"]) != subscription
        assert fake.subscriptions["events"].id == subscription.id
        await context.unsubscribe("events")
        page = context.page("A <title>", Markup.literal("words"))
        assert "A &lt;title&gt;" in (page.text or "")
        assert fake.limiter.penalties == [("tenant", 3)]
        assert not fake.subscriptions
    with pytest.raises(RuntimeError, match="async with"):
        _ = FakeContext().http


async def test_live_sessions_follow_the_core_table() -> None:
    live = FakeContext().live
    session = await live.start(HALL, ADA, "icebreaker", {})
    await live.advance(session, ADA, "asking")
    with pytest.raises(Refused):
        await live.advance(session, ADA, "lobby")
    assert [counts.state async for counts in live.watch(session)] == ["lobby", "asking"]


async def test_a_fake_session_is_taken_part_in() -> None:
    live = FakeContext().live
    session = await live.start(HALL, ADA, "icebreaker", {})
    assert await live.running(HALL) == session
    await live.advance(session, ADA, "asking")
    guest = Attendee(ref="g", holder="h")
    await live.present(session, ADA, [Attendee(ref="a", actor=ADA), guest])
    with pytest.raises(Refused):
        await live.enter(session, Attendee(ref="g", holder="another"))
    await live.respond(session, guest, "answer", {"answer": "A kite"})
    assert (await live.standing(session, guest)).answered is True
    assert await live.turns(session, ADA) == ("a", "g")
    counts = await live.next_turn(session, ADA, 1)
    assert counts.turn is not None
    assert (counts.turn.number, counts.answered, counts.present) == (2, 1, 2)
    assert await live.groups(session, ADA) == (("a", "g"),)
    assert (await live.standing(session, guest)).group == 1
    await live.over(HALL)
    assert await live.running(HALL) is None
    assert await live.summary(session) is not None
