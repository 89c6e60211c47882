"""The nudge to take time off reaches those who joined, counts nothing, and keeps nothing that anybody presses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.services import preferences, sign_ups
from tertulia.services.program_document import ProgramMistake
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
NUDGE = """
[[practice]]
key = "rest"
kind = "time-off"
title = "Time off"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "6h"

[practice.options]
how = "Ask for it at people.example.org."
"""


async def test_it_reaches_who_joined_and_keeps_nothing(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(NUDGE)
        for name in ("Ana", "Ben", "Cleo"):
            await town.add(name)
        await town.join("rest", "Ana", "Cleo")
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"], "rest")
        await town.live(MONDAY + timedelta(hours=10))
        (letter,) = town.letters("Ana")
        assert "day on which you did not think of work" in letter.body.plain()
        assert letter.body.plain().endswith("Ask for it at people.example.org.")
        assert [action.verb for action in letter.actions] == ["pass"]
        reply = await town.answer("Ana", verb="pass")
        assert (reply.status, reply.text.plain()) == ("taken", "All right. That you pressed this is not kept.")
        await town.live(MONDAY + timedelta(days=7, hours=10))
        assert [len(town.letters(name)) for name in ("Ana", "Ben", "Cleo")] == [2, 0, 0]
        assert town.letters("Ana")[1].body != letter.body
        assert await town.rows(tables.response) == await town.rows(tables.participation) == []
        # leaving is as easy as joining
        async with town.runtime.database.write() as tx:
            where = (town.organization, town.workspace, "rest")
            await sign_ups.withdraw(town.runtime, tx, *where, [town.people["Ana"]])
        await town.live(MONDAY + timedelta(days=14, hours=10))
        assert len(town.letters("Ana")) == 2


async def test_a_program_may_send_it_to_nobody_who_did_not_ask(open_town: OpenTown) -> None:
    async with open_town() as town:
        with pytest.raises(ProgramMistake, match='asks only who joined; write join = "opt-in"'):
            await town.apply(NUDGE.replace('join = "opt-in"\n', ""))
