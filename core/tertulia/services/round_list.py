"""The rounds of a workspace as a list to turn pages of: those to come first, then the newest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.services import rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

SIZE = 20
STANDINGS: dict[str, tuple[str, ...]] = {
    "ahead": ("planned",),
    "running": ("open", "closing"),
    "ended": ("closed", "released", "withheld"),
    "cancelled": ("cancelled",),
}
"""What a list of rounds can be narrowed to."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Hold one page of rounds, its *number* from 1, and whether there is one behind it."""

    rounds: tuple[RoundRow, ...]
    number: int
    more: bool


async def listed(
    tx: Tx,
    organization: Id,
    workspace: Id,
    *,
    practice: str | None = None,
    standing: str | None = None,
    number: int = 1,
) -> Page:
    """Return page *number*, from 1, of a workspace's rounds, of one *practice* and one of `STANDINGS` if named."""
    query: sa.Select[Any] = sa.select(round_table).where(*_mine(organization, workspace))
    if practice is not None:
        query = query.where(round_table.c.practice == practice)
    if standing is not None:
        query = query.where(round_table.c.state.in_(STANDINGS[standing]))
    ordered = query.order_by(round_table.c.opens_at.desc(), round_table.c.id)
    found = await tx.execute(ordered.offset((number - 1) * SIZE).limit(SIZE + 1))
    rows = [rounds.row_of(record) for record in found]
    return Page(rounds=tuple(rows[:SIZE]), number=number, more=len(rows) > SIZE)


async def practices(tx: Tx, organization: Id, workspace: Id) -> Collection[str]:
    """Return the keys of all practices that have rounds here, also of those that the program has no more."""
    query = sa.select(round_table.c.practice).distinct().where(*_mine(organization, workspace))
    return sorted((await tx.execute(query)).scalars())


def _mine(organization: Id, workspace: Id) -> tuple[sa.ColumnElement[bool], ...]:
    return round_table.c.organization_id == organization, round_table.c.workspace_id == workspace
