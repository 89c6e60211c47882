"""What everybody may read of thanks: the public ones of a round, and whether thanks cross teams.

No count per person is made anywhere. The share that crosses teams is told of disjoint stretches of time, each only
once at least five people thanked across teams and five within theirs, and rounded to ten of a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.kinds import Thanked
from tertulia.runtime import Runtime
from tertulia.services import audiences, colleagues, kudos
from tertulia.services.rounds import STAGE, RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import kudos as table
from tertulia.storage.tables import round_table

FEWEST_GIVERS = 5
ROUNDED_TO = 10
FIRST = timedelta(days=35)
"""How far the digest of a practice's first round looks back."""
LOOK_BACK = timedelta(weeks=26)
CROSSING = "crossing"
"""Under which name the share is kept among a round's figures."""
ENDED = ("closing", "closed")


@dataclass(frozen=True, kw_only=True)
class Digest:
    """Hold what a round's digest may show."""

    thanks: tuple[Thanked, ...]
    crossing: int | None


async def of_round(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice) -> Digest:
    """Return the public thanks since the round before, as they may be read now, in the order of random ids."""
    until = round_.closes_at or runtime.clock.now()
    ended = await _ended_before(tx, round_, until)
    since = ended[0][0] if ended else until - FIRST
    seen = await _seen(tx, round_, practice)
    rows = [row for row in await _rows(tx, round_, since, until) if row.public and not row.hidden]
    thanks = tuple(
        Thanked(
            giver=seen.name(row.giver_id),
            receiver=seen.name(row.receiver_id),
            value=row.value,
            why=kudos.opened(runtime, row),
        )
        for row in rows
        if seen.both(row)
    )
    kept = (round_.summary or {}).get("figures", {})
    if round_.summary:
        return Digest(thanks=thanks, crossing=kept.get(CROSSING))
    told = next((at for at, summary in ended if CROSSING in (summary or {}).get("figures", {})), None)
    start = told or until - LOOK_BACK
    return Digest(thanks=thanks, crossing=_crossing(await _rows(tx, round_, start, until), seen))


def _crossing(rows: Sequence[sa.Row[Any]], seen: _Seen) -> int | None:
    """Return how many of a hundred pairs are of two teams, rounded; `None` where too few gave on either side."""
    pairs = {(seen.now(row.giver_id), seen.now(row.receiver_id)) for row in rows if seen.both(row)}
    teams = {pair: (seen.people[pair[0]].team, seen.people[pair[1]].team) for pair in pairs}
    across = {pair for pair, (one, other) in teams.items() if one and other and one != other}
    within = {pair for pair, (one, other) in teams.items() if one and one == other}
    if min(len({giver for giver, _ in side}) for side in (across, within)) < FEWEST_GIVERS:
        return None
    return round(100 * len(across) / len(across | within) / ROUNDED_TO) * ROUNDED_TO


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Hold who may be read of, with merges followed."""

    people: Mapping[Id, Person]
    survivors: Mapping[Id, Id]

    def now(self, person: Id) -> Id:
        return self.survivors.get(person, person)

    def both(self, row: sa.Row[Any]) -> bool:
        return self.now(row.giver_id) in self.people and self.now(row.receiver_id) in self.people

    def name(self, person: Id) -> str:
        one = self.people.get(self.now(person))
        return one.name if one is not None else ""


async def _seen(tx: Tx, round_: RoundRow, practice: Practice) -> _Seen:
    members = {one.id: one for one in await people.members(tx, round_.organization, round_.workspace)}
    there = await colleagues.taking_part(tx, round_.organization, round_.workspace, practice, list(members))
    addressed = await audiences.addressed(tx, round_.organization, round_.workspace, practice, list(members.values()))
    shown = {one.id: one for one in addressed if one.id in there}
    return _Seen(people=shown, survivors=await people.survivors(tx, round_.organization))


async def _rows(tx: Tx, round_: RoundRow, since: datetime, until: datetime) -> Sequence[sa.Row[Any]]:
    query = sa.select(table).where(
        table.c.organization_id == round_.organization,
        table.c.workspace_id == round_.workspace,
        table.c.practice == round_.practice,
        table.c.at > since,
        table.c.at <= until,
    )
    return (await tx.execute(query.order_by(table.c.id))).all()


async def _ended_before(tx: Tx, round_: RoundRow, until: datetime) -> list[tuple[datetime, Json | None]]:
    """Return when the practice's own rounds before ended, and what is kept of them, newest first."""
    rounds = round_table.c
    query = sa.select(rounds.closes_at, rounds.summary).where(
        rounds.organization_id == round_.organization,
        rounds.workspace_id == round_.workspace,
        rounds.practice == round_.practice,
        rounds.state.in_(ENDED),
        rounds.id != round_.id,
        rounds.closes_at <= until,
        rounds.closes_at > until - LOOK_BACK,
        rounds.occurrence.not_like(f"{STAGE}%"),
        rounds.occurrence.not_like("host:%"),
    )
    found = await tx.execute(query.order_by(rounds.closes_at.desc(), rounds.id))
    return [(row.closes_at, row.summary) for row in found]
