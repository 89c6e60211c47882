"""The command that thanks, through a real Inbox: whom, what for, who may read it, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tertulia.capabilities import Command
from tertulia.domain.people import Actor, Place
from tertulia.domain.prompts import Reply, Thanks
from tertulia.services import kudos, preferences
from tertulia.services.thanking import read
from tertulia.storage import tables

PROGRAM = """
[[practice]]
key = "thanks"
kind = "kudos"
title = "Thanks"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:00", time = "local" }
open_for = "6d"
options = { values = ["Care", "Big heart"] }
"""
HERE = Place(platform="square", ref="plaza", kind="channel")


@pytest.mark.parametrize(
    ("said", "public", "expected"),
    [
        ("for the soup", False, Thanks(to=(), why="for the soup")),
        ("for the soup", True, Thanks(to=(), why="for the soup", public=True)),
        ("#care for the soup #private", True, Thanks(to=(), why="for the soup", value="Care")),
        ("#PUBLIC #big-heart", False, Thanks(to=(), why="", value="Big heart", public=True)),
        ("for issue #12 and a#care", False, Thanks(to=(), why="for issue #12 and a#care")),
    ],
)
def test_tags_say_what_for_and_who_may_read_it(said: str, public: bool, expected: Thanks) -> None:
    assert read(said, ("Care", "Big heart"), public=public) == expected


async def say(town: Any, name: str, *args: str | Actor, place: Place | None = None, key: str | None = None) -> Reply:
    await town.runtime.installations.refresh()
    (live,) = town.runtime.installations.of(town.workspace)
    actor = Actor(platform="square", realm="r", user=name)
    reply: Reply = await live.context.inbox.command(
        Command(name="kudos", actor=actor, args=args, place=place), key or town.runtime.new_id()
    )
    return reply


def actor(name: str) -> Actor:
    return Actor(platform="square", realm="r", user=name)


async def test_a_command_thanks_once_and_says_who_may_read_it(open_town: Callable[..., Any]) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben", "Cleo"):
            await town.add(name)
        both = (actor("Ben"), actor("Cleo"))
        replies = [await say(town, "Ana", *both, "#care for the soup", key="event") for _ in range(2)]
        assert replies[0] == replies[1]
        assert (replies[0].status, replies[0].private) == ("taken", True)
        assert "Only you and they" in replies[0].text.plain()
        public = await say(town, "Ben", actor("Ana"), "thank you", place=HERE)
        assert public.private
        assert "digest of “Thanks”" in public.text.plain()
        rows = await town.rows(tables.kudos)
        assert sorted((row["receiver_id"], row["value"], row["public"], row["platform"]) for row in rows) == sorted(
            [
                (town.people["Ben"], "Care", False, "square"),
                (town.people["Cleo"], "Care", False, "square"),
                (town.people["Ana"], None, True, "square"),
            ]
        )
        async with town.runtime.database.read() as tx:
            (seen,) = await kudos.received(town.runtime, tx, town.organization, town.people["Ben"])
        assert (seen.other, seen.why) == ("Ana", "for the soup")


async def test_what_cannot_be_thanked_is_refused_and_keeps_nothing(open_town: Callable[..., Any]) -> None:
    async with open_town() as town:
        await town.add("Ana")
        await town.add("Ben")
        assert "not enabled" in (await say(town, "Ana", actor("Ben"))).text.plain()
        await town.apply(PROGRAM)
        refused = {
            "thank yourself": (actor("Ana"), "me"),
            "Mention whom": ("Ben for the soup",),
            "do not know yet": (actor("Ben"), actor("Stranger"), "both"),
            "shorten it": (actor("Ben"), "x" * 601),
        }
        for words, args in refused.items():
            reply = await say(town, "Ana", *args)
            assert (reply.status, words in reply.text.plain()) == ("refused", True), words
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ana"], "thanks")
        assert "take it up again" in (await say(town, "Ana", actor("Ben"))).text.plain()
        assert await town.rows(tables.kudos) == []
        # without anybody, the command opens the round that runs
        assert (await say(town, "Ben")).status == "closed"
