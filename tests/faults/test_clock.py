"""Clocks that jump a day, and both changes of summer time: one round per occurrence, and nobody asked twice."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tertulia.sandbox.drive import drive, settled
from tertulia.storage.tables import delivery, person, round_table
from tertulia.testing import loopback
from tertulia.testing.clock import DrivenClock
from tertulia.testing.loopback_server import LoopbackServer, event
from tertulia.testing.world import Home, World, world

ZONES = ("Europe/Berlin", "America/New_York")
DAYS = 6
NIGHTLY = """
message_budget = 20

[[practice]]
key = "nightly"
kind = "check-in"
title = "Nightly"
cadence = {{ rule = "FREQ=DAILY;COUNT={count}", start = "{start}", time = "local" }}
open_for = "60h"
"""
CHANGES = [date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)]
"""New York and Berlin go ahead, Berlin and New York go back."""


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("at", [time(2, 30), pytest.param(time(1, 30), marks=pytest.mark.campaign)], ids=str)
@pytest.mark.parametrize("jumps", [False, True], ids=["steady", "jumping"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_there_is_one_round_per_occurrence(
    database_url: str, tmp_path: Path, change: date, at: time, jumps: bool
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    first = datetime.combine(change - timedelta(days=DAYS // 2), at)
    begin = first.replace(tzinfo=UTC) - timedelta(days=2)
    end = begin + timedelta(days=DAYS + 6)
    clock = DrivenClock(begin)
    async with (
        LoopbackServer() as platform,
        world(database_url, tmp_path, clock=clock, plugins={"loopback": loopback}) as core,
    ):
        home = await _settle(core, platform)
        await core.apply(home, NIGHTLY.format(count=DAYS, start=first.isoformat(timespec="minutes")))
        if jumps:
            await _jump(core, random.Random(seed), end)
        sent_at: dict[str, datetime] = {}
        async for now in drive(core.runtime, clock, end):
            sent_at.update({one.ref: now for one in platform.carried_out("ask") if one.ref not in sent_at})
        await _check(core, platform, first)
        if not jumps:
            await _check_hours(core, sent_at, first)


async def _settle(core: World, platform: LoopbackServer) -> Home:
    home = await core.workspace(domains=["example.org"])
    await core.enable(home, "loopback", platform.settings())
    for zone in ZONES:
        awake = {"quiet_start": "00:00", "quiet_end": "00:00"}
        await core.person(home, zone, email=f"{zone.partition('/')[2].lower()}@example.org", zone=zone, **awake)
    live = core.runtime.installations.of(home.workspace)[0]
    await platform.install(live.context.public_url)
    accounts = [(zone, zone.partition("/")[2].lower()) for zone in ZONES]
    await platform.post_events(
        [event("joined", user, name=zone, email=f"{user}@example.org") for zone, user in accounts]
    )
    await core.until(lambda: _both(core, home))
    return home


async def _both(core: World, home: Home) -> bool:
    return await core.reachable(home, "loopback") == len(ZONES)


async def _jump(core: World, chance: random.Random, end: datetime) -> None:
    """Go on by hours, and now and then by a day ahead or back, without stopping at what is due."""
    ahead = core.clock.now()
    while ahead < end:
        step = chance.choice([timedelta(hours=chance.uniform(0.2, 9))] * 6 + [timedelta(days=1), timedelta(days=-1)])
        core.clock.advance(step)
        await settled(core.runtime)
        ahead = max(ahead, core.clock.now())


async def _check(core: World, platform: LoopbackServer, first: datetime) -> None:
    async with core.runtime.database.read() as tx:
        rounds = (await tx.execute(sa.select(round_table.c.occurrence, round_table.c.state))).all()
        sends = (await tx.execute(sa.select(delivery.c.round_id, delivery.c.recipient, delivery.c.state))).all()
    expected = {(first + timedelta(days=number)).isoformat() for number in range(DAYS)}
    assert Counter(row.occurrence for row in rounds) == Counter(expected)
    assert {row.state for row in rounds} == {"closed"}
    assert Counter(row.state for row in sends) == {"sent": DAYS * len(ZONES)}
    assert len({(row.round_id, row.recipient) for row in sends}) == DAYS * len(ZONES)
    assert len(platform.carried_out("ask")) == DAYS * len(ZONES)
    assert set(Counter(one.key for one in platform.carried_out("ask")).values()) == {1}


async def _check_hours(core: World, sent_at: dict[str, datetime], first: datetime) -> None:
    """See that everybody was asked at the hour of their own wall clock, a hour that does not exist being later."""
    query = (
        sa.select(delivery.c.ref, person.c.zone, round_table.c.occurrence)
        .join(person, person.c.id == delivery.c.recipient)
        .join(round_table, round_table.c.id == delivery.c.round_id)
    )
    async with core.runtime.database.read() as tx:
        rows = (await tx.execute(query)).all()
    for row in rows:
        wall = datetime.fromisoformat(row.occurrence).replace(tzinfo=ZoneInfo(row.zone))
        shown = sent_at[row.ref].astimezone(ZoneInfo(row.zone))
        assert shown.date() == wall.date()
        # compared in UTC: Python takes instants in an hour that occurs twice for unequal to all others
        assert sent_at[row.ref] == wall.astimezone(UTC) or shown.hour == wall.hour + 1
