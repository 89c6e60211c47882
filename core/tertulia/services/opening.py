"""The steps of a round's life, each one transaction: open, deliver, remind, close."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Practice, Program
from tertulia.domain.rounds import ShardDue, Step, next_step
from tertulia.extension import RoundRequest
from tertulia.kinds import Dealt, Grouped, Telling
from tertulia.runtime import Runtime
from tertulia.services import (
    arrivals,
    celebrating,
    dealing,
    gathering,
    invitations,
    occasions,
    overview,
    pacing,
    resting,
    returning,
    rounds,
)
from tertulia.services.invitations import Invitations
from tertulia.services.rounds import RoundRow
from tertulia.services.seating import Formed
from tertulia.storage import programs
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import ritual_memory, round_table, shard


async def open_round(runtime: Runtime, tx: Tx, round_: RoundRow, formed: Formed | None = None) -> None:
    """Open a planned round: choose its content, write its recipients, and plan the practice's next one.

    The groups of a round that brings people together are *formed* beforehand; where somebody came or went since, the
    step is taken again.
    """
    apart = round_.occurrence.startswith((rounds.STAGE, rounds.APART))
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    if round_.practice == rounds.SUPPORT.key:
        program = program or Program(version=0, practices=())
    elif program is None or program.practice(round_.practice) is None:
        await rounds.change_state(tx, round_, "cancelled", reason="its program version is gone", **_NO_TIMER)
        return
    practice, now = await rounds.practice_of(tx, round_), runtime.clock.now()
    kind = runtime.plugins.ritual(practice.kind)
    budget = program.message_budget if isinstance(kind, Dealt) else None
    plan = await invitations.plan(runtime, tx, round_, practice, budget)
    if now >= plan.closes:
        await rounds.change_state(
            tx, round_, "cancelled", reason="missed: the service did not run", closes_at=plan.closes, **_NO_TIMER
        )
    elif practice.moment is not None and await arrivals.pooling(tx, round_):
        reason = "the round before goes on: too few have answered"
        await rounds.change_state(tx, round_, "cancelled", reason=reason, closes_at=plan.closes, **_NO_TIMER)
    elif await resting.rests(runtime, tx, round_):
        await rounds.change_state(tx, round_, "cancelled", reason=resting.RESTS, closes_at=plan.closes, **_NO_TIMER)
    elif isinstance(kind, Grouped) and not apart and not _fits(formed, plan):
        await set_timer(tx, round_, Step("open", now))
        return
    else:
        await _open(runtime, tx, round_, practice, program, plan, formed)
    if not apart:
        await _plan_following(runtime, tx, round_, datetime.fromisoformat(round_.occurrence))


def _fits(formed: Formed | None, plan: Invitations) -> bool:
    return formed is not None and formed.people == {one.id for one in plan.takers()}


async def _open(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    practice: Practice,
    program: Program,
    plan: Invitations,
    formed: Formed | None,
) -> None:
    kind, appointments = runtime.plugins.ritual(practice.kind), plan.appointments
    if round_.occurrence.startswith((rounds.STAGE, rounds.APART)):
        content = round_.content
        await rounds.change_state(tx, round_, "open")
    else:
        content = await _prepare(runtime, tx, round_, practice, len(plan.members), plan.closes)
        opened = replace(round_, content=content, closes_at=plan.closes)
        celebrated = await occasions.due(runtime, tx, opened, practice, kind, plan.takers())
        appointments = tuple(await dealing.deal(runtime, tx, opened, kind, appointments, formed, celebrated))
        await celebrating.plan(runtime, tx, opened, kind, celebrated)
        appointments = await pacing.paced(runtime, tx, opened, appointments)
        if practice.moment is not None:
            appointments = tuple(one for one in appointments if one.reason is None)
    opened = replace(round_, state="open", content=content, closes_at=plan.closes)
    if practice.ask in ("place", "both") and not round_.confidential:
        await planning.write_postings(runtime, tx, round_, practice, "post", max(plan.first, runtime.clock.now()))
    if practice.ask in ("each", "both") or round_.confidential:
        await planning.write_appointments(runtime, tx, round_, "invite", appointments, program.message_budget)
    if formed is not None:
        await gathering.plan(runtime, tx, opened, formed.parties, appointments)
    await set_timer(tx, round_, await next_step_of(tx, round_, practice, plan.closes))


_NO_TIMER: dict[str, None] = {"next_action": None, "next_at": None}


async def _plan_following(runtime: Runtime, tx: Tx, round_: RoundRow, wall: datetime) -> None:
    newest = await programs.current(tx, round_.organization, round_.workspace)
    practice = newest.practice(round_.practice) if newest else None
    if newest and practice:
        place = (runtime, tx, round_.organization, round_.workspace)
        await rounds.plan_next(*place, newest, practice, after=wall)


async def _prepare(
    runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, size: int, closes: datetime
) -> Json:
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
            turn=await _rounds_held(tx, round_),
            closes_at=closes,
            page=f"{runtime.config.public_url}/my",
        )
    )
    await remember(runtime, tx, round_.organization, round_.workspace, practice.kind, group, prepared.uses)
    if round_.confidential:
        runtime.keys.create(round_.id)
    content = prepared.content
    if isinstance(kind, Telling):
        content = kind.told(content, await overview.told(runtime, tx, round_.organization, round_.workspace))
    await rounds.change_state(tx, round_, "open", content=dict(content), closes_at=closes)
    return content


async def _rounds_held(tx: Tx, round_: RoundRow) -> int:
    """Count the rounds of the practice that took place; one that was missed is made up for by the next."""
    query = sa.select(sa.func.count()).where(
        round_table.c.organization_id == round_.organization,
        round_table.c.workspace_id == round_.workspace,
        round_table.c.practice == round_.practice,
        round_table.c.state.not_in(("planned", "cancelled")),
    )
    return int((await tx.execute(query)).scalar_one())


def group_key(practice: Practice) -> str:
    """Name the group that a practice addresses, so that its questions do not repeat on any platform."""
    audience = practice.audience
    parts: tuple[tuple[str, ...], ...] = (
        audience.worker_types,
        audience.teams,
        audience.locations,
        audience.languages,
    )
    if audience.groups:
        parts = (*parts, audience.groups)
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


async def next_step_of(tx: Tx, round_: RoundRow, practice: Practice, closes: datetime) -> Step:
    """Find what an open round waits for next."""
    query = sa.select(shard.c.purpose, shard.c.origin, shard.c.due, shard.c.state).where(
        shard.c.round_id == round_.id
    )
    known = [
        ShardDue(purpose=row.purpose, origin=row.origin, due=row.due, started=row.state != "planned")
        for row in await tx.execute(query)
    ]
    step = next_step(known, practice.reminders, closes)
    if practice.moment is None:
        return step
    return min(step, arrivals.next_look(round_), key=lambda one: one.at)


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
    """Set the timer to the next step of a round, or stop it."""
    if round_.state != "open" or round_.closes_at is None:
        await set_timer(tx, round_, await _after_close(tx, round_))
        return
    practice = await rounds.practice_of(tx, round_)
    await set_timer(tx, round_, await next_step_of(tx, round_, practice, round_.closes_at))


async def _after_close(tx: Tx, round_: RoundRow) -> Step | None:
    """Find what a round that ended waits for: messages that are due later, or giving a survey's results back."""
    planned = sa.select(sa.func.min(shard.c.due)).where(shard.c.round_id == round_.id, shard.c.state == "planned")
    due = (await tx.execute(planned)).scalar_one_or_none()
    if due is not None:
        return Step("deliver", due)
    results = await returning.due(tx, round_)
    return None if results is None else Step("results", results)


async def enrol(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Ask those whose own moment has come since the round last looked."""
    practice = await rounds.practice_of(tx, round_)
    plan = await invitations.plan(runtime, tx, round_, practice, None)
    await arrivals.enrol(runtime, tx, round_, await pacing.paced(runtime, tx, round_, plan.appointments))
    await wait_for_next(tx, round_)
