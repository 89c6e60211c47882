"""Commands and surveys inside Teams, with the real core and the stand-in: answered soon, and to nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import tertulia_teams
from tertulia.testing.world import Home, World, world
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Conversation, Message, Person

PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"

[[practice]]
key = "mood"
kind = "single-question"
title = "Mood"
open_for = "6h"
[practice.options]
question = "How do you feel at work this week?"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""
SPOKEN = ("help", "snooze 3 days", "my data", "settings", "candle", "kudos", "icebreaker", "nonsense")


@dataclass
class Crew:
    """Hold a running core, a stand-in, and people who have the app."""

    core: World
    stand_in: StandIn
    home: Home
    people: list[Person]
    channel: Conversation

    def chat(self, person: Person) -> Conversation:
        return self.stand_in.tenant.chat(person)

    def said(self, conversation: Conversation) -> list[Message]:
        """Return what the bot wrote."""
        return [one for one in conversation.messages.values() if one.sender is None]

    def words(self, conversation: Conversation) -> str:
        return json.dumps([one.activity for one in self.said(conversation)], ensure_ascii=False)

    async def ask(self, person: Person, conversation: Conversation, text: str, *mentions: Person) -> None:
        turn = await self.stand_in.say(person, conversation, text, mentions)
        assert turn.status == 200


@asynccontextmanager
async def crew(folder: Path) -> AsyncIterator[Crew]:
    async with (
        StandIn() as stand_in,
        world(f"sqlite:///{folder / 't.db'}", folder, plugins={"teams": tertulia_teams}) as core,
    ):
        people = [stand_in.tenant.add_person(f"Person {n}", f"p{n}@example.org") for n in range(3)]
        (channel,) = stand_in.tenant.add_team("Crew", ["General"], people)
        home = await core.workspace("Home", domains=["example.org"])
        for person in people:
            await core.person(home, person.name, email=person.mail)
        await core.enable(home, "teams", stand_in.settings())

        async def known() -> bool:
            return await core.reachable(home, "teams") == len(people)

        await core.until(known)
        await stand_in.install_in(channel, people[0])
        for person in people:
            await stand_in.install(person)
        await core.apply(home, PROGRAM)
        yield Crew(core, stand_in, home, people, channel)


async def test_commands_are_answered_soon_and_where_nobody_else_reads(tmp_path: Path) -> None:
    async with crew(tmp_path) as all_:
        ana = all_.people[0]
        chat = all_.chat(ana)
        greeted = len(all_.said(chat))
        assert greeted == 1
        for number, text in enumerate(SPOKEN):
            started = time.monotonic()
            await all_.ask(ana, chat, text)
            assert len(all_.said(chat)) == greeted + number + 1, text
            assert time.monotonic() - started < 5  # two seconds on a machine that does nothing else
        before = len(all_.said(chat))
        for number, text in enumerate(SPOKEN):
            await all_.ask(ana, all_.channel, text)
            assert len(all_.said(chat)) == before + number + 1, text
        assert all_.said(all_.channel) == []


async def test_a_question_can_be_asked_for_and_answered(tmp_path: Path) -> None:
    async with crew(tmp_path) as all_:
        ana, ben, _ = all_.people
        all_.core.clock.advance(timedelta(hours=1, seconds=1))
        await all_.core.until(lambda: "How is your day going?" in all_.words(all_.chat(ana)))
        await all_.ask(ben, all_.channel, "check-in")
        await all_.core.until(lambda: all_.words(all_.chat(ben)).count("How is your day going?") >= 2)
        assert all_.said(all_.channel) == []
        # a stranger who presses a button that was shown to somebody else
        card = next(one for one in all_.said(all_.chat(ana)) if "How is your day" in json.dumps(one.activity))
        turn = await all_.stand_in.press(ben, all_.chat(ben), card, button(card, "answer"), {"long.work": "mine"})
        assert "somebody else" in json.dumps(turn.json())


@pytest.mark.parametrize("older", [False, True])
async def test_a_confidential_answer_is_kept_nowhere_in_clear(
    tmp_path: Path, older: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with crew(tmp_path) as all_:
        ana = all_.people[0]
        all_.core.clock.advance(timedelta(hours=1, seconds=1))
        await all_.core.until(lambda: "How do you feel" in all_.words(all_.chat(ana)))
        card = next(one for one in all_.said(all_.chat(ana)) if "How do you feel" in json.dumps(one.activity))
        name, value = choice(card)
        turn = await all_.stand_in.press(
            ana, all_.chat(ana), card, button(card, "answer"), {name: value, "long.more": "CANARY"}, older=older
        )
        assert turn.status == 200
        await all_.core.until(lambda: "sealed" in json.dumps(card.activity))
        shown = next(part for part in card.activity["attachments"][0]["content"]["body"] if part.get("id") == name)
        assert "value" not in shown
        for file in tmp_path.rglob("*"):
            if file.is_file():
                assert b"CANARY" not in file.read_bytes(), file.name
        assert "CANARY" not in caplog.text


def button(message: Message, verb: str) -> dict[str, Any]:
    actions = message.activity["attachments"][0]["content"]["actions"]
    return dict(next(action for action in actions if action.get("verb") == verb))


def choice(message: Message) -> tuple[str, str]:
    body = message.activity["attachments"][0]["content"]["body"]
    found = next(part for part in body if part["type"] == "Input.ChoiceSet")
    return str(found["id"]), str(found["choices"][1]["value"])
