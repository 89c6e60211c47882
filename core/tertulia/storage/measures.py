"""Published measures and their look-back as rows; who was counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import measure_figure, measure_period, measure_release, measure_roster, workspace

CHUNK = 500
EVERYBODY = "[]"
"""The key of the group that nothing narrows down."""


@dataclass(frozen=True, kw_only=True)
class StoredRelease:
    """Hold what the look-back needs of a population that was published."""

    workspace: Id
    asked: str
    roster: Id
    k: int
    cells: Sequence[Json]


def digest(people: Mapping[Id, Mapping[str, str]]) -> str:
    """Return a digest of who is in which groups."""
    return hashlib.sha256(json.dumps(people, sort_keys=True).encode()).hexdigest()


async def waiting(tx: Tx, family: str, period: str, ended: datetime) -> list[tuple[Id, Id]]:
    """Return the organizations and workspaces that stood when *period* ended and have nothing published of it."""
    done = sa.exists().where(
        measure_period.c.organization_id == workspace.c.organization_id,
        measure_period.c.workspace_id == workspace.c.id,
        measure_period.c.family == family,
        measure_period.c.period == period,
    )
    query = sa.select(workspace.c.organization_id, workspace.c.id).where(workspace.c.created_at < ended, ~done)
    return [(row.organization_id, row.id) for row in await tx.execute(query.order_by(workspace.c.id))]


async def is_published(tx: Tx, organization: Id, home: Id, family: str, period: str) -> bool:
    """Tell whether a period is published."""
    query = sa.select(measure_period.c.period).filter_by(
        organization_id=organization, workspace_id=home, family=family, period=period
    )
    return (await tx.execute(query)).first() is not None


async def look_back(
    tx: Tx, organization: Id, family: str, series: str, *, since: datetime, most: int
) -> list[StoredRelease]:
    """Return each workspace's newest *most* releases of a series that counted different people, oldest first.

    All workspaces of the organization count. Of those that counted the same people, the newest stands for all.
    """
    table = measure_release.c
    query = (
        sa.select(table.workspace_id, table.asked, table.roster_id, table.k, table.cells)
        .where(
            table.organization_id == organization,
            table.family == family,
            table.series == series,
            table.published_at >= since,
        )
        .order_by(table.published_at.desc(), table.position.desc(), table.workspace_id)
    )
    found: dict[Id, StoredRelease] = {}
    count: Counter[Id] = Counter()
    for row in await tx.execute(query):
        if row.roster_id not in found and count[row.workspace_id] < most:
            count[row.workspace_id] += 1
            found[row.roster_id] = StoredRelease(
                workspace=row.workspace_id, asked=row.asked, roster=row.roster_id, k=row.k, cells=row.cells
            )
    return list(found.values())[::-1]


async def rosters(tx: Tx, organization: Id, ids: Collection[Id]) -> dict[Id, dict[Id, Mapping[str, str]]]:
    """Return who was counted in rosters, and in which groups."""
    found: dict[Id, dict[Id, Mapping[str, str]]] = {one: {} for one in ids}
    query = sa.select(measure_roster.c.id, measure_roster.c.person_id, measure_roster.c.atom).where(
        measure_roster.c.organization_id == organization, measure_roster.c.id.in_(list(ids))
    )
    for row in await tx.execute(query):
        found[row.id][row.person_id] = row.atom
    return found


async def keep_roster(
    tx: Tx, organization: Id, roster: Id, people: Mapping[Id, Mapping[str, str]], now: datetime
) -> None:
    """Keep who was counted; a roster that is there already only stays longer."""
    used = measure_roster.update().where(
        measure_roster.c.organization_id == organization, measure_roster.c.id == roster
    )
    if (await tx.execute(used.values(used_at=now))).rowcount:
        return
    rows: list[dict[str, Any]] = [
        {"organization_id": organization, "id": roster, "person_id": one, "atom": dict(atom), "used_at": now}
        for one, atom in sorted(people.items())
    ]
    for start in range(0, len(rows), CHUNK):
        await upsert(tx, measure_roster, rows[start : start + CHUNK], keys=("id", "person_id"))


async def add(
    tx: Tx, period: Json, releases: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]
) -> bool:
    """Keep a period as a whole, unless somebody else has kept it; tell which."""
    if not await upsert(tx, measure_period, [period], keys=("workspace_id", "family", "period")):
        return False
    whose = {name: period[name] for name in ("organization_id", "workspace_id", "family", "period")}
    for table, rows in ((measure_release, releases), (measure_figure, figures)):
        for start in range(0, len(rows), CHUNK):
            await tx.execute(table.insert(), [{**whose, **row} for row in rows[start : start + CHUNK]])
    return True


async def figures(
    tx: Tx,
    organization: Id,
    home: Id,
    *,
    families: Collection[str],
    periods: Collection[str] = (),
    key: str = "",
    whole: str | None = None,
) -> list[sa.Row[Any]]:
    """Return the rows of published figures, oldest period first, each period in its own order.

    With *whole*, what they are about, only those of everybody: with *key* each is then found by its primary key.
    """
    table = measure_figure.c
    wanted = [table.organization_id == organization, table.workspace_id == home, table.family.in_(list(families))]
    if periods:
        wanted.append(table.period.in_(list(periods)))
    if key:
        wanted.append(table.key == key)
    if whole is not None:
        wanted += [table.about == whole, table.group_key == EVERYBODY]
    ended = sa.and_(
        measure_period.c.workspace_id == table.workspace_id,
        measure_period.c.family == table.family,
        measure_period.c.period == table.period,
    )
    query = (
        sa.select(measure_figure)
        .join(measure_period, ended)
        .where(*wanted)
        .order_by(measure_period.c.ended_at, table.family, table.position)
    )
    return list(await tx.execute(query))


async def periods(tx: Tx, organization: Id, home: Id, family: str, most: int) -> list[str]:
    """Return the newest *most* published periods of a family, oldest first."""
    table = measure_period.c
    query = (
        sa.select(table.period)
        .where(table.organization_id == organization, table.workspace_id == home, table.family == family)
        .order_by(table.ended_at.desc())
        .limit(most)
    )
    return list((await tx.execute(query)).scalars())[::-1]
