"""Rounds as rows: find them, schedule the next of each practice, and tell how one stands."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Audience, Cadence, Practice, Program
from tertulia.domain.rounds import ROUND
from tertulia.domain.walltime import instant
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import telling
from tertulia.services.cadence import occurrences
from tertulia.storage import programs, rituals
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.tables import ballot, delivery, membership, person, response, round_table, workspace

STAGE = "stage:"
"""What the occurrence of a round begins with that follows another one; its own id comes behind."""
APART = "support:"
"""What the occurrence of a round begins with that no program plans; the id of its hard weeks comes behind."""
SUPPORT = Practice(
    key="hard_weeks",  # a program's keys have no underscore
    kind="support",
    title="Hard weeks",
    cadence=Cadence(rule="FREQ=YEARLY;COUNT=1", start="2000-01-01T00:00", time="common"),
)


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    """Hold one round as stored."""

    id: Id
    organization: Id
    workspace: Id
    practice: str
    kind: str
    program_version: int
    occurrence: str
    state: str
    reason: str | None
    next_action: str | None
    next_at: datetime | None
    step: int
    opens_at: datetime
    closes_at: datetime | None
    confidential: bool
    counted: int | None
    counted_day: str | None
    content: Json
    summary: Json | None

    @property
    def further(self) -> bool:
        """Whether it is a further stage, which asks by what was answered before."""
        return self.occurrence.startswith(STAGE)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Hold how a round stands: deliveries by purpose and state, and how many answered.

    Where *guarded*, every count is in steps of five, see `telling.guarded`; always so is how many were not written to
    for reasons of their own. In a survey *answered* is as of *counted_day*.
    """

    round: RoundRow
    deliveries: dict[str, dict[str, int]]
    answered: int
    passed: int
    guarded: bool = False


def row_of(record: sa.Row[tuple[object, ...]]) -> RoundRow:
    """Turn a record of the table into a value."""
    fields = dict(record._mapping)
    return RoundRow(
        **{key: fields[key] for key in fields if key not in {"organization_id", "workspace_id", "content"}},
        organization=fields["organization_id"],
        workspace=fields["workspace_id"],
        content=fields["content"] or {},
    )


async def find(tx: Tx, round_id: Id, organization: Id | None = None, *, lock: bool = False) -> RoundRow | None:
    """Return the round; *lock* holds it until the transaction ends (SQLite has one writer anyway)."""
    query = _FIND if organization is None else _FIND_IN
    of = {"round": round_id, "organization": organization}
    record = (await tx.execute(query.with_for_update() if lock else query, of)).one_or_none()
    return None if record is None else row_of(record)


_FIND = sa.select(round_table).where(round_table.c.id == sa.bindparam("round"))
_FIND_IN = _FIND.where(round_table.c.organization_id == sa.bindparam("organization"))


async def practice_of(tx: Tx, round_: RoundRow) -> Practice:
    """Return the practice as the round's own program version has it; a further stage asks and reminds its own way."""
    return await _in_stage(tx, round_, await _written(tx, round_))


async def _written(tx: Tx, round_: RoundRow) -> Practice:
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    practice = program.practice(round_.practice) if program else None
    if round_.practice == SUPPORT.key:
        team = round_.content.get("team")
        practice = replace(SUPPORT, audience=Audience(teams=(team,) if team else ()))
    if practice is None:
        raise Mistake(
            f"Round {round_.id} names practice {round_.practice!r}, which its program version does not have."
        )
    return practice


async def _in_stage(tx: Tx, round_: RoundRow, practice: Practice) -> Practice:
    stage = await rituals.stage_of(tx, round_.id) if round_.occurrence.startswith(STAGE) else None
    if stage is None or round_.closes_at is None:
        return practice
    ask: Literal["each", "place", "both"] = stage.ask  # type: ignore[assignment]  # written by the plan of a stage
    open_for = round_.closes_at - round_.opens_at
    places, chosen = practice.places, round_.content.get("places")
    if chosen is not None:
        places = tuple(place for place in places if f"{place.platform}:{place.ref}" in chosen)
    return replace(practice, ask=ask, reminders=stage.reminders, open_for=open_for, places=places)


async def of_group(tx: Tx, round_: RoundRow) -> bool:
    """Tell whether the round is an affinity group's, see `telling.of_group`."""
    return await telling.of_group(tx, round_)


async def root_of(tx: Tx, round_: RoundRow) -> Id:
    """Return the practice's own round that a stage belongs to; that round itself where it is no stage."""
    stage = await rituals.stage_of(tx, round_.id) if round_.occurrence.startswith(STAGE) else None
    return stage.root if stage else round_.id


async def known_practice_of(database: Database, tx: Tx, round_: RoundRow) -> Practice:
    """Return the practice as `practice_of` does, and remember it; *tx* only reads.

    A version that is committed never changes, so that what is remembered stays right. What a stage has of its own is
    read each time.
    """
    if round_.occurrence.startswith(APART) or round_.practice == SUPPORT.key:
        return await practice_of(tx, round_)
    known = _PRACTICES.setdefault(database, OrderedDict())
    key = (round_.organization, round_.workspace, round_.program_version, round_.practice)
    if key not in known:
        known[key] = await _written(tx, round_)
        if len(known) > REMEMBERED:
            known.popitem(last=False)
    return await _in_stage(tx, round_, known[key])


REMEMBERED = 1000
_PRACTICES: WeakKeyDictionary[Database, OrderedDict[tuple[Id, Id, int, str], Practice]] = WeakKeyDictionary()


async def change_state(tx: Tx, round_: RoundRow, state: str, **values: object) -> bool:
    """Move a round to *state* if it is still where *round_* says; raises on a step that the machine does not have."""
    if state != round_.state and state not in ROUND[round_.state]:
        raise ValueError(f"a round cannot go from {round_.state} to {state}")
    result = await tx.execute(
        round_table.update()
        .where(round_table.c.id == round_.id, round_table.c.state == round_.state)
        .values(state=state, **values)
    )
    return result.rowcount == 1


async def schedule(runtime: Runtime, tx: Tx, organization: Id, workspace_id: Id, program: Program) -> None:
    """Plan the next round of every practice of *program*; rounds that are due or open keep their version."""
    now = runtime.clock.now()
    mine = (round_table.c.organization_id == organization, round_table.c.workspace_id == workspace_id)
    # a stage that follows a round goes on as it was planned, whatever the program says now
    apart = sa.or_(round_table.c.occurrence.like(f"{STAGE}%"), round_table.c.occurrence.like(f"{APART}%"))
    planned = (*mine, round_table.c.state == "planned", ~apart)
    await tx.execute(round_table.delete().where(*planned, round_table.c.next_at > now))
    due = set((await tx.execute(sa.select(round_table.c.practice).where(*planned))).scalars())
    for practice in program.practices:
        if practice.key not in due:
            await plan_next(runtime, tx, organization, workspace_id, program, practice, after=None)


async def plan_next(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace_id: Id,
    program: Program,
    practice: Practice,
    *,
    after: datetime | None,
) -> None:
    """Plan the round after the wall time *after*, even a missed one; `None` plans the first that lies ahead."""
    now = runtime.clock.now()
    zones = await _zones(tx, organization, workspace_id, practice)
    taken = await _occurrences_taken(tx, organization, workspace_id, practice.key)
    # nobody's wall time is three days behind UTC: what lies before need not be looked at
    for wall in occurrences(practice.cadence, after or now.replace(tzinfo=None) - timedelta(days=3)):
        opens = min(instant(wall, zone) for zone in zones)
        if wall.isoformat() in taken or (after is None and opens < now):
            continue
        await upsert(
            tx,
            round_table,
            [
                {
                    "organization_id": organization,
                    "id": runtime.new_id(),
                    "workspace_id": workspace_id,
                    "practice": practice.key,
                    "kind": practice.kind,
                    "program_version": program.version,
                    "occurrence": wall.isoformat(),
                    "state": "planned",
                    "next_action": "open",
                    "next_at": opens,
                    "opens_at": opens,
                    "confidential": runtime.plugins.ritual(practice.kind).privacy == "confidential",
                }
            ],
            keys=("organization_id", "workspace_id", "practice", "occurrence"),
        )
        return


async def _zones(tx: Tx, organization: Id, workspace_id: Id, practice: Practice) -> Sequence[str]:
    if practice.cadence.time == "common":
        return [practice.cadence.zone]
    joined = person.join(membership, membership.c.person_id == person.c.id)
    query = sa.select(person.c.zone).select_from(joined).distinct()
    zones = (
        await tx.execute(
            query.where(
                membership.c.organization_id == organization,
                membership.c.workspace_id == workspace_id,
                membership.c.left_at.is_(None),
                person.c.erased_at.is_(None),
            )
        )
    ).scalars()
    found = list(zones)
    return found or [
        (await tx.execute(sa.select(workspace.c.zone).where(workspace.c.id == workspace_id))).scalar_one()
    ]


async def _occurrences_taken(tx: Tx, organization: Id, workspace_id: Id, practice: str) -> set[str]:
    query = sa.select(round_table.c.occurrence).where(
        round_table.c.organization_id == organization,
        round_table.c.workspace_id == workspace_id,
        round_table.c.practice == practice,
    )
    return set((await tx.execute(query)).scalars())


async def progress(tx: Tx, organization: Id, round_id: Id) -> Progress | None:
    """Return how a round stands, for hosts and admins; never who."""
    round_ = await find(tx, round_id, organization)
    return (await standings(tx, [round_]))[0] if round_ is not None else None


async def standings(tx: Tx, found: Sequence[RoundRow]) -> list[Progress]:
    """Return how rounds stand, for hosts and admins; never who."""
    guarded = await telling.guarded(tx, found)
    surveys = {one.id for one in found if one.confidential}
    deliveries: dict[Id, dict[str, dict[str, int]]] = {one.id: {} for one in found}
    gave: dict[Id, dict[bool, int]] = {one.id: {} for one in found}
    for round_id, purpose, state, own, count in await tx.execute(_COUNTED, {"of": list(deliveries)}):
        told = telling.steps(count) if own or round_id in guarded else count
        # that there is a state, or a reminder at all, would tell something of whom it is about
        if told or round_id not in guarded:
            states = deliveries[round_id].setdefault(purpose, {})
            states[state] = states.get(state, 0) + told
    for round_id, passed, count in await tx.execute(_GAVE, {"of": [one for one in gave if one not in surveys]}):
        gave[round_id][bool(passed)] = telling.steps(count) if round_id in guarded else count
    return [
        Progress(
            round=one,
            deliveries=deliveries[one.id],
            answered=one.counted or 0 if one.confidential else gave[one.id].get(False, 0),
            passed=gave[one.id].get(True, 0),
            guarded=one.id in guarded,
        )
        for one in found
    ]


# nobody sees who opted out, or took the app away: the counts of such reasons are told in steps of five
_ALONE = sa.or_(delivery.c.state == "skipped", delivery.c.reason.like("unreachable%"))
_OWN = sa.func.coalesce(sa.and_(delivery.c.target != "place", _ALONE), sa.false()).label("own")
_OF: sa.BindParameter[list[Id]] = sa.bindparam("of", expanding=True)
_COUNTED = (
    sa.select(delivery.c.round_id, delivery.c.purpose, delivery.c.state, _OWN, sa.func.count())
    .where(delivery.c.round_id.in_(_OF))
    .group_by(delivery.c.round_id, delivery.c.purpose, delivery.c.state, sa.literal_column("own"))
)
_GAVE = (
    sa.select(response.c.round_id, response.c.passed, sa.func.count())
    .where(response.c.round_id.in_(_OF))
    .group_by(response.c.round_id, response.c.passed)
)


async def recent(tx: Tx, organization: Id, workspace_id: Id, limit: int = 50) -> list[RoundRow]:
    """Return the workspace's rounds, newest first."""
    query = sa.select(round_table).where(
        round_table.c.organization_id == organization, round_table.c.workspace_id == workspace_id
    )
    return [row_of(record) for record in await tx.execute(query.order_by(round_table.c.opens_at.desc()).limit(limit))]


async def count_ballots(tx: Tx, today: str) -> None:
    """Note once a day, rounded down to 5, how many ballots each open survey round holds."""
    ballots = sa.select(sa.func.count()).select_from(ballot).where(ballot.c.round_id == round_table.c.id)
    await tx.execute(
        round_table.update()
        .where(
            round_table.c.confidential.is_(True),
            round_table.c.state == "open",
            sa.or_(round_table.c.counted_day.is_(None), round_table.c.counted_day != today),
        )
        .values(counted=ballots.scalar_subquery() // telling.STEP * telling.STEP, counted_day=today)
    )


async def uncounted(tx: Tx, today: str) -> bool:
    """Tell whether `count_ballots` has something to note *today*."""
    query = sa.select(round_table.c.id).where(
        round_table.c.confidential.is_(True),
        round_table.c.state == "open",
        sa.or_(round_table.c.counted_day.is_(None), round_table.c.counted_day != today),
    )
    return (await tx.execute(query.limit(1))).first() is not None
