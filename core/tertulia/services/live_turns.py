"""Give everybody at a live round a turn to speak, by the clock."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from tertulia.domain.live import LONGEST, SHORTEST, Turns, in_turn
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import live_seats
from tertulia.services.live_sessions import Session
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import turns as turns_table


async def read(tx: Tx, session: Session) -> Turns | None:
    """Return the turns of a session, `None` before they have begun."""
    mine = {"organization_id": session.organization, "session_id": session.id}
    row = (await tx.execute(sa.select(turns_table).filter_by(**mine))).one_or_none()
    if row is None:
        return None
    return Turns(people=tuple(row.people), seconds=row.seconds, number=row.number, since=row.since)


async def begin(runtime: Runtime, tx: Tx, session: Session, seconds: int) -> Turns:
    """Begin with the first turn; where they have begun they go on as they are."""
    if not SHORTEST <= seconds <= LONGEST:
        raise Mistake(f"A turn of {seconds} seconds is not possible; choose {SHORTEST} to {LONGEST}.")
    known = await read(tx, session)
    if known is not None:
        return known
    first = [refs[0] for refs in live_seats.taken(await live_seats.read(tx, session))]
    made = Turns(people=in_turn(first, session.id), seconds=seconds, number=0, since=runtime.clock.now())
    await write(tx, session, made)
    return made


async def write(tx: Tx, session: Session, made: Turns) -> None:
    """Keep the turns of a session."""
    row = {
        "organization_id": session.organization,
        "session_id": session.id,
        "round_id": session.round,
        "people": list(made.people),
        "seconds": made.seconds,
        "number": made.number,
        "since": made.since,
    }
    await upsert(tx, turns_table, [row], keys=("session_id",), update=("people", "seconds", "number", "since"))


async def follow(runtime: Runtime, tx: Tx, session: Session) -> None:
    """Let who came meanwhile speak last, and leave out who went."""
    known = await read(tx, session) if session.state == "turns" else None
    if known is None:
        return
    now = runtime.clock.now()
    here = live_seats.taken(await live_seats.read(tx, session))
    present = {ref for refs in here for ref in refs}
    made = known
    for ref in known.people:
        made = made if ref in present else made.without(ref, now)
    speaking = set(made.people)
    for refs in here:
        if not speaking & set(refs):
            made = made.joined(refs[0], now)
    if made != known:
        await write(tx, session, made)


def place_of(made: Turns, devices: Collection[str]) -> int | None:
    """Return the turn, counted from 0, of whoever sits at the seats *devices*."""
    return next((number for number, one in enumerate(made.people) if one in devices), None)
