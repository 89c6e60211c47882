"""The ports of Team Chat against the contract classes, and what Zoom is asked to do against its own descriptions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tertulia import Field, Markup, OperatorError, Option, Place, Prompt, Recipient, Reply, Unreachable
from tertulia.domain.identifiers import new_id
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.contracts import (
    RETRY_AT,
    ReplyPortContract,
    RitualPortContract,
    Stand,
    SurveyPortContract,
    Trouble,
)
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_zoom.chat_ports import TeamChat, team_chat
from tertulia_zoom.config import Settings
from tertulia_zoom.messages_phrases import phrase
from tertulia_zoom.stand_in import Town, ZoomServer
from tertulia_zoom.stand_in.chat import Channel, jid_of
from tertulia_zoom.stand_in.faults import Fault, bad_json, error_after, hang, refusal, reset, too_many

FAULTS: dict[Trouble, Fault] = {
    "too_many": too_many(),
    "too_many_instant": too_many(until=RETRY_AT),
    "error_before": refusal(500),
    "error_after": error_after(),
    "bad_gateway": refusal(502),
    "unavailable": refusal(503),
    "hang": hang(),
    "reset_before": reset(carried_out=False),
    "reset_after": reset(carried_out=True),
    "bad_answer": bad_json(),
    "forbidden": refusal(403),
    "unauthorized": refusal(401),
}


@dataclass
class Bench:
    """Hold a stand-in, what talks in its Team Chat, and who is in it."""

    server: ZoomServer
    town: Town
    context: FakeContext
    team: TeamChat
    ana: str
    ben: str
    channel: Channel

    def to(self, user: str) -> Recipient:
        return Recipient(ref="1", address={"user": user}, language="en", zone="UTC")

    @property
    def place(self) -> Place:
        return Place(platform="zoom", ref=self.channel.jid, kind="channel")


@asynccontextmanager
async def bench(**more: Any) -> AsyncIterator[Bench]:
    clock = DrivenClock(EPOCH)
    town = Town(now=clock.now)
    ana, ben = town.add_user("Ana Sousa", "ana@example.org"), town.add_user("Ben Okafor", "ben@example.org")
    channel = town.chat.add_channel("Everyone", [ana, ben])
    async with ZoomServer(town=town) as server:
        settings = Settings.model_validate(server.settings(**{"timeout": 20, "scheduler": ana, **more}))
        async with FakeContext(settings=settings, plugin="zoom", clock=clock) as context:
            yield Bench(server, town, context, team_chat(context), ana, ben, channel)


def meet(server: ZoomServer, trouble: Trouble) -> bool:
    """Let the next request meet *trouble*, twice where it would be repeated at once."""
    fault = FAULTS.get(trouble)
    if fault is None:
        return False
    left = [0]

    def choose(method: str, path: str) -> Fault | None:
        if not left[0]:
            again = trouble == "unauthorized" or (trouble.startswith("reset") and method != "POST")
            left[0] = 2 if again else 1
        left[0] -= 1
        if not left[0]:
            server.choose = None
        return fault

    server.choose = choose
    return True


def effects(town: Town) -> int:
    said = town.chat.messages.values()
    return sum(one.versions + one.deleted for one in said) + len(town.meetings)


class Connected:
    """Connect a port to a stand-in."""

    choose: Callable[[TeamChat], Any]
    patience: float

    @asynccontextmanager
    async def _stand(self) -> AsyncIterator[Stand[Any]]:
        async with bench(timeout=self.patience) as made:
            yield Stand(
                port=type(self).choose(made.team),
                meet=lambda trouble: meet(made.server, trouble),
                carried_out=lambda: effects(made.town),
                recipient=made.to(made.ana),
                place=made.place,
            )

    def stand(self) -> AbstractAsyncContextManager[Stand[Any]]:
        return self._stand()


class TestRituals(Connected, RitualPortContract):
    choose = staticmethod(lambda team: team.rituals)


class TestSurveys(Connected, SurveyPortContract):
    choose = staticmethod(lambda team: team.surveys)


class TestReplies(Connected, ReplyPortContract):
    choose = staticmethod(lambda team: team.replies)

    @asynccontextmanager
    async def _stand(self) -> AsyncIterator[Stand[Any]]:
        async with super()._stand() as stand:
            user = stand.recipient.address["user"]
            self.reply_to = "|".join((jid_of(user), jid_of(user), user))
            yield stand


def question() -> Prompt:
    return replace(sample_prompt(), visibility="workspace")


async def test_a_question_is_asked_in_the_own_chat_and_changed_there() -> None:
    async with bench() as made:
        port = made.team.surveys
        assert port is not None
        assert port.confidential == "link"
        ref = await port.ask(made.to(made.ana), question(), new_id())
        (message,) = made.town.chat.said(made.ana)
        assert question().link in json.dumps(message.content)
        await port.amend(ref, replace(question(), title="Changed"))
        assert message.content["head"]["text"] == "Changed"
        await port.withdraw(ref)
        assert not made.town.chat.said(made.ana)
        with pytest.raises(Unreachable):
            await port.withdraw(ref)


async def test_who_cannot_be_written_to_is_unreachable() -> None:
    async with bench() as made:
        port = made.team.surveys
        assert port is not None
        made.town.chat.blocked.add(made.ben)
        for address in ({"user": made.ben}, {}, {"user": 7}, {"jid": made.channel.jid}, {"user": "nobody-here"}):
            to = Recipient(ref="1", address=address, language="en", zone="UTC")
            with pytest.raises(Unreachable):
                await port.ask(to, question(), new_id())
        for ref in ("", "a|b", "a|b|c|d", "a||c"):
            with pytest.raises(Unreachable):
                await port.withdraw(ref)


async def test_a_posting_shows_no_form_and_ends_with_the_digest() -> None:
    async with bench() as made:
        rituals, chat, key = made.team.rituals, made.town.chat, new_id()
        ref = await rituals.post(made.place, question(), key)
        (message,) = chat.seen(made.ben, made.channel.jid)
        assert [part["type"] for part in message.content["body"]].count("actions") == 1
        assert await made.context.store.get(f"chat-posting:{key}")
        await rituals.refresh(ref, replace(question(), title="Once more"))
        assert message.content["head"]["text"] == "Once more"
        await rituals.close(ref, summary_prompt())
        first, digest = chat.seen(made.ben, made.channel.jid)
        assert phrase("ended", "en") in json.dumps(first.content)
        assert "Hello" in json.dumps(digest.content)
        assert "actions" not in json.dumps([first.content, digest.content])
        assert await made.context.store.get(f"chat-posting:{key}") is None


async def test_channels_go_by_their_id_too_and_foreign_places_are_refused() -> None:
    async with bench() as made:
        short = Place(platform="zoom", ref=made.channel.jid.partition("@")[0], kind="channel")
        await made.team.rituals.post(short, question(), new_id())
        assert made.town.chat.seen(made.ana, made.channel.jid)
        with pytest.raises(OperatorError):
            await made.team.rituals.post(replace(short, platform="teams"), question(), new_id())


async def test_forms_of_rounds_that_nobody_closed_are_forgotten() -> None:
    async with bench() as made:
        old = replace(question(), closes=EPOCH + timedelta(hours=1))
        await made.team.rituals.post(made.place, old, "0" * 32)
        made.context.clock.advance(timedelta(hours=2))
        await made.team.rituals.post(made.place, question(), "1" * 32)
        kept = [key async for key, _ in made.context.store.scan("chat-posting:")]
        assert kept == ["chat-posting:" + "1" * 32]


async def test_a_private_reply_in_a_channel_is_seen_by_its_person_alone() -> None:
    async with bench() as made:
        chat, replies = made.town.chat, made.team.replies
        to = "|".join((made.channel.jid, jid_of(made.ana), made.ana))
        await replies.reply(to, Reply(status="taken", text=Markup.literal("For you."), private=True))
        assert len(chat.seen(made.ana, made.channel.jid)) == 1
        assert not chat.seen(made.ben, made.channel.jid)
        await replies.reply(to, Reply(status="taken", prompt=question(), private=True))
        assert len(chat.said(made.ana)) == 1
        assert len(chat.seen(made.ana, made.channel.jid)) == 2
        assert not chat.seen(made.ben, made.channel.jid)
        await replies.reply(to, Reply(status="taken", text=Markup.literal("For all.")))
        assert len(chat.seen(made.ben, made.channel.jid)) == 1
        with pytest.raises(Unreachable):
            await replies.reply("nowhere", Reply(status="taken"))


async def test_a_group_meets_in_a_meeting_of_its_own_and_is_invited_once() -> None:
    async with bench() as made:
        rituals, chat, key = made.team.rituals, made.town.chat, new_id()
        group = (made.to(made.ana), made.to(made.ben))
        chat.blocked.add(made.ben)
        first = await rituals.gather(group, summary_prompt(), key)
        assert first
        (number,) = made.town.meetings
        meeting = made.town.meetings[number]
        assert meeting["host_id"] == made.ana
        assert "breakout_room" not in meeting["settings"]
        assert meeting["join_url"] in json.dumps(chat.said(made.ana)[0].content)
        assert first == f"meeting|{number}"
        assert jid_of(made.ana) not in str(await made.context.store.get(f"gather:{key}"))
        chat.blocked.clear()
        assert await rituals.gather(group, summary_prompt(), key) == first
        assert len(made.town.meetings) == 1
        assert len(chat.said(made.ana)) == 1
        made.context.clock.advance(timedelta(days=100))
        await rituals.gather(group, summary_prompt(), new_id())
        assert await made.context.store.get(f"gather:{key}") is None


async def test_without_a_scheduling_user_people_are_introduced_one_by_one() -> None:
    async with bench(scheduler=None) as made:
        group = (made.to(made.ana), made.to(made.ben))
        assert await made.team.rituals.gather(group, summary_prompt(), new_id()) is None
        assert not made.server.journal


async def test_a_large_group_has_rooms_assigned() -> None:
    async with bench() as made:
        users = [made.town.add_user(f"P {n}", f"p{n}@example.org") for n in range(9)]
        await made.team.rituals.gather(tuple(map(made.to, users)), summary_prompt(), new_id())
        (meeting,) = made.town.meetings.values()
        rooms = meeting["settings"]["breakout_room"]["rooms"]
        assert [len(room["participants"]) for room in rooms] == [3, 3, 3]
        assert sorted(mail for room in rooms for mail in room["participants"]) == [
            f"p{n}@example.org" for n in range(9)
        ]


async def test_what_zoom_would_not_take_is_not_sent() -> None:
    async with bench() as made:
        options = tuple(Option(value=str(number), label="x" * 80) for number in range(100))
        fields = tuple(Field(key=f"f{number}", kind="one", label="?", options=options) for number in range(9))
        port = made.team.surveys
        assert port is not None
        with pytest.raises(OperatorError, match="shorten"):
            await port.ask(made.to(made.ana), replace(question(), fields=fields), new_id())
        assert not made.server.journal


async def test_calls_are_counted_in_zooms_own_classes() -> None:
    async with bench() as made:
        await made.team.rituals.post(made.place, question(), new_id())
        keys = [key for limits in made.context.limiter.acquired for key in limits]
        assert len(keys) == 1
        assert keys[0].endswith(":medium")
