"""Blockers that ask for help: shown only with the tick, only to those who may see them, and answered by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tertulia.services import preferences, trends
from tertulia.storage import people, tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "4h"
options = { visibility = "VISIBILITY" }
"""


async def checked_in(town: Any, visibility: str) -> None:
    await town.apply(PROGRAM.replace("VISIBILITY", visibility))
    for name, team in (("Ana", "Red"), ("Ben", "Red"), ("Cleo", "Blue"), ("Dov", "Red")):
        await town.add(name, team=team)
    await town.live(MONDAY + timedelta(hours=10))
    await town.answer("Ana", {"going": "2", "blockers": "The oven is cold.", "help": True})
    await town.answer("Dov", {"blockers": "No flour.", "help": False})
    for name in ("Ben", "Cleo"):
        await town.answer(name, {"going": "4", "mood": "steady", "help": True})


async def test_a_colleague_offers_a_hand_and_the_asker_hears_of_it(open_town: OpenTown) -> None:
    async with open_town() as town:
        await checked_in(town, "team")
        await town.live(MONDAY + timedelta(hours=15))
        assert len(town.letters("Cleo")) == 1  # another team
        offer = town.letters("Ben")[-1]
        assert offer.title == "Can you help?"
        assert "Ana: The oven is cold." in offer.body.plain()
        assert "flour" not in offer.body.plain()
        assert [letter.title for letter in town.letters("Ana")] == ["Daily"]
        (field,) = offer.fields
        assert (await town.answer("Ben", {"hand": [field.options[0].value]})).status == "taken"
        assert (await town.answer("Dov", {"hand": [town.people["Ben"]]})).status == "refused"
        await town.live(MONDAY + timedelta(days=2))
        assert "- Ben" in town.letters("Ana")[-1].body.plain()
        assert len(await town.rows(tables.participation)) == 4


async def test_without_the_tick_or_an_audience_nothing_is_offered(open_town: OpenTown) -> None:
    async with open_town() as town:
        await checked_in(town, "me")
        assert "help" not in [field.key for field in town.letters("Ana")[0].fields]
        await town.live(MONDAY + timedelta(days=2))
        assert [len(town.letters(name)) for name in town.people] == [1, 1, 1, 1]
    async with open_town() as town:
        await checked_in(town, "workspace")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ana"])
        await town.live(MONDAY + timedelta(days=2))
        assert [len(town.letters(name)) for name in town.people] == [1, 1, 1, 1]


async def test_trends_are_of_the_own_weeks_alone(open_town: OpenTown) -> None:
    async with open_town() as town:
        await checked_in(town, "team")
        await town.live(MONDAY + timedelta(days=7, hours=10))
        await town.answer("Ben", {"going": "1", "mood": "tired"})
        async with town.runtime.database.read() as tx:
            ben = await people.person(tx, town.organization, town.people["Ben"])
            dov = await people.person(tx, town.organization, town.people["Dov"])
            assert ben is not None
            assert dov is not None
            assert [(week.name, week.going) for week in await trends.of_member(town.runtime, tx, ben)] == [
                ("2026-W49", 1.0),
                ("2026-W48", 4.0),
            ]
            (only,) = await trends.of_member(town.runtime, tx, dov)
        assert (only.count, only.going, dict(only.words)) == (1, None, {})
