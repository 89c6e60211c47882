"""The rounds of a workspace in parts, newest first."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.services.rounds import RoundRow, row_of
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table


async def newest(
    tx: Tx,
    organization: Id,
    workspace: Id,
    *,
    most: int,
    below: tuple[datetime, Id] | None = None,
    state: str | None = None,
    practice: str | None = None,
) -> list[RoundRow]:
    """Return the *most* newest rounds, by when they open and their id, *below* the last one of the part before."""
    table = round_table.c
    query = sa.select(round_table).where(table.organization_id == organization, table.workspace_id == workspace)
    if state is not None:
        query = query.where(table.state == state)
    if practice is not None:
        query = query.where(table.practice == practice)
    if below is not None:
        at, last = below
        query = query.where(sa.or_(table.opens_at < at, sa.and_(table.opens_at == at, table.id < last)))
    rows = await tx.execute(query.order_by(table.opens_at.desc(), table.id.desc()).limit(most))
    return [row_of(row) for row in rows]
