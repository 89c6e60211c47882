"""Whoever opted out of a check-in or an icebreaker is not asked, not reminded, not counted and not in the digest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.services import preferences
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "ritual"
kind = "KIND"
title = "Ritual"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"
reminders = ["2h"]
options = { visibility = "workspace" }
"""


@pytest.mark.parametrize(("kind", "values"), [("check-in", {"going": "3"}), ("icebreaker", {"answer": "The sea."})])
async def test_who_opted_out_is_left_alone(
    open_town: OpenTown, square: Callable[..., Any], kind: str, values: dict[str, str]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM.replace("KIND", kind))
        for name in ("Ana", "Ben", "Cleo"):
            await town.add(name)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "ritual")
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"])
        await town.live(MONDAY + timedelta(hours=10))
        await town.answer("Ana", values)
        await town.live(MONDAY + timedelta(days=1))
        assert [len(town.letters(name)) for name in ("Ana", "Ben", "Cleo")] == [1, 0, 0]
        (closed,) = [row for row in await town.rounds() if row["state"] == "closed"]
        assert closed["summary"]["figures"] == {"invited": 1, "answered": 1, "passed": 0}
        shown = place.ritual.sent[-1].prompt.body.plain()
        assert "1 person" in shown
        assert "Ben" not in shown
        assert "Cleo" not in shown
        assert {row["person_id"] for row in await town.rows(tables.participation)} == {town.people["Ana"]}
