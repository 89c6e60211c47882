"""Tell how a live round stands: numbers, and the words that were shared, never who."""

from __future__ import annotations

from typing import cast

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.live import Turns
from tertulia.domain.prompts import Field
from tertulia.domain.rounds import SessionState
from tertulia.live import Counts, Turn
from tertulia.runtime import Runtime
from tertulia.services import live_questions, live_seats, live_turns, rounds, summaries
from tertulia.services.live_sessions import Session
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import participation

SHOWN = 50
"""At most that many shared answers go to a panel."""


async def read(runtime: Runtime, tx: Tx, session: Session) -> Counts:
    """Count a session now."""
    round_ = await rounds.find(tx, session.round, session.organization)
    answered, passed = await summaries.turnout(tx, session.organization, session.asked)
    if session.asked != session.round:
        # those whom nobody knows sit in the session, whatever is asked
        guests = await live_seats.turnout(tx, session.organization, session.round)
        answered, passed = answered + guests[0], passed + guests[1]
    seats = await live_seats.read(tx, session)
    there = live_seats.taken(seats)
    reported = await present(tx, session.organization, session.round, session.place)
    spoken = await live_turns.read(tx, session)
    in_groups = {ref for group in session.groups for ref in group}
    return Counts(
        state=cast(SessionState, session.state),
        # who answers from elsewhere takes part too
        present=max(reported, len(there), answered + passed),
        answered=answered,
        passed=passed,
        shared=await _shared(runtime, tx, session, round_) if round_ else (),
        guests=sum(one.here and one.person is None for one in seats),
        turn=_turn(spoken.at(runtime.clock.now())) if spoken and session.state == "turns" else None,
        groups=len(session.groups),
        question=await live_questions.standing(runtime, tx, session) if session.asked != session.round else None,
        apart=sum(not in_groups & set(refs) for refs in there) if session.state == "groups" else 0,
    )


def _turn(turns: Turns) -> Turn:
    return Turn(number=min(turns.number + 1, len(turns.people)), of=len(turns.people), ends=turns.ends)


async def _shared(runtime: Runtime, tx: Tx, session: Session, round_: RoundRow) -> tuple[str, ...]:
    """Return what was written for everyone, without names and in no order of time."""
    fields = runtime.plugins.ritual(round_.kind).prompt(round_.content, "en").fields
    answers = [item.values for item in await summaries.shared(tx, round_, ["workspace"])]
    answers += await live_seats.answers(tx, session)
    return tuple(sorted(filter(None, (_words(fields, values) for values in answers))))[:SHOWN]


def _words(fields: tuple[Field, ...], values: Json) -> str:
    written = [field.key for field in fields if field.kind in ("short", "long")]
    return " · ".join(str(values[key]) for key in written if key in values)


async def present(tx: Tx, organization: Id, round_id: Id | None, place_id: Id) -> int:
    """Count who is reported to be at the place now, persons once however they came."""
    who = sa.func.coalesce(participation.c.person_id, participation.c.identity_id, participation.c.id)
    query = sa.select(sa.func.count(who.distinct())).where(
        participation.c.organization_id == organization,
        participation.c.kind == "attended",
        participation.c.ended_at.is_(None),
        sa.or_(participation.c.round_id == round_id, participation.c.place_id == place_id),
    )
    return int((await tx.execute(query)).scalar_one())
