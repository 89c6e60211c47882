"""Divide who is at a live round into groups of two to four, whoever met last time apart where that can be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.matching import Guest, Policy, Seating
from tertulia.runtime import Runtime
from tertulia.services import live_seats, matching
from tertulia.services.live_sessions import Session
from tertulia.services.matching import Company, Occasion
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import session as session_table


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """Hold who is to be divided: *seats* by the matcher's ids, of which *known* are persons."""

    occasion: Occasion
    company: Company
    seats: Mapping[Id, tuple[str, ...]]
    known: frozenset[Id]


@dataclass(frozen=True, kw_only=True)
class Divided:
    """Hold the groups as seats, and what the matcher says of them."""

    groups: tuple[tuple[str, ...], ...]
    seating: Seating


def policy_of(size: int) -> Policy:
    """Return the matcher's policy for groups of *size*; raises `Mistake` for a size it does not form."""
    known: Mapping[int, Literal[2, 3, 4]] = {2: 2, 3: 3, 4: 4}
    if size not in known:
        raise Mistake(f"Groups of {size} are not formed; choose 2, 3 or 4.")
    return Policy(size=known[size])


async def gather(runtime: Runtime, tx: Tx, session: Session, round_: RoundRow, policy: Policy) -> Gathering:
    """Read who is there. Whoever is no member of the workspace is divided like the others, without a memory.

    They are in one conversation already, so neither hours nor languages stand between them.
    """
    occasion = Occasion(
        organization=round_.organization,
        workspace=round_.workspace,
        practice=round_.practice,
        kind=round_.kind,
        round=round_.id,
        week=runtime.clock.now().date(),
    )
    seats = await live_seats.read(tx, session)
    person_of = {one.ref: one.person for one in seats}
    there = live_seats.taken(seats)
    invited = {person for refs in there if (person := person_of[refs[0]]) is not None}
    company = await matching.read(runtime, tx, occasion, invited, policy)
    known = frozenset(guest.id for guest in company.guests)
    ids = {_id(session, refs, person_of[refs[0]], known): refs for refs in there}
    strangers = tuple(Guest(id=one) for one in ids if one not in known)
    guests = tuple(
        replace(guest, asynchronous=True, languages=("en",), zone="UTC") for guest in (*company.guests, *strangers)
    )
    return Gathering(occasion=occasion, company=replace(company, guests=guests), seats=ids, known=known)


def _id(session: Session, refs: Sequence[str], person: Id | None, known: frozenset[Id]) -> Id:
    if person is not None and person in known:
        return person
    return hashlib.sha256(f"{session.id}:{refs[0]}".encode()).hexdigest()[:32]


async def divide(runtime: Runtime, gathering: Gathering, policy: Policy) -> Divided:
    """Form the groups; no transaction is open meanwhile, and nothing is written."""
    enabled = [live.plugin for live in runtime.installations.of(gathering.occasion.workspace)]
    seating = await matching.form(runtime, gathering.occasion, gathering.company, policy, enabled=enabled)
    groups = tuple(tuple(ref for one in table.people for ref in gathering.seats[one]) for table in seating.tables)
    return Divided(groups=groups, seating=seating)


async def keep(runtime: Runtime, tx: Tx, session: Session, gathering: Gathering, divided: Divided) -> None:
    """Keep the groups for the panel, and who met for the next rounds."""
    known, seating = gathering.known, divided.seating
    tables = tuple(
        replace(table, people=tuple(one for one in table.people if one in known)) for table in seating.tables
    )
    served = {one: value for one, value in seating.served.items() if one in known}
    await matching.keep(runtime, tx, gathering.occasion, replace(seating, tables=tables, served=served))
    groups = [list(group) for group in divided.groups]
    await tx.execute(session_table.update().where(session_table.c.id == session.id).values(groups=groups))
