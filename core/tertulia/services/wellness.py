"""The catalogue of standing sessions, as one member sees it: what there is, what is open, where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.rituals.wellness_plan import Options, Session, sessions
from tertulia.runtime import Runtime
from tertulia.services import audiences, rounds, sign_ups
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs, rituals, tables
from tertulia.storage.database import Tx

KIND = "wellness"
NUDGE = "time-off"
LONGEST = timedelta(days=100)
"""How long before a session its sign-up may have opened."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Hold one coming session: *place* counts from 1, `None` stands in no line; *round* takes a change of it."""

    session: Session
    place: int | None
    round: Id | None

    @property
    def waits(self) -> int | None:
        """Return the number among those who wait, `None` for who has a place or stands in no line."""
        if self.place is None or self.session.has_place(self.place):
            return None
        return self.place - (self.session.capacity or 0)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Hold one series: its coming sessions, and the round that takes sign-ups now, if one does.

    *out* says that the member opted out of it, *joined* that they take part where one joins first.
    """

    workspace: Id
    practice: Practice
    options: Options
    coming: Sequence[Standing]
    open_round: Id | None
    closes: datetime | None
    out: bool
    joined: bool


async def catalogue(runtime: Runtime, tx: Tx, person: Person) -> list[Series]:
    """Return the series of the person's workspaces."""
    out = (await people.opt_outs(tx, person.organization, [person.id])).get(person.id, frozenset())
    found = []
    for workspace, practice in await _practices(tx, person, KIND):
        held = await _held(tx, person.organization, workspace, practice.key, runtime.clock.now())
        found.append(
            Series(
                workspace=workspace,
                practice=practice,
                options=Options.model_validate(dict(practice.options)),
                coming=await _coming(runtime, tx, person, held),
                open_round=next((one.id for one in held if one.state == "open" and not _staged(one)), None),
                closes=next((one.closes_at for one in held if one.state == "open" and not _staged(one)), None),
                out=bool(out & {"*", practice.key}),
                joined=await sign_ups.takes_part(tx, person.organization, workspace, practice, person.id),
            )
        )
    return found


async def nudges(tx: Tx, person: Person) -> list[tuple[Id, Practice, bool]]:
    """Return the practices that remind of time off, each with whether the person asked for it."""
    return [
        (workspace, one, await sign_ups.takes_part(tx, person.organization, workspace, one, person.id))
        for workspace, one in await _practices(tx, person, NUDGE)
    ]


async def _practices(tx: Tx, person: Person, kind: str) -> list[tuple[Id, Practice]]:
    found = []
    for workspace in await people.workspaces_of(tx, person.organization, person.id):
        program = await programs.current(tx, person.organization, workspace)
        mine = await audiences.practices_for(tx, workspace, program, person)
        found += [(workspace, one) for one in mine if one.kind == kind]
    return found


async def _held(tx: Tx, organization: Id, workspace: Id, practice: str, now: datetime) -> list[RoundRow]:
    """Return the rounds and stages of a practice whose sessions may lie ahead, oldest first."""
    table = tables.round_table
    query = sa.select(table).where(
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.practice == practice,
        table.c.kind == KIND,
        table.c.state.in_(("open", "closing", "closed")),
        table.c.opens_at > now - LONGEST,
    )
    records = await tx.execute(query.order_by(table.c.opens_at, table.c.id))
    return [rounds.row_of(record) for record in records]


def _staged(round_: RoundRow) -> bool:
    return round_.occurrence.startswith(rounds.STAGE)


async def _coming(runtime: Runtime, tx: Tx, person: Person, held: Sequence[RoundRow]) -> list[Standing]:
    """Return the sessions that lie ahead, soonest first."""
    now, found = runtime.clock.now(), []
    for root in (one for one in held if not _staged(one)):
        ahead = [session for session in sessions(root.content) if session.starts > now]
        if not ahead:
            continue
        stages = await rituals.stages(tx, root.id)
        lines = await rituals.standing(tx, person.organization, root.id)
        for session in ahead:
            line = lines.get(session.line, ())
            place = line.index(person.id) + 1 if person.id in line else None
            changing = [one.id for one in held if one.id in stages and one.state == "open" and _about(one, session)]
            found.append(Standing(session=session, place=place, round=changing[-1] if changing else None))
    return sorted(found, key=lambda one: one.session.starts)


def _about(round_: RoundRow, session: Session) -> bool:
    """Tell whether a place in *session* can be given up in the round: the sign-up, or a stage of that session."""
    number = round_.content.get("session")
    return number is None or f"session-{number}" == session.line
