"""kill -9 in the middle of a release: it goes on from what was decided, and comes to the same figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.storage.tables import ballot, cell, delivery, person, release_state, respondent
from tertulia.surveys.confidentiality.release import Closed, release
from tertulia.surveys.keystore import KeyStore
from tertulia.surveys.pulse import Pulse

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
ITEMS = ("recommendation.recommend", "satisfaction.happy", "support.need")
SURVEY = """
[[practice]]
key = "pulse"
kind = "pulse"
title = "Pulse"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "8h"
options = { instruments = ["recommendation", "satisfaction", "support"], questions = 3, parts = 1 }
"""


def values(number: int) -> dict[str, str]:
    return dict(zip(ITEMS, (str(number % 11), str(number % 5 + 1), ("nothing", "time")[number % 2]), strict=True))


async def give_places(town: Any) -> None:
    """Put the members into teams and places, so that there is something to decide."""
    async with town.database() as database, database.write() as tx:
        ids = (await tx.execute(sa.select(person.c.id).order_by(person.c.id))).scalars().all()
        for number, one in enumerate(ids):
            place = {"team": f"D{number % 3} / T{number % 11}", "location": f"L{number % 4}"}
            await tx.execute(person.update().where(person.c.id == one).values(**place))


async def killed_at_work(town: Any) -> bool:
    """Wait until the release has decided something, kill the process, and tell whether it was still at work."""
    process, deadline = town.processes[0], time.monotonic() + 60
    while not await town.rows(sa.select(release_state.c.percent)):
        if not await town.rows(sa.select(ballot.c.id)):
            return False
        assert time.monotonic() < deadline, "the release did not begin"
        await asyncio.sleep(0.002)
    await town.kill(process, restart=False)
    at_work = bool(await town.rows(sa.select(ballot.c.id)))
    await process.start()
    return at_work


@pytest.mark.parametrize(("members", "kills"), [(90, 1), pytest.param(400, 12, marks=pytest.mark.campaign)])
async def test_a_release_that_is_killed_goes_on(fleet: Callable[..., Any], members: int, kills: int) -> None:
    async with fleet(SURVEY, members, running=1, delay=0) as town:
        town.processes = town.processes[:1]
        town.set_clock(OPENS)
        await town.until(lambda: town.all_final("invite", members))
        reached = (await town.users("invite", states={"sent"}))[: members - 3]
        assert len(reached) >= members - 5
        for number, user in enumerate(sorted(reached)):
            assert await town.answer(user, values(number)) == "taken"
        await give_places(town)
        killed = 0
        town.set_clock(OPENS + timedelta(hours=8))
        while killed < kills and await killed_at_work(town):
            killed += 1
        print(f"{killed} of {kills} kills hit a release at work")
        await town.until(town.released)
        await town.until(lambda: asyncio.sleep(0, not KeyStore(town.folder / "rounds").held()), 120)
        assert killed > 0
        for table in (ballot, release_state):
            assert await town.rows(sa.select(table)) == []
        await check_figures(town, len(reached))


async def check_figures(town: Any, answered: int) -> None:
    """Compute the release once more, in one piece, and compare."""
    round_ = await town.round()
    ledger = {row.person_id: row.atom for row in await town.rows(sa.select(respondent))}
    assert len(ledger) == answered
    stored = await town.rows(sa.select(cell).where(cell.c.outcome == "published"))
    assert {row.item for row in stored} >= set(ITEMS[:2])
    asked = {row.recipient for row in await town.rows(sa.select(delivery.c.recipient).distinct())}
    assert ledger.keys() <= asked <= {row.id for row in await town.rows(sa.select(person.c.id))}
    counted = {"promoter": 0, "passive": 0, "detractor": 0}
    for number in range(answered):
        counted["promoter" if number % 11 > 8 else "passive" if number % 11 > 6 else "detractor"] += 1
    whole = next(row for row in stored if (row.family, row.item) == ("company", ITEMS[0]))
    assert all(one["low"] <= counted[one["name"]] <= one["high"] for one in whole.figures)
    atoms = {one: ledger.get(one, {}) for one in asked}
    again = release(
        Closed(round=round_.id, asked=atoms, answers={one: {} for one in ledger}, items=Pulse().items(round_.content))
    )
    assert {(one.item, one.group.key) for one in again.published} >= {(row.item, row.group_key) for row in stored}
