"""Read who came how far in the rounds of a stretch of time; surveys are not among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.measures.participation import Occasion, Stay, attended
from tertulia.services import rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import delivery, participation, response, round_table

HAPPENED = ("closed", "released", "withheld")
CHUNK = 200
FEW = 50
"""Up to so many are looked up by themselves; for more, whole rounds are read."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """Hold a round that happened, as its program had it."""

    round: RoundRow
    practice: Practice


async def held(tx: Tx, home: Workspace, since: datetime, until: datetime) -> list[Held]:
    """Return the rounds of a workspace that closed between two instants, in the order in which they opened."""
    closed = sa.func.coalesce(round_table.c.closes_at, round_table.c.opens_at)
    query = sa.select(round_table).where(
        round_table.c.organization_id == home.organization,
        round_table.c.workspace_id == home.id,
        round_table.c.state.in_(HAPPENED),
        closed >= since,
        closed < until,
    )
    found, known = [], dict[tuple[int, str], Practice]()
    for record in (await tx.execute(query.order_by(round_table.c.opens_at, round_table.c.id))).all():
        row = rounds.row_of(record)
        key = (row.program_version, row.practice)
        if key not in known:
            try:
                known[key] = await rounds.practice_of(tx, row)
            except Mistake:
                continue  # its version of the program is not here any more
        found.append(Held(round=row, practice=known[key]))
    return found


async def occasions(
    tx: Tx, home: Workspace, some: Sequence[Held], roster: Collection[Id], eligible: Mapping[str, frozenset[Id]]
) -> list[Occasion]:
    """Return who of *roster* came how far in each round; *eligible* are the people of each practice's audience."""
    found = {
        one.round.id: Occasion(
            round=one.round.id, practice=one.round.practice, eligible=eligible.get(one.round.practice, frozenset())
        )
        for one in some
    }
    stands_for, only = await _stands_for(tx, home.organization, roster)
    for ids in people.chunks(list(found), CHUNK):
        await _invitations(tx, home.organization, ids, found, stands_for, only)
        await _responses(tx, home.organization, ids, found, stands_for, only)
        await _stays(tx, home.organization, ids, found, stands_for, only)
    return list(found.values())


async def _stands_for(
    tx: Tx, organization: Id, roster: Collection[Id]
) -> tuple[Callable[[Id | None], Id | None], list[Id] | None]:
    """Return who of *roster* a person is, merged ones being one with whom they were merged into.

    Where the roster is short, all who are somebody of it come along, so that nobody else is read.
    """
    kept = await people.survivors(tx, organization)
    inside = set(roster)
    by_survivor = {kept[one]: one for one in sorted(inside & kept.keys()) if kept[one] not in inside}

    def find(person: Id | None) -> Id | None:
        if person is None:
            return None
        now = kept.get(person, person)
        return now if now in inside else by_survivor.get(now)

    if len(inside) > FEW:
        return find, None
    return find, sorted(one for one in {*inside, *kept, *kept.values()} if find(one) is not None)


async def _invitations(
    tx: Tx,
    organization: Id,
    ids: Sequence[Id],
    found: Mapping[Id, Occasion],
    who: Callable[[Id | None], Id | None],
    only: Sequence[Id] | None,
) -> None:
    query = sa.select(delivery.c.round_id, delivery.c.recipient, delivery.c.state).where(
        delivery.c.organization_id == organization,
        delivery.c.round_id.in_(ids),
        delivery.c.purpose == "invite",
        delivery.c.target == "person",
        delivery.c.state != "skipped",
        delivery.c.recipient.in_(only) if only is not None else sa.true(),
    )
    for row in await tx.execute(query):
        person = who(row.recipient)
        if person is not None:
            found[row.round_id].invited.add(person)
            if row.state == "sent":
                found[row.round_id].reached.add(person)


async def _responses(
    tx: Tx,
    organization: Id,
    ids: Sequence[Id],
    found: Mapping[Id, Occasion],
    who: Callable[[Id | None], Id | None],
    only: Sequence[Id] | None,
) -> None:
    query = sa.select(response.c.round_id, response.c.person_id, response.c.passed, response.c.platform).where(
        response.c.organization_id == organization,
        response.c.round_id.in_(ids),
        response.c.person_id.in_(only) if only is not None else sa.true(),
    )
    for row in await tx.execute(query):
        person = who(row.person_id)
        if person is not None:
            found[row.round_id].responded.add(person)
            if not row.passed:
                found[row.round_id].took_part(person, row.platform)


async def _stays(
    tx: Tx,
    organization: Id,
    ids: Sequence[Id],
    found: Mapping[Id, Occasion],
    who: Callable[[Id | None], Id | None],
    only: Sequence[Id] | None,
) -> None:
    table = participation.c
    query = sa.select(
        table.round_id, table.person_id, table.kind, table.platform, table.started_at, table.ended_at
    ).where(
        table.organization_id == organization,
        table.round_id.in_(ids),
        table.person_id.in_(only) if only is not None else table.person_id.is_not(None),
    )
    stays: dict[Id, list[Stay]] = defaultdict(list)
    through: dict[tuple[Id, Id], set[str]] = defaultdict(set)
    for row in await tx.execute(query):
        person = who(row.person_id)
        if person is None:
            continue
        if row.kind == "attended":
            stays[row.round_id].append(Stay(person=person, start=row.started_at, end=row.ended_at))
            through[row.round_id, person].add(row.platform)
        else:
            found[row.round_id].responded.add(person)
            found[row.round_id].took_part(person, row.platform)
    for round_id, some in stays.items():
        for person in attended(some):
            found[round_id].attended.add(person)
            for platform in through[round_id, person]:
                found[round_id].took_part(person, platform)
