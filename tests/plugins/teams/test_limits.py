"""Hundreds of members, or ten thousand, at the tenant's limit, while the connector refuses one in ten."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

import tertulia_teams
from tertulia import Window
from tertulia.services import people
from tertulia.testing.context import FakeLimiter
from tertulia.testing.world import Home, World, world
from tertulia_teams.limits import CONVERSATION, RECENT, Rates, tenant_windows
from tertulia_teams.references import Reference
from tertulia_teams.stand_in.faults import Fault, refusal, too_many
from tertulia_teams.stand_in.server import StandIn

CHUNK = 200
PER_CHAT = 7
"""What Microsoft allows in one conversation within a second."""
PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""


def most_in_a_second(instants: list[float]) -> int:
    most, first = 0, 0
    for last, instant in enumerate(instants):
        while instant - instants[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    ("members", "rate"), [(200, 200), pytest.param(10_000, 50, marks=pytest.mark.campaign, id="campaign")]
)
async def test_all_reach_a_final_state_within_the_limit_and_nobody_twice(
    tmp_path: Path, members: int, rate: int
) -> None:
    draw = random.Random(20260105)

    def choose(api: str) -> Fault | None:
        chance = draw.random()
        if api != "connector" or chance >= 0.1:
            return None
        return too_many(1) if chance < 0.05 else too_many() if chance < 0.09 else refusal(412, after=1)

    async with (
        StandIn(limit=rate) as stand_in,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
    ):
        home = await settled_in(core, stand_in, members, rate)
        stand_in.faults.choose = choose
        await core.apply(home, PROGRAM)
        core.clock.advance(timedelta(hours=1, seconds=1))

        async def settled() -> bool:
            await asyncio.sleep(0.2 + members / 20_000)
            (row,) = [row for row in await core.rounds(home) if row.state == "open"] or [None]
            if row is None:
                return False
            states = (await core.progress(home, row.id)).deliveries.get("invite", {})
            core.clock.advance(timedelta(milliseconds=200))
            return states.get("sent", 0) == members

        began = time.monotonic()
        await core.until(settled, 40 + 8 * members / rate)
        got = Counter(len(stand_in.cards(person)) for person in stand_in.tenant.people.values())
        assert got == {1: members}
        assert stand_in.violations == 0
        asked = [one for one in stand_in.journal if one.api == "connector"]
        assert any(one.status == 429 for one in asked)
        assert most_in_a_second([one.monotonic for one in asked]) <= rate
        chats: dict[str, list[float]] = {}
        for one in asked:
            chats.setdefault(one.to, []).append(one.monotonic)
        assert max(most_in_a_second(chats[chat]) for chat in chats if chat) <= PER_CHAT
        # two requests for each, at nine tenths of the limit, need at least that long
        assert time.monotonic() - began > 2 * members / rate


async def settled_in(core: World, stand_in: StandIn, members: int, rate: int) -> Home:
    """Make a workspace of *members* people whom Teams reaches."""
    home = await core.workspace("Home", domains=["example.org"])
    for start in range(0, members, CHUNK):
        async with core.runtime.database.write() as tx:
            for number in range(start, min(start + CHUNK, members)):
                one = stand_in.tenant.add_person(f"P{number}", f"p{number}@example.org", has_app=True)
                fields = {"name": one.name, "email": one.mail}
                await people.add_person(
                    core.runtime, tx, home.organization, fields, workspace=home.workspace, actor="test"
                )
    await core.enable(home, "teams", stand_in.settings(rate=rate))

    async def known() -> bool:
        await asyncio.sleep(0.3 + members / 1_000)  # counting members all the time would be most of the work
        return await core.reachable(home, "teams") == members

    await core.until(known, 60 + members / 20)
    return home


async def test_a_chat_with_one_person_keeps_its_windows() -> None:
    rates = Rates(FakeLimiter(), "tenant", 50)
    chat = Reference(service_url="https://x/", conversation="a:1")
    began = time.monotonic()
    for _ in range(CONVERSATION[0].count + 1):
        async with rates.send(chat):
            pass
    assert time.monotonic() - began >= 0.9


async def test_what_a_stall_has_bunched_is_spread_again() -> None:
    rates = Rates(FakeLimiter(), "tenant", 20)
    chats = [Reference(service_url="https://x/", conversation=f"a:{number}") for number in range(30)]
    sent: list[float] = []

    async def send(chat: Reference) -> None:
        async with rates.send(chat):
            sent.append(time.monotonic())

    # a limiter that lets everybody pass is what a stalled process sees when it wakes up
    await asyncio.gather(*(send(chat) for chat in chats))
    assert most_in_a_second(sent) <= 18


async def test_however_late_requests_arrive_no_second_has_more_than_the_limit() -> None:
    seed = random.randrange(2**32)
    draw, arrived = random.Random(seed), list[float]()
    rates = Rates(FakeLimiter(), "tenant", 40)

    async def send(number: int) -> None:
        async with rates.send(Reference(service_url="https://x/", conversation=f"a:{number}")):
            await asyncio.sleep(draw.choice([0.0, 0.05, 0.5]))
            arrived.append(time.monotonic())
            await asyncio.sleep(draw.choice([0.0, 0.3]))

    await asyncio.gather(*map(send, range(120)))
    assert most_in_a_second(sorted(arrived)) <= 40, seed


async def test_a_shared_conversation_shares_its_windows_in_one_step() -> None:
    limiter = FakeLimiter()
    rates = Rates(limiter, "tenant", 50)
    async with rates.send(Reference(service_url="https://x/", conversation="19:a@thread.tacv2")):
        pass
    (asked,) = limiter.acquired
    assert asked == {"tenant:tenant": (Window(45, 1.0),), "conversation:19:a@thread.tacv2": CONVERSATION}


@pytest.mark.parametrize(("rate", "used"), [(50, 45), (30, 27), (1, 1)])
def test_nine_tenths_of_the_rate_are_used(rate: int, used: int) -> None:
    assert tenant_windows(rate) == (Window(used, 1.0),)


def test_only_a_refused_tenant_makes_everybody_wait() -> None:
    rates = Rates(FakeLimiter(), "t", 50)
    for number in range(200):
        assert rates.answered(too_many=number % 10 == 0) is None
    said = [rates.answered(too_many=True) for _ in range(RECENT)]
    assert said[0] is None
    assert said[-1] == "tenant:t"
    assert rates.answered(too_many=False) is None
