"""Webhooks five times over, shuffled and a day late, to processes that die: the same end as an oracle's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from tertulia.services.facts import week_of
from tertulia.storage import keys
from tertulia.storage.tables import identity, inbox, interaction, participation
from tertulia.storage.ties import end
from tertulia.storage.vault import Vault
from tertulia.testing.loopback_server import event

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
PLACED = """
[[practice]]
key = "daily"
kind = "check-in"
title = "Daily check-in"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "30h"
places = ["loopback:general"]
ask = "place"
"""
MEMBERS, TIMES = 30, 5


@pytest.mark.parametrize(("events", "kills"), [(240, 3), pytest.param(5000, 60, marks=pytest.mark.campaign)])
async def test_duplicated_shuffled_late_events_end_as_the_oracle_says(
    fleet: Callable[..., Any], events: int, kills: int
) -> None:
    async with fleet(PLACED, MEMBERS, delay=0) as town:
        town.set_clock(OPENS)
        await town.until(lambda: town.all_final("post", 1))
        # a day after it happened
        town.set_clock(OPENS + timedelta(hours=25))
        told = [_event(town.chance, number) for number in range(events)]
        await _install(town)
        batch = told * TIMES
        town.chance.shuffle(batch)
        sending = asyncio.create_task(_deliver(town, batch))
        for _ in range(kills):
            await asyncio.sleep(town.chance.uniform(0, 0.8))
            await town.kill(town.chance.choice(town.processes))
        await sending
        await town.until(lambda: _processed(town), 120)
        assert await _participations(town) == _expected_participations(told)
        assert await _ties(town) == _expected_ties(told)
        kept = await town.rows(sa.select(inbox.c.state, inbox.c.sealed))
        assert Counter(row.state for row in kept) == {"done": events}
        assert {row.sealed for row in kept} == {None}


def _event(chance: Any, number: int) -> dict[str, Any]:
    user, at = f"u{chance.randrange(MEMBERS)}", OPENS + timedelta(minutes=chance.randrange(60))
    if chance.random() < 0.6:
        ended = at + timedelta(minutes=chance.randrange(1, 90)) if chance.random() < 0.7 else None
        more = {"ended": ended} if ended else {}
        return event("participated", user, place="general", at=at, event=f"e{number}", **more)
    other = f"u{chance.randrange(MEMBERS)}"
    kind = chance.choice(["mention", "reply", "kudos"])
    # one second of its own for each: equal statements in several events are one
    at += timedelta(days=-chance.randrange(2), seconds=number % 60, microseconds=number)
    return event("interacted", user, target=other, kind=kind, place="general", at=at, event=f"e{number}")


def _expected_participations(told: Sequence[dict[str, Any]]) -> dict[tuple[str, datetime], datetime | None]:
    expected: dict[tuple[str, datetime], datetime | None] = {}
    for one in told:
        if one["type"] == "participated":
            key = (one["user"], datetime.fromisoformat(one["at"]))
            ends = [expected.get(key), datetime.fromisoformat(one["ended"]) if "ended" in one else None]
            expected[key] = max((end for end in ends if end), default=None)
    return expected


def _expected_ties(told: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], float]:
    ties: Counter[tuple[str, ...]] = Counter()
    for one in told:
        if one["type"] == "interacted" and one["user"] != one["target"]:
            ties[week_of(datetime.fromisoformat(one["at"])), one["kind"], one["user"], one["target"]] += 1
    return {tie: float(count) for tie, count in ties.items()}


async def _participations(town: Any) -> dict[tuple[str, datetime], datetime | None]:
    found = participation.join(identity, participation.c.identity_id == identity.c.id)
    query = sa.select(identity.c.user, participation.c.started_at, participation.c.ended_at).select_from(found)
    rows = await town.rows(query)
    stored = {(row.user, row.started_at): row.ended_at for row in rows}
    assert len(stored) == len(rows)
    (carried,) = {row.round_id for row in await town.rows(sa.select(participation.c.round_id))}
    assert carried == (await town.round()).id
    return stored


async def _ties(town: Any) -> dict[tuple[str, ...], float]:
    async with town.database() as database, database.read() as tx:
        vault = await keys.rooted(tx, Vault(keys.load(town.folder / "keys")))
    users = {row.person_id: row.user for row in await town.rows(sa.select(identity.c.person_id, identity.c.user))}
    known = {end(vault, town.organization, person): user for person, user in users.items() if person is not None}
    return {
        (row.week, row.kind, known[row.source_id], known[row.target_id]): row.weight
        for row in await town.rows(sa.select(interaction))
    }


async def _processed(town: Any) -> bool:
    return not await town.rows(sa.select(inbox.c.id).where(inbox.c.state == "received").limit(1))


async def _install(town: Any) -> None:
    """Let the platform learn its hook, at whichever process answers."""
    await town.platform.install(town.route(town.processes[0]))


async def _deliver(town: Any, batch: Sequence[dict[str, Any]]) -> None:
    """Send as a platform does: again until it is answered 200."""
    path = town.platform.hook.split("/", 3)[3]
    waiting = list(batch)

    async def carrier() -> None:
        while waiting:
            one = waiting.pop()
            town.platform.hook = f"http://127.0.0.1:{town.chance.choice(town.processes).port}/{path}"
            try:
                statuses = await town.platform.post_events([one])
            except aiohttp.ClientError:
                statuses = [0]
            if statuses != [200]:
                waiting.append(one)
                await asyncio.sleep(0.05)

    await asyncio.gather(*(carrier() for _ in range(8)))
