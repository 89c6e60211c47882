"""A pulse under kill -9, from its invitations to its results: no acknowledged answer is lost, none counts twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.storage.tables import ballot, cell, delivery, identity, respondent
from tertulia.surveys.keystore import KeyStore

OPENS = datetime.fromisoformat("2026-11-23T09:30:00+00:00")
MEMBERS, CONTENT, UNHAPPY, DECLINING, PASSING = 20, 10, 5, 3, 2
SURVEY = """
[[practice]]
key = "pulse"
kind = "pulse"
title = "Pulse"
cadence = { rule = "FREQ=YEARLY", start = "2026-11-23T09:30", time = "common", zone = "UTC" }
open_for = "8h"

[practice.options]
instruments = ["recommendation", "satisfaction", "support"]
questions = 3
"""


def last_of(number: int) -> tuple[str, dict[str, Any]]:
    """Return the button that a member presses last, and what they give."""
    if number >= CONTENT + UNHAPPY:
        reason = {"pass.reason": "time"} if number < CONTENT + UNHAPPY + DECLINING else {}
        return "decline", reason
    happy = number < CONTENT
    score, step, need = ("9", "5", ["nothing"]) if happy else ("2", "1", ["time", "care"])
    return "answer", {"recommendation.recommend": score, "satisfaction.happy": step, "support.need": need}


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.campaign)])
async def test_a_pulse_survives_kills(fleet: Callable[..., Any], kills: int) -> None:
    async with fleet(SURVEY, MEMBERS, delay=0.01) as town:
        town.set_clock(OPENS)
        await town.until(lambda: town.all_final("invite", MEMBERS))
        assert await town.states("invite") == {"sent": MEMBERS}

        async def member(number: int) -> None:
            first = {"recommendation.recommend": "5", "satisfaction.happy": "3", "support.need": "tools"}
            assert await town.answer(f"u{number}", first) == "taken"
            await asyncio.sleep(town.chance.uniform(0, 0.4))
            verb, values = last_of(number)
            assert await town.answer(f"u{number}", values, verb=verb) == "changed"

        answering = [asyncio.create_task(member(number)) for number in range(MEMBERS)]
        for _ in range(kills):
            await asyncio.sleep(town.chance.uniform(0, 0.3))
            await town.kill(town.chance.choice(town.processes))
        await asyncio.gather(*answering)
        assert len(await town.rows(sa.select(ballot))) == MEMBERS

        town.set_clock(OPENS + timedelta(hours=8))
        await asyncio.sleep(town.chance.uniform(0, 0.6))
        await town.kill(town.chance.choice(town.processes))
        await town.until(lambda: ended(town))
        await town.until(lambda: asyncio.sleep(0, not KeyStore(town.folder / "rounds").held()), 120)
        await check_released(town)

        since = len(town.platform.journal)
        town.set_clock(OPENS + timedelta(days=2, hours=8))
        await asyncio.sleep(town.chance.uniform(0, 0.6))
        await town.kill(town.chance.choice(town.processes))
        await town.until(lambda: town.all_final("results", MEMBERS))
        assert {one.to for one in town.asked(since)} == {f"u{number}" for number in range(MEMBERS)}
        assert set(await town.states("results")) == {"sent"}


async def ended(town: Any) -> bool:
    found = await town.round()
    return found is not None and found.state == "released"


async def check_released(town: Any) -> None:
    """Count everybody's last word once, in what is published, and find nothing else of it."""
    assert await town.rows(sa.select(ballot)) == []
    company = {row.item: row for row in await town.rows(sa.select(cell).filter_by(family="company"))}
    counted = {item: {one["name"]: one["value"] for one in row.figures} for item, row in company.items()}
    assert counted["recommendation.recommend"] == {"promoter": CONTENT, "passive": 0, "detractor": UNHAPPY}
    assert counted["satisfaction.happy"] == {"favourable": CONTENT, "neutral": 0, "unfavourable": UNHAPPY}
    assert counted["support.need.care"] == {"yes": UNHAPPY, "no": CONTENT}
    assert counted["support.need.tools"] == {"yes": 0, "no": CONTENT + UNHAPPY}
    assert company["pass.reason"].outcome == "too_few"
    joined = respondent.join(identity, respondent.c.person_id == identity.c.person_id)
    noted = Counter(row.user for row in await town.rows(sa.select(identity.c.user).select_from(joined)))
    # so few reasons are not published, and then nothing tells who gave one
    assert noted == Counter(f"u{number}" for number in range(CONTENT + UNHAPPY))
    twice = sa.select(delivery.c.recipient).group_by(delivery.c.recipient, delivery.c.purpose)
    assert await town.rows(twice.having(sa.func.count() > 1)) == []
