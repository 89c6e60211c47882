"""kill -9 at random points of a running round: nothing acknowledged is lost, and nobody is invited twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.delivery.shards import LANES
from tertulia.storage.tables import identity, response

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
DAY = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily check-in"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "8h"
reminders = ["4h"]
"""
SHARDS = 4
"""A process works on that many shards at once, each with its lanes."""


@pytest.mark.parametrize(("members", "kills"), [(2000, 10), pytest.param(10_000, 300, marks=pytest.mark.campaign)])
async def test_a_round_survives_kills(fleet: Callable[..., Any], members: int, kills: int) -> None:
    async with fleet(DAY, members) as town:
        half, patience = kills // 2, 120 + members / 50
        town.set_clock(OPENS)
        async with answering(town, 4):
            await kill_at_random(town, half, members)
            await town.until(lambda: town.all_final("invite", members), patience)
        await check_invitations(town, members, half)

        since = len(town.platform.journal)
        town.set_clock(OPENS + timedelta(hours=4))
        async with answering(town, 2):
            await kill_at_random(town, kills - half, members - len(town.given))
            if not town.embedded:
                await town.processes.pop(0).kill()
            await town.until(lambda: town.all_final("remind:1"), patience)
        await check_reminders(town, since, kills - half + (0 if town.embedded else 1))

        town.set_clock(OPENS + timedelta(hours=8))
        await town.until(town.closed)
        assert town.given
        assert await stored_answers(town) == town.given


async def check_invitations(town: Any, members: int, kills: int) -> None:
    """Hold a `never` purpose to its promise."""
    arrived, states = Counter(one.to for one in town.asked()), await town.states("invite")
    twice = sum(count > 1 for count in arrived.values())
    print(f"invite: {kills} kills, {dict(states)}, {len(arrived)} arrived, {twice} twice")
    assert twice == 0
    assert states.total() == members
    assert states["sent"] + states["ambiguous"] == members
    assert set(await town.users("invite", states={"sent"})) <= set(arrived)
    assert states["ambiguous"] <= kills * LANES * SHARDS


async def check_reminders(town: Any, since: int, kills: int) -> None:
    """Hold a `repeat` purpose to its promise."""
    arrived, states = Counter(one.to for one in town.asked(since)), await town.states("remind:1")
    doubles = arrived.total() - len(arrived)
    print(f"remind: {kills} kills, {dict(states)}, {len(arrived)} arrived, {doubles} doubles")
    assert states.keys() <= {"sent", "skipped"}
    assert set(await town.users("remind:1", states={"sent"})) <= set(arrived)
    assert max(arrived.values()) <= 1 + kills
    assert doubles <= kills * LANES * SHARDS


async def kill_at_random(town: Any, kills: int, calls: int) -> None:
    """Kill processes while *calls* calls are made: some after a moment, some after a number of calls."""
    restarts: set[asyncio.Task[None]] = set()
    for _ in range(kills):
        if town.chance.random() < 0.3:
            await asyncio.sleep(town.chance.uniform(0, 1))
        else:
            wanted = len(town.platform.journal) + town.chance.randint(1, max(2, int(1.2 * calls / kills)))
            # where the phase has ended, or all wait for a lease, a kill is welcome, too
            with suppress(AssertionError):
                await town.arrivals(wanted, 6)
        await asyncio.gather(*restarts)
        restarts = {asyncio.create_task(town.kill(town.chance.choice(town.processes)))}
        if town.embedded:
            await asyncio.gather(*restarts)
    await asyncio.gather(*restarts)


@asynccontextmanager
async def answering(town: Any, members: int) -> AsyncIterator[None]:
    """Let members answer all the while, some of them twice; what was acknowledged last is kept in `town.given`."""
    stop, busy = asyncio.Event(), set[str]()

    async def member(name: str) -> None:
        number = 0
        while not stop.is_set():
            await asyncio.sleep(0.05)
            asked = town.platform.journal
            user = town.chance.choice(asked).to if asked else ""
            if not user or user in busy:
                continue
            busy.add(user)
            number += 1
            text = f"answer {number} of {name}, {town.chance.random()}"
            assert await town.answer(user, {"work": text}) in ("taken", "changed")
            town.given[user] = text
            busy.discard(user)

    tasks = [asyncio.create_task(member(str(number))) for number in range(members)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def stored_answers(town: Any) -> dict[str, str]:
    """Return what is stored, by the account of whoever gave it."""
    joined = response.join(identity, response.c.person_id == identity.c.person_id)
    query = sa.select(identity.c.user, response.c["values"].label("given")).select_from(joined)
    return {row.user: row.given["work"] for row in await town.rows(query)}
