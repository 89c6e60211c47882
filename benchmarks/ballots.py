"""Answers and ballots taken per second, beside inserts of the same rows, each in a transaction of its own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence

import sqlalchemy as sa

from benchmarks import report
from benchmarks.setting import OPENS, PROGRAM, Databases, Kind, Town, core, populate, setting
from tertulia.domain.identifiers import new_id
from tertulia.domain.surveys import BALLOT_SIZE
from tertulia.runtime import Runtime
from tertulia.services import answers, rounds
from tertulia.services.advance import advance
from tertulia.services.prompts import Ticket
from tertulia.services.rounds import RoundRow
from tertulia.storage.tables import ballot, response, round_table
from tertulia.testing.clock import DrivenClock

AT_ONCE = 32
COLUMNS = ("database, what", "taken/s", "bare inserts/s", "ratio", "CPU s/1k", "bare CPU s/1k")
SURVEY = """
[[practice]]
key = "mood"
kind = "single-question"
title = "Mood"
cadence = { rule = "FREQ=WEEKLY", start = "2026-11-23T09:00", time = "common" }
open_for = "10h"

[practice.options]
question = "How do you feel at work this week?"
"""
GIVEN = {"check-in": {"work": "The quarterly report"}, "single-question": {"answer": "7"}}


async def measure(size: int, databases: Databases) -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = []
    for kind in databases.kinds:
        with setting(kind, databases) as where:
            async with core(where) as runtime:
                town = await populate(runtime, size, url="http://127.0.0.1:1", program=PROGRAM + SURVEY)
                for round_ in await _opened(runtime, town):
                    rows.append(await _compare(runtime, town, round_, kind))
    report.show(f"answers and ballots, {AT_ONCE} at once (CPU without PostgreSQL's own)", COLUMNS, rows)


async def _opened(runtime: Runtime, town: Town) -> list[RoundRow]:
    assert isinstance(runtime.clock, DrivenClock)
    runtime.clock.set(OPENS)
    async with runtime.database.read() as tx:
        due = (await tx.execute(sa.select(round_table.c.id, round_table.c.step))).all()
    for round_id, step in due:
        await advance(runtime, round_id, step)
    async with runtime.database.read() as tx:
        known = await rounds.recent(tx, town.organization, town.workspace)
    return [round_ for round_ in known if round_.state == "open"]


async def _compare(runtime: Runtime, town: Town, round_: RoundRow, kind: Kind) -> tuple[str, ...]:
    async def take(person: str) -> None:
        ticket = Ticket(round_.organization, round_.workspace, round_.id, person, "answer")
        given = GIVEN[round_.kind]
        reply = await answers.answer(
            runtime, ticket, person=person, platform="loopback", values=given, key=f"k{person}"
        )
        assert reply.status == "taken", reply

    async def insert(person: str) -> None:
        async with runtime.database.write() as tx:
            if round_.confidential:
                sealed = secrets.token_bytes(BALLOT_SIZE + 28)
                await tx.execute(ballot.insert().values(round_id=round_.id, id=new_id() + new_id(), sealed=sealed))
            else:
                await tx.execute(response.insert().values(**_response(round_, person)))

    bare, bare_cpu = await _timed(insert, town.persons)
    async with runtime.database.write() as tx:
        await tx.execute(ballot.delete())
        await tx.execute(response.delete())
    taken, cpu = await _timed(take, town.persons)
    what = "ballots" if round_.confidential else "named answers"
    return (
        f"{kind}, {what}",
        report.number(taken),
        report.number(bare),
        report.ratio(taken, bare),
        report.number(cpu, 2),
        report.number(bare_cpu, 2),
    )


def _response(round_: RoundRow, person: str) -> dict[str, object]:
    return {
        "organization_id": round_.organization,
        "round_id": round_.id,
        "person_id": person,
        "values": GIVEN[round_.kind],
        "passed": False,
        "visibility": "me",
        "platform": "loopback",
        "version": 1,
        "given_at": OPENS,
    }


async def _timed(work: Callable[[str], Awaitable[None]], persons: Sequence[str]) -> tuple[float, float]:
    """Return how many per second, and the processor seconds per 1,000."""
    waiting = iter(persons)

    async def lane() -> None:
        for person in waiting:
            await work(person)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    count = len(persons)
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1000
