"""Hard weeks on the driven clock: what rests, what is said instead, who is left alone, and when all goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.domain.people import Actor
from tertulia.errors import Mistake
from tertulia.services import answers, hard_weeks, open_prompts, preferences
from tertulia.services.prompts import open_ticket
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
RESUMES = MONDAY + timedelta(days=10)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "ice"
kind = "icebreaker"
title = "Icebreaker"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "3d"
reminders = ["1d"]

[[practice]]
key = "check"
kind = "check-in"
title = "Check-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
"""


async def begin(town: Any, **wanted: Any) -> hard_weeks.Begun:
    given = {"resumes": RESUMES, "word": "The office in Porto closes.", "actor": "test", **wanted}
    async with town.runtime.database.write() as tx:
        return await hard_weeks.begin(town.runtime, tx, town.organization, town.workspace, **given)


async def end(town: Any, begun: hard_weeks.Begun) -> None:
    async with town.runtime.database.write() as tx:
        await hard_weeks.end(town.runtime, tx, town.organization, town.workspace, begun.span.id, actor="test")


def titles(town: Any, name: str) -> list[str]:
    return [letter.title for letter in town.letters(name)]


async def test_playful_practices_rest_and_a_support_round_opens_until_the_date(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        for name in ("Ana", "Ben", "Cleo", "Dov"):
            await town.add(name)
        await town.apply(PROGRAM)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Dov"])
        await town.live(MONDAY + timedelta(hours=10))
        await town.answer("Ana", {"answer": "The sea."}, letter=titles(town, "Ana").index("Icebreaker"))
        begun = await begin(town)
        assert (begun.resting, begun.ended) == (("Icebreaker",), 1)
        await town.live(MONDAY + timedelta(hours=12))
        # the open round ended kindly, in its place and for whoever answers now
        assert "These are hard weeks, so this rests for now." in place.ritual.sent[-1].prompt.body.plain()
        question = town.letters("Ben")[titles(town, "Ben").index("Icebreaker")]
        ticket = open_ticket(town.runtime.vault, question.actions[0].token)
        reply = await answers.answer(
            town.runtime, ticket, person=town.people["Ben"], platform="square", values={"answer": "Late."}, key=None
        )
        assert reply.status == "closed"
        assert "these are hard weeks" in reply.text.plain()
        # the candle comes first
        support = town.letters("Ben")[-1]
        assert support.title == "Hard weeks"
        assert support.body.plain().startswith("If you need somebody: write candle to me in private")
        assert "The office in Porto closes." in support.body.plain()
        assert "rest until 2026-12-03" in support.body.plain()
        assert (await town.answer("Cleo", verb="listen")).status == "taken"
        assert (await town.answer("Ben", verb="pass")).status == "taken"

        await town.live(MONDAY + timedelta(days=4))
        assert town.letters("Ana")[-1].body.plain().endswith("just write to one of them:\n\n- Cleo")
        assert "Cleo" not in town.letters("Cleo")[-1].body.plain()
        await town.live(MONDAY + timedelta(days=9))
        # the icebreaker of the second Monday was not held, the check-in was
        assert [titles(town, "Ana").count(title) for title in ("Icebreaker", "Check-in")] == [1, 2]
        await town.live(MONDAY + timedelta(days=14, hours=12))
        assert [titles(town, "Ana").count(title) for title in ("Icebreaker", "Check-in")] == [2, 3]
        assert town.letters("Dov") == []
        kept = {row["practice"]: row["state"] for row in await town.rounds() if row["practice"] == "hard_weeks"}
        assert kept == {"hard_weeks": "closed"}
        supporting = {row["id"] for row in await town.rounds() if row["practice"] == "hard_weeks"}
        assert not supporting & {row["round_id"] for row in await town.rows(tables.participation)}


async def test_hard_weeks_of_a_team_leave_its_members_alone_and_the_others_play_on(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.add("Ana", team="Sales")
        await town.add("Ben", team="Sales")
        await town.add("Cleo", team="Labs")
        await town.apply(PROGRAM.replace('ask = "both"\nplaces = ["square:hall"]\n', ""))
        await town.live(MONDAY + timedelta(hours=10))
        await begin(town, team="Sales")
        await town.live(MONDAY + timedelta(days=2))
        assert [titles(town, name).count("Hard weeks") for name in ("Ana", "Ben", "Cleo")] == [1, 1, 0]
        # the reminder reaches the other team alone
        assert [titles(town, name).count("Icebreaker") for name in ("Ana", "Ben", "Cleo")] == [1, 1, 2]
        await town.live(MONDAY + timedelta(days=7, hours=12))
        assert [titles(town, name).count("Icebreaker") for name in ("Ana", "Ben", "Cleo")] == [1, 1, 3]
        await town.live(MONDAY + timedelta(days=14, hours=12))
        assert [titles(town, name).count("Icebreaker") for name in ("Ana", "Ben")] == [2, 2]


async def test_taken_back_the_practices_go_on_and_the_support_round_ends(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.add("Ana")
        await town.apply(PROGRAM.replace('ask = "both"\nplaces = ["square:hall"]\n', ""))
        await town.live(MONDAY + timedelta(hours=10))
        begun = await begin(town)
        with pytest.raises(Mistake, match="hard weeks already"):
            await begin(town)
        await end(town, begun)
        with pytest.raises(Mistake, match="no such hard weeks"):
            await end(town, begun)
        await town.live(MONDAY + timedelta(hours=12))
        # taken back before the timer read it: the open round goes on, and nobody is told anything
        asked = titles(town, "Ana").index("Icebreaker")
        assert (await town.answer("Ana", {"answer": "The sea."}, letter=asked)).status == "taken"
        assert "Hard weeks" not in titles(town, "Ana")
        await town.live(MONDAY + timedelta(days=7, hours=12))
        assert titles(town, "Ana").count("Icebreaker") >= 2
        verbs = [row["verb"] for row in await town.rows(tables.audit)]
        assert [verb for verb in verbs if verb.startswith("hard_weeks")] == ["hard_weeks.begin", "hard_weeks.end"]


async def test_what_was_asked_before_is_not_offered_any_more(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.add("Ana")
        await town.apply(PROGRAM.replace('ask = "both"\nplaces = ["square:hall"]\n', ""))
        await town.live(MONDAY + timedelta(hours=9, minutes=40))
        await begin(town)
        await town.live(MONDAY + timedelta(hours=11))
        async with town.runtime.database.read() as tx:
            actor = Actor(platform="square", realm="r", user="Ana")
            offered = await open_prompts.of(town.runtime, tx, town.organization, actor)
        assert sorted(prompt.title for prompt in offered) == ["Check-in", "Hard weeks"]


async def test_what_makes_no_sense_is_refused(open_town: OpenTown) -> None:
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"resumes": MONDAY}, "coming 92 days"),
        ({"resumes": MONDAY + timedelta(days=93)}, "coming 92 days"),
        ({"team": "Nobody's"}, "No member"),
        ({"word": "x" * 601}, "600 characters"),
        ({"word": "a\x00b"}, "600 characters"),
    ]
    async with open_town() as town:
        for wrong, said in wrongs:
            with pytest.raises(Mistake, match=said):
                await begin(town, **wrong)
        assert await town.rows(tables.hard_weeks) == await town.rounds() == []
