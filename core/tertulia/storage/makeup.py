"""What lists and plans need of the many members of a workspace, without reading each person whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.storage import tables
from tertulia.storage.database import Tx

# by the primary key alone, as `people.members` does it; the organization of each row is looked at afterwards
_JOINED = tables.membership.join(tables.person, tables.person.c.id == tables.membership.c.person_id)


def _present(organization: Id, workspace: Id) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        tables.membership.c.organization_id == organization,
        tables.membership.c.workspace_id == workspace,
        tables.membership.c.left_at.is_(None),
        tables.person.c.erased_at.is_(None),
    )


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Hold what a list of members is ordered by and searched for."""

    id: Id
    name: str
    email: str | None
    team: str | None
    location: str | None


async def listed(tx: Tx, organization: Id, workspace: Id) -> list[Listed]:
    """Return of each present member of a workspace what lists need, in no order; much cheaper than `members`."""
    table = tables.person.c
    columns = (table.id, table.name, table.email, table.team, table.location)
    query = sa.select(*columns, table.organization_id).select_from(_JOINED).where(*_present(organization, workspace))
    return [
        Listed(id=row.id, name=row.name, email=row.email, team=row.team, location=row.location)
        for row in await tx.execute(query)
        if row.organization_id == organization
    ]


async def teams(tx: Tx, organization: Id, workspace: Id) -> list[str]:
    """Return the teams that present members of a workspace are in, by name."""
    table = tables.person.c
    query = sa.select(table.team, table.organization_id).distinct().select_from(_JOINED)
    found = await tx.execute(query.where(*_present(organization, workspace)))
    return sorted(row.team for row in found if row.team and row.organization_id == organization)


async def counted(tx: Tx, organization: Id, workspace: Id) -> dict[Person, int]:
    """Count the present members of a workspace who are alike in all that an audience or a zone asks for.

    The persons stand for their kind: they have no id and no name.
    """
    table = tables.person.c
    alike = (table.organization_id, table.zone, table.worker_type, table.team, table.location, table.languages)
    query = sa.select(*alike, sa.func.count().label("many")).select_from(_JOINED).group_by(*alike)
    found: dict[Person, int] = defaultdict(int)
    for row in await tx.execute(query.where(*_present(organization, workspace))):
        if row.organization_id == organization:
            ways = {"zone": row.zone, "worker_type": row.worker_type, "languages": tuple(row.languages)}
            place = {"team": row.team, "location": row.location}
            found[Person(id="", organization=organization, name="", **ways, **place)] += row.many
    return found
