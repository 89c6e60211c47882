"""The steps of a round's life, each one transaction: open, deliver, remind, close."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.planning import Appointment, appoint
from tertulia.domain.programs import Practice, Program
from tertulia.domain.rounds import ShardDue, Step, next_step
from tertulia.domain.walltime import instant
from tertulia.extension import RoundRequest
from tertulia.runtime import Runtime
from tertulia.services import rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import ritual_memory, round_table, shard


async def open_round(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Open a planned round: choose its content, write its recipients, and plan the practice's next one."""
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    practice = program.practice(round_.practice) if program else None
    if program is None or practice is None:
        await rounds.change_state(tx, round_, "cancelled", reason="its program version is gone", **_NO_TIMER)
        return
    wall = datetime.fromisoformat(round_.occurrence)
    now = runtime.clock.now()
    members = [
        m for m in await people.members(tx, round_.organization, round_.workspace) if practice.audience.includes(m)
    ]
    origins = {member.id: _origin(practice, wall, member) for member in members}
    closes = max(origins.values(), default=round_.opens_at) + practice.open_for
    if now >= closes:
        await rounds.change_state(
            tx, round_, "cancelled", reason="missed: the service did not run", closes_at=closes, **_NO_TIMER
        )
    else:
        await _prepare(runtime, tx, round_, practice, len(members), closes)
        await _appoint_all(runtime, tx, round_, practice, program, members, origins, closes)
    await _plan_following(runtime, tx, round_, wall)


_NO_TIMER: dict[str, None] = {"next_action": None, "next_at": None}


async def _plan_following(runtime: Runtime, tx: Tx, round_: RoundRow, wall: datetime) -> None:
    newest = await programs.current(tx, round_.organization, round_.workspace)
    practice = newest.practice(round_.practice) if newest else None
    if newest and practice:
        place = (runtime, tx, round_.organization, round_.workspace)
        await rounds.plan_next(*place, newest, practice, after=wall)


def _origin(practice: Practice, wall: datetime, member: Person) -> datetime:
    zone = member.zone if practice.cadence.time == "local" else practice.cadence.zone
    return instant(wall, zone)


async def _prepare(
    runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, size: int, closes: datetime
) -> None:
    kind = runtime.plugins.ritual(practice.kind)
    group = group_key(practice)
    prepared = kind.prepare(
        RoundRequest(
            practice=practice.key,
            options=kind.options.model_validate(dict(practice.options)),
            occurrence=round_.occurrence,
            group_size=size,
            seed=_seed(round_),
            used=await items_used(tx, round_.organization, round_.workspace, practice.kind, group),
        )
    )
    await remember(runtime, tx, round_.organization, round_.workspace, practice.kind, group, prepared.uses)
    if round_.confidential:
        runtime.keys.create(round_.id)
    await rounds.change_state(tx, round_, "open", content=dict(prepared.content), closes_at=closes)


def group_key(practice: Practice) -> str:
    """Name the group that a practice addresses, so that its questions do not repeat on any platform."""
    audience = practice.audience
    parts = (audience.worker_types, audience.teams, audience.locations, audience.languages)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _seed(round_: RoundRow) -> int:
    return int.from_bytes(
        hashlib.sha256(f"{round_.workspace}:{round_.practice}:{round_.occurrence}".encode()).digest()[:8]
    )


async def items_used(tx: Tx, organization: Id, workspace: Id, kind: str, group: str) -> tuple[str, ...]:
    """Return what a group has been asked, oldest first."""
    query = sa.select(ritual_memory.c.item).filter_by(
        organization_id=organization, workspace_id=workspace, kind=kind, group_key=group
    )
    ordered = query.order_by(ritual_memory.c.used_at, ritual_memory.c.item)
    return tuple((await tx.execute(ordered)).scalars())


async def remember(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, kind: str, group: str, items: Sequence[str]
) -> None:
    """Note that a group has been asked *items*."""
    await upsert(
        tx,
        ritual_memory,
        [
            {
                "organization_id": organization,
                "workspace_id": workspace,
                "kind": kind,
                "group_key": group,
                "item": item,
                "used_at": runtime.clock.now(),
            }
            for item in items
        ],
        keys=("workspace_id", "kind", "group_key", "item"),
        update=("used_at",),
    )


async def _appoint_all(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    practice: Practice,
    program: Program,
    members: Sequence[Person],
    origins: dict[Id, datetime],
    closes: datetime,
) -> None:
    if practice.ask in ("place", "both") and not round_.confidential:
        first = min(origins.values(), default=round_.opens_at)
        await planning.write_postings(runtime, tx, round_, practice, "post", max(first, runtime.clock.now()))
    if practice.ask in ("each", "both") or round_.confidential:
        appointments = await _appointments(runtime, tx, round_, practice, members, origins, closes)
        await planning.write_appointments(runtime, tx, round_, "invite", appointments, program.message_budget)
    await set_timer(tx, round_, await next_step_of(tx, round_, practice, closes))


async def _appointments(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    practice: Practice,
    members: Sequence[Person],
    origins: dict[Id, datetime],
    closes: datetime,
) -> list[Appointment]:
    now = runtime.clock.now()
    channels = await planning.channels_of(runtime, tx, round_, members)
    opt_outs = await people.opt_outs(tx, round_.organization, [member.id for member in members])
    appointments: list[Appointment] = []
    async for member in planning.in_turns(members):
        appointments.append(
            appoint(
                member,
                practice=practice.key,
                origin=origins[member.id],
                closes=closes,
                now=now,
                channels=channels[member.id],
                opt_outs=opt_outs.get(member.id, frozenset()),
            )
        )
    return appointments


async def next_step_of(tx: Tx, round_: RoundRow, practice: Practice, closes: datetime) -> Step:
    """Find what an open round waits for next."""
    query = sa.select(shard.c.purpose, shard.c.origin, shard.c.due, shard.c.state).where(
        shard.c.round_id == round_.id
    )
    known = [
        ShardDue(purpose=row.purpose, origin=row.origin, due=row.due, started=row.state != "planned")
        for row in await tx.execute(query)
    ]
    return next_step(known, practice.reminders, closes)


async def set_timer(tx: Tx, round_: RoundRow, step: Step | None) -> None:
    """Set the round's only timer."""
    await tx.execute(
        round_table.update()
        .where(round_table.c.id == round_.id)
        .values(
            next_action=step.action if step else None,
            next_at=step.at if step else None,
            step=round_table.c.step + 1,
        )
    )


async def start_shards(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Hand out the shards that are due and wait for the next step."""
    now = runtime.clock.now()
    due = (shard.c.round_id == round_.id, shard.c.state == "planned", shard.c.due <= now)
    await tx.execute(shard.update().where(*due).values(state="started"))
    await wait_for_next(tx, round_)


async def wait_for_next(tx: Tx, round_: RoundRow) -> None:
    """Set the timer to the next step of an open round, or stop it."""
    if round_.state != "open" or round_.closes_at is None:
        await set_timer(tx, round_, None)
        return
    practice = await rounds.practice_of(tx, round_)
    await set_timer(tx, round_, await next_step_of(tx, round_, practice, round_.closes_at))
