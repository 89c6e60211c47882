"""Who is at a live round: seats by what the meeting calls its participants, with the person where one is proven.

Nobody is recognised by a name. Whoever sits there without a known account takes part all the same: is counted, is put
into groups, and answers without a name; that answer goes when the round closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor
from tertulia.domain.prompts import Given
from tertulia.errors import Refused
from tertulia.live import Attendee
from tertulia.runtime import Runtime
from tertulia.services import facts
from tertulia.services.live_sessions import Session
from tertulia.storage.database import Tx, upsert
from tertulia.storage.people import Identity
from tertulia.storage.tables import identity, participation, response, seat, turns

MOST = 1000
"""Seats of one session."""
LONGEST_MEETING = timedelta(days=1)
KEYS = ("session_id", "ref")


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Hold one participant; *person* is `None` for whom nobody knows."""

    ref: str
    person: Id | None
    identity: Id | None
    holder: str | None
    here: bool
    answered: bool = False

    @property
    def whose(self) -> str:
        """Return what two devices of one person have in common."""
        return self.person or f"seat:{self.ref}"


async def read(tx: Tx, session: Session) -> list[Seat]:
    """Return all seats of a session, those that were left included, in a fixed order."""
    return [_seat(row) for row in await tx.execute(_of(session).order_by(seat.c.ref))]


async def one(tx: Tx, session: Session, ref: str) -> Seat | None:
    """Return the seat called *ref*."""
    row = (await tx.execute(_of(session).where(seat.c.ref == ref))).one_or_none()
    return None if row is None else _seat(row)


async def theirs(tx: Tx, session: Session, ref: str, person: Id | None) -> set[str]:
    """Return the seats of whoever sits at *ref*: all devices of a *person*, the one of somebody whom nobody knows."""
    mine = seat.c.ref == ref if person is None else sa.or_(seat.c.ref == ref, identity.c.person_id == person)
    return {row.ref for row in await tx.execute(_of(session).where(mine))}


def _of(session: Session) -> sa.Select[tuple[object, ...]]:
    account = identity.c.id == seat.c.identity_id
    columns = (seat.c.ref, seat.c.identity_id, seat.c.holder, seat.c.left_at, seat.c.passed, identity.c.person_id)
    return (
        sa.select(*columns)
        .select_from(seat.outerjoin(identity, account))
        .where(seat.c.organization_id == session.organization, seat.c.session_id == session.id)
    )


def _seat(row: sa.Row[tuple[object, ...]]) -> Seat:
    fields = row._mapping
    return Seat(
        ref=fields["ref"],
        person=fields["person_id"],
        identity=fields["identity_id"],
        holder=fields["holder"],
        here=fields["left_at"] is None,
        answered=fields["passed"] is not None,
    )


def taken(seats: Sequence[Seat]) -> list[tuple[str, ...]]:
    """Return who is here, each as the seats of one human being: somebody with two devices comes once."""
    found: dict[str, list[str]] = {}
    for one in seats:
        if one.here:
            found.setdefault(one.whose, []).append(one.ref)
    return sorted(tuple(sorted(refs)) for refs in found.values())


async def list_present(runtime: Runtime, tx: Tx, session: Session, there: Sequence[Attendee]) -> None:
    """Take *there* for everybody who is in the meeting now: who is not among them has left."""
    here = {one.ref: one for one in there if _is_name(one.ref)}
    if len(here) > MOST:
        raise Refused(f"a live round has {MOST} participants at most", 413)
    known = {one.ref: one for one in await read(tx, session)}
    gone = [one.ref for one in known.values() if one.here and one.ref not in here]
    for ref in gone:
        await leave(runtime, tx, session, ref)
    accounts = await _accounts(runtime, tx, session, list(here.values()))
    for ref in sorted(here):
        if ref not in known or not known[ref].here or (accounts.get(ref) and not known[ref].identity):
            await _sit(runtime, tx, session, ref, accounts.get(ref), known.get(ref))


async def note(runtime: Runtime, tx: Tx, session: Session, actors: Sequence[Actor]) -> None:
    """Note accounts that are in the meeting, nobody knows in which seat: they are not absent, and nothing else."""
    now, seats = runtime.clock.now(), await read(tx, session)
    known = {one.identity for one in seats}
    found = await facts.resolve(runtime, tx, session.organization, list(dict.fromkeys(actors)))
    new = sorted({account.id for account in found.values()} - known)
    # a seat that was left counts for no figure, turn or group
    rows = [
        {
            "organization_id": session.organization,
            "session_id": session.id,
            "ref": f"account:{account}",
            "round_id": session.round,
            "identity_id": account,
            "holder": None,
            "arrived_at": now,
            "left_at": now,
        }
        for account in new[: max(0, MOST - len(seats))]
    ]
    await upsert(tx, seat, rows, keys=KEYS)


async def enter(runtime: Runtime, tx: Tx, session: Session, who: Attendee) -> None:
    """Seat one participant; a proven account comes before a stranger who said to sit there."""
    if not _is_name(who.ref):
        raise Refused("not the name of a participant", 400)
    before = await one(tx, session, who.ref)
    if before is None and await _count(tx, session) >= MOST:
        raise Refused(f"a live round has {MOST} participants at most", 413)
    account = (await _accounts(runtime, tx, session, [who])).get(who.ref)
    if before is not None and _is_other(before, account, who.holder):
        raise Refused("somebody else sits there", 409)
    await _sit(runtime, tx, session, who.ref, account, before, who.holder)


async def _count(tx: Tx, session: Session) -> int:
    whose = (seat.c.organization_id == session.organization, seat.c.session_id == session.id)
    return int((await tx.execute(sa.select(sa.func.count()).select_from(seat).where(*whose))).scalar_one())


def _is_other(before: Seat, account: Identity | None, holder: str | None) -> bool:
    if before.identity is not None:
        return account is None or account.id != before.identity
    # a guest who opens the panel anew cannot prove to be the same; only what was said is kept from others
    return account is None and before.answered and before.holder != holder


async def _accounts(runtime: Runtime, tx: Tx, session: Session, who: Sequence[Attendee]) -> dict[str, Identity]:
    actors = [one.actor for one in who if one.actor is not None]
    found = await facts.resolve(runtime, tx, session.organization, actors) if actors else {}
    return {one.ref: found[one.actor] for one in who if one.actor is not None and one.actor in found}


async def _sit(
    runtime: Runtime,
    tx: Tx,
    session: Session,
    ref: str,
    account: Identity | None,
    before: Seat | None,
    holder: str | None = None,
) -> None:
    row = {
        "organization_id": session.organization,
        "session_id": session.id,
        "ref": ref,
        "round_id": session.round,
        "identity_id": account.id if account else before.identity if before else None,
        "holder": holder or (before.holder if before else None),
        "arrived_at": runtime.clock.now(),
        "left_at": None,
    }
    await upsert(tx, seat, [row], keys=KEYS, update=("identity_id", "holder", "left_at"))


async def leave(runtime: Runtime, tx: Tx, session: Session, ref: str) -> None:
    """Note that a participant left; one who never sat there is no error."""
    mine = (seat.c.organization_id == session.organization, seat.c.session_id == session.id, seat.c.ref == ref)
    await tx.execute(seat.update().where(*mine, seat.c.left_at.is_(None)).values(left_at=runtime.clock.now()))


async def persons(tx: Tx, session: Session) -> set[Id]:
    """Return the persons who were there at any time of the round, as a seat, a report or an answer tells."""
    found = {one.person for one in await read(tx, session) if one.person is not None}
    reported = sa.select(participation.c.person_id).where(
        participation.c.organization_id == session.organization,
        participation.c.round_id == session.round,
        participation.c.person_id.is_not(None),
    )
    answered = sa.select(response.c.person_id).where(
        response.c.organization_id == session.organization, response.c.round_id == session.round
    )
    for query in (reported, _still_there(session), answered):
        found |= {one for one in (await tx.execute(query)).scalars() if one is not None}
    return found


def _still_there(session: Session) -> sa.Select[tuple[Id | None]]:
    """Select who came before the round and has not left; an end may be lost, so no meeting lasts a day."""
    return sa.select(participation.c.person_id).where(
        participation.c.organization_id == session.organization,
        participation.c.place_id == session.place,
        participation.c.kind == "attended",
        participation.c.ended_at.is_(None),
        participation.c.started_at > session.opened - LONGEST_MEETING,
    )


async def take(tx: Tx, session: Session, ref: str, given: Given) -> bool:
    """Keep what somebody whom nobody knows gave; return whether it replaces something."""
    mine = (seat.c.organization_id == session.organization, seat.c.session_id == session.id, seat.c.ref == ref)
    before = (await tx.execute(sa.select(seat.c.passed).where(*mine).with_for_update())).scalar_one()
    kept = sa.null() if given.passed else dict(given.values)
    await tx.execute(seat.update().where(*mine).values({"passed": given.passed, "values": kept}))
    return before is not None


async def turnout(tx: Tx, organization: Id, round_id: Id) -> tuple[int, int]:
    """Count who answered and who passed of those whom nobody knows."""
    query = (
        sa.select(seat.c.passed, sa.func.count())
        .where(seat.c.organization_id == organization, seat.c.round_id == round_id, seat.c.passed.is_not(None))
        .group_by(seat.c.passed)
    )
    counts = {bool(passed): count for passed, count in await tx.execute(query)}
    return counts.get(False, 0), counts.get(True, 0)


async def answers(tx: Tx, session: Session) -> list[Json]:
    """Return what those answered whom nobody knows."""
    query = sa.select(seat.c["values"]).where(
        seat.c.organization_id == session.organization, seat.c.session_id == session.id, seat.c.passed.is_(False)
    )
    return [dict(values) for values in (await tx.execute(query)).scalars() if values]


async def clear(tx: Tx, organization: Id, round_id: Id) -> None:
    """Forget who sat where and what was said without a name: the round has closed."""
    for table in (seat, turns):
        await tx.execute(table.delete().where(table.c.organization_id == organization, table.c.round_id == round_id))


def _is_name(ref: str) -> bool:
    return 0 < len(ref) <= 200 and ref.isprintable()
