"""Ties between people: who mentioned, answered or reacted to whom, in the program's places and without any words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from tertulia import Actor, Interaction, Participation, Place, Unreachable
from tertulia.testing.context import FakeContext
from tertulia_teams.ports import Outbound

Make: TypeAlias = Callable[..., Any]
TENANT = "11111111-2222-4333-8444-555555555555"
APP = "99999999-8888-4777-8666-555555555555"
ANA, BEN = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
CYD = "cccccccc-0000-4000-8000-000000000003"
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
TEAM = "19:abc@thread.tacv2"
GROUP = "19:abc@thread.v2"
PLACE = Place(platform="teams", ref=TEAM, kind="channel")
BOT = {"type": "mention", "text": "<at>Tertulia</at>", "mentioned": {"id": f"28:{APP}", "name": "Tertulia"}}
BEN_MENTIONED = {"type": "mention", "text": "<at>Ben</at>", "mentioned": {"id": "29:ben", "name": "Ben"}}
TAG_MENTIONED = {"type": "mention", "text": "<at>All</at>", "mentioned": {"id": TEAM, "name": "All"}}
QUOTING = '<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="7"><p>so</p></blockquote>'


def actor(user: str) -> Actor:
    return Actor(platform="teams", realm=TENANT, user=user)


def account(user: str) -> dict[str, str]:
    return {"id": f"29:{user[:3]}", "name": user[:3], "aadObjectId": user}


def thread(message: str) -> dict[str, Any]:
    return {
        "id": f"{TEAM};messageid={message}",
        "conversationType": "channel",
        "isGroup": True,
        "tenantId": TENANT,
    }


def chat_of(ref: str) -> dict[str, Any]:
    return {"id": ref, "conversationType": "groupChat", "isGroup": True, "tenantId": TENANT}


def ties(chat: Any) -> list[tuple[str, str, str]]:
    """Return the ties that were brought, as kind, source and target."""
    facts = [fact for batch in chat.got("interacted") for fact in batch]
    assert all(isinstance(fact, Interaction) for fact in facts)
    return [(fact.kind, fact.source.user, fact.target.user) for fact in facts]


async def test_a_mention_is_a_tie_and_says_no_more(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying, chat.said.accounts = {TEAM}, {"29:ben": BEN}
        entities = [BEN_MENTIONED, TAG_MENTIONED, BEN_MENTIONED]
        text = "<at>Ben</at> and <at>Ben</at>, a secret word"
        await chat.send("message", id="5", text=text, conversation=thread("5"), entities=entities)
        expected = Interaction(source=actor(ANA), target=actor(BEN), kind="mention", at=AT, place=PLACE)
        assert chat.got("interacted") == [(expected,)]
        kept = str(chat.context.store.values) + str(chat.context.inbox.received)
        assert "secret" not in kept
        assert "5" in text or TEAM not in str(chat.context.store.values)


async def test_a_reply_is_a_tie_to_who_began_the_thread(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying = {TEAM}
        await chat.send("message", id="5", text="Coffee?", conversation=thread("5"), **{"from": account(BEN)})
        assert ties(chat) == []
        await chat.send("message", id="6", text="Yes", conversation=thread("5"), replyToId="5")
        await chat.send("message", id="7", text="When", conversation=thread("5"), **{"from": account(BEN)})
        assert ties(chat) == [("reply", ANA, BEN)]


@pytest.mark.parametrize(
    "attachment",
    [
        {"contentType": "text/html", "content": QUOTING},
        {"contentType": "messageReference", "content": {"messageId": "7"}},
    ],
)
async def test_a_quotation_in_a_chat_is_a_reply(open_chat: Make, attachment: dict[str, Any]) -> None:
    async with open_chat() as chat:
        chat.said.carrying = {GROUP}
        await chat.send("message", id="7", text="so", conversation=chat_of(GROUP), **{"from": account(BEN)})
        await chat.send("message", id="8", text="yes", conversation=chat_of(GROUP), attachments=[attachment])
        assert ties(chat) == [("reply", ANA, BEN)]


async def test_a_reaction_is_a_tie_where_a_person_wrote(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying = {TEAM}
        liked = {"reactionsAdded": [{"type": "like"}], "conversation": thread("5")}
        await chat.send("message", id="5", text="Done", conversation=thread("5"), **{"from": account(BEN)})
        await chat.send("messageReaction", id="a", replyToId="5", **liked)
        await chat.send("messageReaction", id="b", replyToId="17", **liked)  # what the bot had posted
        assert ties(chat) == [("reaction", ANA, BEN)]
        assert [fact.kind for batch in chat.got("participated") for fact in batch] == [
            "commented",
            "reacted",
            "reacted",
        ]


async def test_other_places_yield_nothing_and_are_not_remembered(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.accounts = {"29:ben": BEN}
        await chat.send("message", id="5", text="x", conversation=thread("5"), **{"from": account(BEN)})
        await chat.send("message", id="6", text="<at>Ben</at>", conversation=thread("5"), entities=[BEN_MENTIONED])
        await chat.send("messageReaction", reactionsAdded=[{"type": "like"}], conversation=thread("5"), replyToId="5")
        assert chat.got("interacted") == []
        assert chat.context.store.values == {}


async def test_the_same_event_again_is_no_second_tie(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying, chat.said.accounts = {TEAM}, {"29:ben": BEN}
        for _ in range(3):
            await chat.send("message", id="5", text="x", conversation=thread("5"), entities=[BEN_MENTIONED])
        assert ties(chat) == [("mention", ANA, BEN)]


async def test_authors_are_forgotten_after_a_week(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying = {TEAM}
        await chat.send("message", id="5", text="x", conversation=thread("5"), **{"from": account(BEN)})
        chat.context.clock.advance(timedelta(days=7))
        await chat.send("message", id="6", text="y", conversation=thread("5"))
        assert ties(chat) == [("reply", ANA, BEN)]
        chat.context.clock.advance(timedelta(days=7))
        await chat.send("message", id="7", text="z", conversation=thread("5"), **{"from": account(CYD)})
        assert ties(chat) == [("reply", ANA, BEN)]
        assert BEN not in str(chat.context.store.values)


async def test_authors_are_forgotten_where_nobody_writes_any_more(settings_of: Make) -> None:
    async with FakeContext(settings=settings_of("http://127.0.0.1:9")) as context:
        platform = Outbound(context).platform
        assert platform.participation is not None
        await context.store.put(f"author:{context.clock.now():%G-W%V}:0123", BEN)
        for weeks, kept in ((1, 1), (2, 0)):
            context.clock.advance(timedelta(days=7))
            assert [batch async for batch in platform.participation.since(None, frozenset({PLACE}))] == []
            assert len([key async for key, _ in context.store.scan("author:")]) == kept, weeks


async def test_what_mentions_the_bot_in_a_thread_is_a_word_to_the_others(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying, chat.said.accounts = {TEAM}, {"29:ben": BEN}
        text, entities = "<at>Tertulia</at> I think <at>Ben</at> would like that", [BOT, BEN_MENTIONED]
        await chat.send("message", id="9", text=text, conversation=thread("5"), entities=entities)
        assert chat.got("command") == []
        assert ties(chat) == [("mention", ANA, BEN)]
        (batch,) = chat.got("participated")
        assert batch == (Participation(actor=actor(ANA), place=PLACE, kind="commented", started=AT),)
        await chat.send("message", id="10", text="<at>Tertulia</at> help", conversation=thread("5"), entities=[BOT])
        await chat.send("message", id="11", text="<at>Tertulia</at> hm", conversation=thread("11"), entities=[BOT])
        assert [command.name for command in chat.got("command")] == ["help", "unknown"]


async def test_who_cannot_be_looked_up_is_left_out(open_chat: Make) -> None:
    async with open_chat() as chat:
        chat.said.carrying, chat.said.error = {TEAM}, Unreachable("gone")
        await chat.send("message", id="5", text="x", conversation=thread("5"), entities=[BEN_MENTIONED])
        assert ties(chat) == []
        assert len(chat.got("participated")) == 1


async def test_the_places_of_the_program_are_those_it_posts_in_and_is_asked_about(settings_of: Make) -> None:
    async with FakeContext(settings=settings_of("http://127.0.0.1:9")) as context:
        outbound = Outbound(context)
        other = Place(platform="teams", ref=GROUP, kind="chat")
        assert not await outbound.reach.carried(PLACE)
        await outbound.reach.carries(TEAM)
        assert await outbound.reach.carried(PLACE)
        platform = outbound.platform
        assert platform.participation is not None
        assert [batch async for batch in platform.participation.since(None, frozenset({other}))] == []
        assert [await outbound.reach.carried(one) for one in (PLACE, other)] == [False, True]
        assert [await Outbound(context).reach.carried(one) for one in (PLACE, other)] == [False, True]
