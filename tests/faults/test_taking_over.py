"""Workers that stop, politely, for good or only for a while: others go on, and nothing is sent twice or lost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tertulia.delivery.shards import LANES
from tertulia.testing.loopback_faults import hang

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
DAY = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily check-in"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "8h"
"""
AS_IN_LIFE: dict[str, float] = {}
"""No timing of the test's own."""

NEVER_TWICE = {1}


def counts(town: Any) -> Counter[str]:
    """Return how often each member was asked."""
    return Counter(one.to for one in town.asked())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_another_worker_takes_over_within_a_minute(fleet: Callable[..., Any]) -> None:
    async with fleet(DAY, 300, running=1, timing=AS_IN_LIFE, delay=0.5) as town:
        first, second = town.processes
        town.set_clock(OPENS)
        await town.arrivals(50)
        await second.start()
        await first.kill()
        arrived = len(town.platform.journal)
        begun = time.monotonic()
        await town.arrivals(arrived + 1, 60)
        print(f"taken over after {time.monotonic() - begun:.1f} s")
        await town.until(lambda: town.all_final("invite", 300), 60)
        states = await town.states("invite")
        assert set(counts(town).values()) == NEVER_TWICE
        assert states["sent"] + states["ambiguous"] == 300
        assert states["ambiguous"] <= LANES


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_process_that_has_its_database_to_itself_waits_for_no_lease(fleet: Callable[..., Any]) -> None:
    async with fleet(DAY, 300, timing={"shard_lease": 3600.0}, delay=0.2) as town:
        town.set_clock(OPENS)
        await town.arrivals(50)
        await town.kill(town.processes[0])
        arrived = len(town.platform.journal)
        begun = time.monotonic()
        await town.arrivals(arrived + 1, 90)
        print(f"went on {time.monotonic() - begun:.1f} s after it was ready")


async def test_a_worker_that_is_asked_to_stop_leaves_nothing_uncertain(fleet: Callable[..., Any]) -> None:
    async with fleet(DAY, 600, running=1, delay=0.3) as town:
        process = town.processes[0]
        town.set_clock(OPENS)
        await town.arrivals(100)
        seconds = await process.terminated(45)
        states, arrived = await town.states("invite"), counts(town)
        print(f"stopped after {seconds:.1f} s: {dict(states)}")
        assert states.keys() == {"sent", "planned"}
        assert states["sent"] == len(arrived) < 600
        await process.start()
        await town.until(lambda: town.all_final("invite", 600))
        assert await town.states("invite") == {"sent": 600}
        assert len(counts(town)) == 600
        assert set(counts(town).values()) == NEVER_TWICE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_worker_that_is_asked_to_stop_does_not_wait_for_a_platform_that_hangs(
    fleet: Callable[..., Any],
) -> None:
    async with fleet(DAY, 100, running=1, timeout=60) as town:
        town.platform.choose = lambda verb: hang(carried_out=True)
        process = town.processes[0]
        town.set_clock(OPENS)
        await town.arrivals(8)
        seconds = await process.terminated(45)
        print(f"stopped after {seconds:.1f} s")
        town.platform.choose = None
        await process.start()
        await town.until(lambda: town.all_final("invite", 100))
        states = await town.states("invite")
        assert set(counts(town).values()) == NEVER_TWICE
        assert set(await town.users("invite", states={"sent"})) <= set(counts(town))
        assert states["sent"] + states["ambiguous"] == 100


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_worker_that_was_away_for_longer_than_its_lease_is_fenced(fleet: Callable[..., Any]) -> None:
    async with fleet(DAY, 500, running=1, delay=0.3) as town:
        sleeper, other = town.processes
        town.set_clock(OPENS)
        await town.arrivals(60)
        await other.start()
        sleeper.signal(signal.SIGSTOP)
        await asyncio.sleep(0.5)
        # where it stopped inside a transaction, the others wait until PostgreSQL ends that one
        await town.arrivals(len(town.platform.journal) + 2 * LANES, 120)
        sleeper.signal(signal.SIGCONT)
        await town.until(lambda: town.all_final("invite", 500))
        await asyncio.sleep(1)
        states = await town.states("invite")
        print(dict(states))
        assert set(counts(town).values()) == NEVER_TWICE
        assert states["sent"] + states["ambiguous"] == 500
        assert states["ambiguous"] <= LANES
        assert set(await town.users("invite", states={"sent"})) <= set(counts(town))
        # it goes on as a worker like any other
        await sleeper.terminated(45)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_waits_for_the_rate_limit_is_not_uncertain(fleet: Callable[..., Any]) -> None:
    async with fleet(DAY, 250, running=1, delay=0.02, rate=45) as town:
        town.set_clock(OPENS)
        await town.arrivals(100)
        await town.kill(town.processes[0])
        await town.until(lambda: town.all_final("invite", 250))
        states = await town.states("invite")
        print(dict(states))
        assert set(counts(town).values()) == NEVER_TWICE
        assert states["ambiguous"] <= LANES // 2
