"""Half a year of weekly rounds, as the core would have kept them: deliveries, answers, who took part, and the log."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks.published_year import TEAM_SIZE
from benchmarks.setting import ACTOR, CHUNK, Town
from tertulia.domain.identifiers import Id, new_id
from tertulia.extension import RoundRequest
from tertulia.runtime import Runtime
from tertulia.storage import audit
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, identity, participation, person, response, round_table, shard

ANSWERING, PASSING, SHARD = 0.6, 0.08, 1000
CITIES = ("Lisbon", "Madrid", "Rome", "remote")
PRACTICE = "daily"
PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "How is the week going?"
cadence = { rule = "FREQ=WEEKLY", start = "2026-11-23T09:00", time = "common" }
open_for = "10h"

[[practice]]
key = "pulse"
kind = "pulse"
title = "How are we doing?"
cadence = { rule = "FREQ=WEEKLY", start = "2026-11-26T09:00", time = "common" }
open_for = "3d"

[practice.options]
instruments = ["belonging", "speaking_up", "recommendation"]
anchor = "recommendation.recommend"
questions = 5
parts = 1
"""
"""What `published_year.ASKED` asks, and a check-in."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Week:
    """Hold one round and when it opened."""

    id: Id
    opened: datetime


async def live(runtime: Runtime, town: Town, rounds: int, *, seed: int = 7) -> list[Id]:
    """Keep *rounds* weekly check-ins that everybody was asked in, the last one still open; return their ids."""
    draw, now = random.Random(seed), runtime.clock.now()
    await _place(runtime, town)
    accounts = await _accounts(runtime, town)
    made = [Week(new_id(), now - timedelta(weeks=back, hours=1)) for back in reversed(range(rounds))]
    for week in made:
        async with runtime.database.write() as tx:
            await _round(tx, town, week, still_open=week is made[-1])
            await _asked(tx, town, week, accounts)
            await _answered(tx, town, week, draw)
            await _logged(runtime, tx, town, week)
    await _asking(runtime, town)
    if runtime.database.dialect == "postgresql":
        async with runtime.database.write() as tx:
            await tx.execute(sa.text("ANALYZE"))
    return [week.id for week in made]


async def _place(runtime: Runtime, town: Town) -> None:
    """Give everybody a team and a city."""
    teams = max(2, len(town.persons) // TEAM_SIZE)
    departments = max(2, teams // 12)
    names = [f"D{n % departments} / T{n}" for n in range(teams)]
    change = person.update().where(
        person.c.organization_id == town.organization, person.c.id == sa.bindparam("whose")
    )
    rows = [
        {"whose": one, "team": names[n % teams], "location": CITIES[n % len(CITIES)], "worker_type": "employee"}
        for n, one in enumerate(town.persons)
    ]
    async with runtime.database.write() as tx:
        await tx.execute(change, rows)


async def _asking(runtime: Runtime, town: Town) -> None:
    """Keep with the published surveys what they asked, as the kind prepares it: here everything at once."""
    kind = runtime.plugins.ritual("pulse")
    options = kind.options(**tomllib.loads(PROGRAM)["practice"][1]["options"])
    request = RoundRequest(practice="pulse", options=options, occurrence="", group_size=len(town.persons), seed=1)
    where = round_table.c.organization_id == town.organization, round_table.c.practice == "pulse"
    bank = options.bank()
    everything = {"items": [one.kept() for one in bank.values()], "blocks": [list(bank)]}
    prepared = {**kind.prepare(request).content, **everything}
    async with runtime.database.write() as tx:
        released = round_table.update().where(*where, round_table.c.state == "released")
        await tx.execute(released.values(content=prepared))


async def _accounts(runtime: Runtime, town: Town) -> dict[Id, Id]:
    query = sa.select(identity.c.person_id, identity.c.id).where(identity.c.organization_id == town.organization)
    async with runtime.database.read() as tx:
        return {row.person_id: row.id for row in await tx.execute(query)}


async def _round(tx: Tx, town: Town, week: Week, *, still_open: bool) -> None:
    closes = week.opened + timedelta(hours=10)
    timer = {"next_action": "close", "next_at": closes} if still_open else {}
    await tx.execute(
        round_table.insert().values(
            organization_id=town.organization,
            id=week.id,
            workspace_id=town.workspace,
            practice=PRACTICE,
            kind="check-in",
            program_version=1,
            occurrence=f"{week.opened:%Y-%m-%dT%H:%M}",
            state="open" if still_open else "closed",
            opens_at=week.opened,
            closes_at=closes,
            confidential=False,
            content={},
            **timer,
        )
    )


async def _asked(tx: Tx, town: Town, week: Week, accounts: dict[Id, Id]) -> None:
    of = {"organization_id": town.organization, "round_id": week.id, "purpose": "invite"}
    for start in range(0, len(town.persons), SHARD):
        some, identifier = town.persons[start : start + SHARD], new_id()
        timing = {"origin": week.opened, "due": week.opened, "epoch": 1, "lease_until": 0.0}
        await tx.execute(shard.insert().values(**of, **timing, id=identifier, size=len(some), state="done"))
        sent = {**of, "shard_id": identifier, "target": "person", "installation_id": town.installation}
        sent |= {"platform": "loopback", "attempts": 1, "next_at": 0.0, "state": "sent"}
        await _insert(
            tx,
            delivery,
            [
                {**sent, "seq": seq, "recipient": one, "identity_id": accounts[one], "ref": f"m{week.id}{seq}"}
                for seq, one in enumerate(some)
            ],
        )


async def _answered(tx: Tx, town: Town, week: Week, draw: random.Random) -> None:
    given: Rows = []
    took_part: Rows = []
    of = {"organization_id": town.organization, "round_id": week.id, "platform": "loopback"}
    for one in town.persons:
        if draw.random() > ANSWERING:
            continue
        at, passed = week.opened + timedelta(minutes=draw.randrange(50)), draw.random() < PASSING
        said = {} if passed else {"mood": str(draw.randrange(1, 6)), "word": "A quiet week with two long calls."}
        answer = {"person_id": one, "values": said, "passed": passed, "visibility": "team", "version": 1}
        given.append({**of, **answer, "given_at": at, "keys": []})
        if not passed:
            part = {"workspace_id": town.workspace, "person_id": one, "kind": "answered", "started_at": at}
            took_part.append({**of, **part, "id": new_id()})
    await _insert(tx, response, given)
    await _insert(tx, participation, took_part)


async def _insert(tx: Tx, table: sa.Table, rows: Rows) -> None:
    for some in _chunks(rows):
        await tx.execute(table.insert(), some)


def _chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


async def _logged(runtime: Runtime, tx: Tx, town: Town, week: Week) -> None:
    for verb in ("round.opened", "round.closed", "program.applied", "people.imported", "setting.changed"):
        await audit.record(
            tx,
            runtime.vault,
            organization=town.organization,
            at=week.opened,
            actor=ACTOR,
            verb=verb,
            subject=week.id,
            detail={"practice": PRACTICE},
        )
