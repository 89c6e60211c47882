"""Published cells and the look-back as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import cell, respondent, round_table

CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class StoredCell:
    """Hold one row; *figures* as JSON, see the release."""

    item: str
    group_key: str
    family: str
    outcome: str
    answered: int
    base: int
    figures: Sequence[Json]
    points: Sequence[str]
    blocks: Sequence[str] | None


async def add(tx: Tx, organization: Id, round_id: Id, cells: Sequence[StoredCell]) -> None:
    """Keep the cells of a round in their order."""
    rows: list[dict[str, Any]] = [
        {
            "organization_id": organization,
            "round_id": round_id,
            "item": one.item,
            "group_key": one.group_key,
            "family": one.family,
            "position": position,
            "outcome": one.outcome,
            "answered": one.answered,
            "base": one.base,
            "figures": [dict(figure) for figure in one.figures],
            "points": list(one.points),
            "blocks": None if one.blocks is None else list(one.blocks),
        }
        for position, one in enumerate(cells)
    ]
    for start in range(0, len(rows), CHUNK):
        await upsert(tx, cell, rows[start : start + CHUNK], keys=("round_id", "item", "group_key"))


async def of_round(tx: Tx, organization: Id, round_id: Id, *, published: bool = True) -> list[StoredCell]:
    """Return the cells of a round in their order; those without figures too unless *published*."""
    query = sa.select(cell).where(cell.c.organization_id == organization, cell.c.round_id == round_id)
    if published:
        query = query.where(cell.c.outcome == "published")
    return [_stored(row) for row in await tx.execute(query.order_by(cell.c.position))]


async def of_group(
    tx: Tx, organization: Id, rounds: Collection[Id], items: Collection[str], group_key: str
) -> dict[Id, list[StoredCell]]:
    """Return by round the cells of *items* and one group; those without figures too.

    With round, item and group each is found by its key: a round has thousands of cells.
    """
    found: dict[Id, list[StoredCell]] = defaultdict(list)
    query = sa.select(cell).where(
        cell.c.organization_id == organization,
        cell.c.round_id.in_(rounds),
        cell.c.item.in_(items),
        cell.c.group_key == group_key,
    )
    for row in await tx.execute(query.order_by(cell.c.round_id, cell.c.position)):
        found[row.round_id].append(_stored(row))
    return found


async def rounds_with(
    tx: Tx, organization: Id, items: Collection[str], *, since: datetime, most: int
) -> list[tuple[Id, Json]]:
    """Return the *most* newest rounds since *since* that published any of *items*, oldest first, with summaries.

    All workspaces of the organization count: one person may belong to several.
    """
    if not items:
        return []
    having = sa.select(cell.c.round_id).where(
        cell.c.organization_id == organization, cell.c.item.in_(items), cell.c.outcome == "published"
    )
    rounds = round_table.c
    closed = sa.func.coalesce(rounds.closes_at, rounds.opens_at)
    query = (
        sa.select(rounds.id, rounds.summary)
        .where(rounds.organization_id == organization, rounds.id.in_(having), closed >= since)
        .order_by(closed.desc(), rounds.id)
        .limit(most)
    )
    return [(row.id, row.summary or {}) for row in (await tx.execute(query)).all()][::-1]


async def shown_before(tx: Tx, organization: Id, *, before: datetime, since: datetime) -> frozenset[tuple[str, str]]:
    """Return the items and groups' names of all cells that rounds published which closed between two instants."""
    closed = sa.func.coalesce(round_table.c.closes_at, round_table.c.opens_at)
    query = (
        sa.select(cell.c.item, cell.c.group_key)
        .join(round_table, round_table.c.id == cell.c.round_id)
        .where(
            cell.c.organization_id == organization,
            round_table.c.organization_id == organization,
            cell.c.outcome == "published",
            closed >= since,
            closed < before,
        )
        .distinct()
    )
    return frozenset((row.item, row.group_key) for row in await tx.execute(query))


async def counted(tx: Tx, organization: Id, rounds: Collection[Id]) -> dict[Id, dict[Id, Mapping[str, str]]]:
    """Return by round in which groups each respondent's answer was counted."""
    found: dict[Id, dict[Id, Mapping[str, str]]] = defaultdict(dict)
    query = sa.select(respondent).where(
        respondent.c.organization_id == organization, respondent.c.round_id.in_(rounds)
    )
    for row in await tx.execute(query):
        if row.atom is not None:
            found[row.round_id][row.person_id] = row.atom
    return found


def _stored(row: sa.Row[Any]) -> StoredCell:
    return StoredCell(
        item=row.item,
        group_key=row.group_key,
        family=row.family,
        outcome=row.outcome,
        answered=row.answered,
        base=row.base,
        figures=row.figures,
        points=row.points,
        blocks=row.blocks,
    )
