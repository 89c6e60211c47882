"""Read and write hard weeks: from when to when the playful practices of a workspace, or of a team, rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.storage.database import Tx
from tertulia.storage.tables import hard_weeks


@dataclass(frozen=True, kw_only=True)
class HardWeeks:
    """Hold one span of hard weeks; *team* is `None` for the whole workspace, *ended* is when they were taken back."""

    id: Id
    workspace: Id
    team: str | None
    word: str
    begins: datetime
    resumes: datetime
    ended: datetime | None

    def over(self, now: datetime) -> bool:
        """Tell whether the practices go on again."""
        return self.ended is not None or now >= self.resumes


async def current(tx: Tx, organization: Id, workspace: Id, now: datetime) -> list[HardWeeks]:
    """Return the hard weeks that a workspace has at *now*, oldest first."""
    query = _of(organization, workspace).where(
        hard_weeks.c.begins_at <= now, hard_weeks.c.resumes_at > now, hard_weeks.c.ended_at.is_(None)
    )
    return [_row(row) for row in await tx.execute(query.order_by(hard_weeks.c.begins_at, hard_weeks.c.id))]


async def history(tx: Tx, organization: Id, workspace: Id) -> list[HardWeeks]:
    """Return all hard weeks of a workspace, newest first."""
    query = _of(organization, workspace).order_by(hard_weeks.c.begins_at.desc(), hard_weeks.c.id)
    return [_row(row) for row in await tx.execute(query)]


async def add(tx: Tx, organization: Id, new: HardWeeks) -> None:
    """Keep new hard weeks."""
    await tx.execute(
        hard_weeks.insert().values(
            organization_id=organization,
            id=new.id,
            workspace_id=new.workspace,
            team=new.team,
            word=new.word,
            begins_at=new.begins,
            resumes_at=new.resumes,
            ended_at=new.ended,
        )
    )


async def end(tx: Tx, organization: Id, one: Id, now: datetime) -> bool:
    """End hard weeks before their date, and tell whether they were not over."""
    at = (hard_weeks.c.organization_id == organization, hard_weeks.c.id == one, hard_weeks.c.ended_at.is_(None))
    done = await tx.execute(hard_weeks.update().where(*at, hard_weeks.c.resumes_at > now).values(ended_at=now))
    return done.rowcount == 1


def _of(organization: Id, workspace: Id) -> sa.Select[Any]:
    return sa.select(hard_weeks).where(
        hard_weeks.c.organization_id == organization, hard_weeks.c.workspace_id == workspace
    )


def _row(row: Any) -> HardWeeks:
    return HardWeeks(
        id=row.id,
        workspace=row.workspace_id,
        team=row.team,
        word=row.word,
        begins=row.begins_at,
        resumes=row.resumes_at,
        ended=row.ended_at,
    )
