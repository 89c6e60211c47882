"""Ballots under kill -9: what was acknowledged last counts once, and nothing is left that could open or join them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.storage.tables import ballot, cell, identity, respondent
from tertulia.surveys.keystore import KeyStore

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
MEMBERS, PASSING = 18, 3
SURVEY = """
[[practice]]
key = "pulse"
kind = "single-question"
title = "Pulse"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "8h"

[practice.options]
question = "How connected do you feel?"
"""


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.campaign)])
async def test_a_ballot_changed_twice_counts_once_with_its_last_content(
    fleet: Callable[..., Any], kills: int
) -> None:
    async with fleet(SURVEY, MEMBERS, delay=0.01) as town:
        town.set_clock(OPENS)
        await town.until(lambda: town.all_final("invite", MEMBERS))
        # who was invited in vain has no button to press; nobody was killed yet
        assert await town.states("invite") == {"sent": MEMBERS}
        last = {f"u{number}": "3" if number < 10 else "8" for number in range(MEMBERS)}
        passing = {f"u{number}" for number in range(MEMBERS - PASSING, MEMBERS)}

        async def change(user: str) -> None:
            for point in ("1", "5", last[user]):
                assert await town.answer(user, {"answer": point}) in ("taken", "changed")
                await asyncio.sleep(town.chance.uniform(0, 0.3))
            if user in passing:
                assert await town.answer(user, {}, verb="pass") == "changed"

        changing = [asyncio.create_task(change(user)) for user in last]
        for _ in range(kills):
            await asyncio.sleep(town.chance.uniform(0, 0.3))
            await town.kill(town.chance.choice(town.processes))
        await asyncio.gather(*changing)

        sealed = await town.rows(sa.select(ballot))
        assert len(sealed) == MEMBERS
        assert len({len(row.sealed) for row in sealed}) == 1
        assert len(KeyStore(town.folder / "rounds").held()) == 1

        town.set_clock(OPENS + timedelta(hours=8))
        await asyncio.sleep(town.chance.uniform(0, 0.5))
        await town.kill(town.chance.choice(town.processes))
        await town.until(town.released)
        await town.until(lambda: asyncio.sleep(0, not KeyStore(town.folder / "rounds").held()), 120)

        round_ = await town.round()
        figures = round_.summary["figures"]
        counted = Counter(point for user, point in last.items() if user not in passing)
        assert counted == {"3": 10, "8": 5}
        assert figures["answered"] == 15
        whole = await town.rows(sa.select(cell.c.figures).where(cell.c.family == "company"))
        assert {one["name"]: one["value"] for one in whole[0].figures} == {"high": 5, "middle": 0, "low": 10}
        assert await town.rows(sa.select(ballot)) == []
        joined = respondent.join(identity, respondent.c.person_id == identity.c.person_id)
        noted = [row.user for row in await town.rows(sa.select(identity.c.user).select_from(joined))]
        assert sorted(noted) == sorted(last.keys() - passing)
