"""Read and write who sat with whom, and whom a person does not want to be introduced to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.storage.database import Tx
from tertulia.storage.tables import avoidance, interaction, match_history, membership, person
from tertulia.storage.ties import ends
from tertulia.storage.vault import Vault


@dataclass(frozen=True, kw_only=True)
class History:
    """Hold how many rounds ago each pair sat together, and how well the rounds served each person."""

    met: Mapping[frozenset[Id], int]
    served: Mapping[Id, float]


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Hold where one person sat in a round; without a group where nobody could be found."""

    person: Id
    group: int | None
    served: float


async def history(tx: Tx, organization: Id, workspace: Id, practice: str, rounds: int) -> History:
    """Return the last *rounds* of a practice; persons that were merged count as the one they turned out to be."""
    table = match_history
    of = (
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.practice == practice,
    )
    begun = sa.func.min(table.c.at)
    latest = (
        sa.select(table.c.round_id).where(*of).group_by(table.c.round_id).order_by(begun.desc(), table.c.round_id)
    )
    ages = {one: age for age, one in enumerate((await tx.execute(latest.limit(rounds))).scalars(), 1)}
    oldest = sa.select(sa.func.min(table.c.at)).where(*of, table.c.round_id == (list(ages)[-1] if ages else ""))
    since = (await tx.execute(oldest)).scalar()
    if since is None:
        return History(met={}, served={})
    now = await _merged(tx, organization)
    query = sa.select(table.c.round_id, table.c.person_id, table.c.group_number, table.c.served)
    tables: dict[tuple[int, int], list[Id]] = defaultdict(list)
    values: dict[Id, list[float]] = defaultdict(list)
    for round_id, one, group, served in await tx.execute(query.where(*of, table.c.at >= since)):
        who = now.get(one, one)
        values[who].append(served)
        if group is not None and round_id in ages:
            tables[ages[round_id], group].append(who)
    met: dict[frozenset[Id], int] = {}
    for (age, _), people in sorted(tables.items()):
        for pair in combinations(sorted(set(people)), 2):
            met.setdefault(frozenset(pair), age)
    return History(met=met, served={one: sum(some) / len(some) for one, some in values.items()})


async def keep(
    tx: Tx, *, organization: Id, workspace: Id, practice: str, round_id: Id, at: datetime, seats: Iterable[Seat]
) -> None:
    """Keep where everybody sits; keeping a round again replaces it."""
    table = match_history
    await tx.execute(table.delete().where(table.c.organization_id == organization, table.c.round_id == round_id))
    fixed = {
        "organization_id": organization,
        "workspace_id": workspace,
        "practice": practice,
        "round_id": round_id,
        "at": at,
    }
    rows = [{**fixed, "person_id": seat.person, "group_number": seat.group, "served": seat.served} for seat in seats]
    if rows:
        await tx.execute(table.insert(), rows)


async def avoided(tx: Tx, organization: Id) -> dict[Id, frozenset[Id]]:
    """Return every person's private list."""
    now = await _merged(tx, organization)
    query = sa.select(avoidance.c.person_id, avoidance.c.avoided_id).where(
        avoidance.c.organization_id == organization
    )
    lists: dict[Id, set[Id]] = defaultdict(set)
    for one, other in await tx.execute(query):
        lists[now.get(one, one)].add(now.get(other, other))
    return {one: frozenset(others - {one}) for one, others in lists.items()}


async def ties(
    tx: Tx, vault: Vault, organization: Id, workspace: Id, since: str, persons: Collection[Id], but: Collection[str]
) -> dict[frozenset[Id], float]:
    """Return how strongly each two of *persons* interacted from the ISO week *since* on, both directions together.

    Kinds of interaction in *but* are left out.
    """
    table = interaction
    of = (
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.week >= since,
        table.c.kind.not_in(but),
    )
    total = sa.func.sum(table.c.weight)
    query = sa.select(table.c.source_id, table.c.target_id, total).where(*of)
    behind = await ends(tx, vault, organization, persons)
    found: dict[frozenset[Id], float] = defaultdict(float)
    for one, other, weight in await tx.execute(query.group_by(table.c.source_id, table.c.target_id)):
        pair = frozenset(behind[name] for name in (one, other) if name in behind)
        if len(pair) == 2:
            found[pair] += weight
    return dict(found)


async def joined(tx: Tx, organization: Id, workspace: Id) -> dict[Id, date]:
    """Return when each present member came to the workspace."""
    table = membership
    of = (table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.left_at.is_(None))
    return {
        one: at.date() for one, at in await tx.execute(sa.select(table.c.person_id, table.c.joined_at).where(*of))
    }


async def _merged(tx: Tx, organization: Id) -> dict[Id, Id]:
    """Return for every person that was merged into another which one stands for it now."""
    query = sa.select(person.c.id, person.c.merged_into).where(
        person.c.organization_id == organization, person.c.merged_into.is_not(None)
    )
    into: dict[Id, Id] = {row.id: row.merged_into for row in await tx.execute(query)}

    def last(one: Id) -> Id:
        while one in into:
            one = into[one]
        return one

    return {one: last(one) for one in into}
