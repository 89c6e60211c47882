"""Keep thanks out of digests, or take them back, also where a digest was posted already: places show it anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.services import kudos, rounds, taking_back
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

LOOK_BACK = timedelta(days=60)
"""What was shown longer ago stays where a platform has it."""


async def hide(runtime: Runtime, tx: Tx, organization: Id, person: Id, identifier: Id, *, hidden: bool) -> None:
    """Keep thanks out of the digest for their receiver, or let them in again, in the posted one too."""
    await _show_again(runtime, tx, await kudos.hide(tx, organization, person, identifier, hidden=hidden))


async def take_back(runtime: Runtime, tx: Tx, organization: Id, person: Id, identifier: Id) -> None:
    """Delete thanks for their giver, and take them out of the posted digest."""
    await _show_again(runtime, tx, await kudos.take_back(runtime, tx, organization, person, identifier))


async def _show_again(runtime: Runtime, tx: Tx, thanks: sa.Row[Any]) -> None:
    """Let places show the digest anew in which *thanks* stood: that of the first round that ended after them."""
    ended = round_table.c
    query = (
        sa.select(round_table)
        .where(
            ended.organization_id == thanks.organization_id,
            ended.workspace_id == thanks.workspace_id,
            ended.practice == thanks.practice,
            ended.state == "closed",
            ended.closes_at >= thanks.at,
            ended.closes_at > runtime.clock.now() - LOOK_BACK,
            ended.occurrence.not_like(f"{rounds.STAGE}%"),
            ended.occurrence.not_like("host:%"),
        )
        .order_by(ended.closes_at, ended.id)
    )
    found = (await tx.execute(query.limit(1))).one_or_none() if thanks.public else None
    if found is not None:
        await taking_back.show_again(runtime, tx, rounds.row_of(found))
