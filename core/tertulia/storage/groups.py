"""Read affinity groups and who belongs to them; nothing here is ever part of a report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.storage.database import Tx
from tertulia.storage.tables import affinity_group, affinity_member, membership, person


@dataclass(frozen=True, kw_only=True)
class Group:
    """Hold a group; where it is *private*, a keeper lets people in and only members see who they are."""

    id: Id
    workspace: Id
    slug: str
    name: str
    about: str
    private: bool


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """Hold how one person belongs to a group; who has not *joined* waits to be let in."""

    person: Id
    name: str
    keeper: bool
    shown: bool
    joined: bool


async def find(tx: Tx, organization: Id, group: Id, *, lock: bool = False) -> Group | None:
    """Return a group that was not closed."""
    query = _open(organization).where(affinity_group.c.id == group)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else _group(row)


async def of_workspaces(tx: Tx, organization: Id, workspaces: Collection[Id]) -> list[Group]:
    """Return the groups of *workspaces*, by name."""
    query = _open(organization).where(affinity_group.c.workspace_id.in_(list(workspaces)))
    return [_group(row) for row in await tx.execute(query.order_by(affinity_group.c.name, affinity_group.c.id))]


async def slugs(tx: Tx, organization: Id, workspace: Id) -> frozenset[str]:
    """Return what the workspace's programs call its groups."""
    return frozenset(group.slug for group in await of_workspaces(tx, organization, [workspace]))


async def belonging(tx: Tx, organization: Id, groups: Collection[Id]) -> dict[Id, list[Belonging]]:
    """Return by group who belongs to it or waits, by name: present members of its workspace and nobody else."""
    found: dict[Id, list[Belonging]] = {group: [] for group in groups}
    columns = [affinity_member.c[name] for name in ("group_id", "person_id", "keeper", "shown", "joined_at")]
    query = _present(sa.select(*columns, person.c.name), organization).where(
        affinity_member.c.group_id.in_(list(groups))
    )
    for row in await tx.execute(query.order_by(person.c.name, person.c.id)):
        found[row.group_id].append(
            Belonging(
                person=row.person_id,
                name=row.name,
                keeper=row.keeper,
                shown=row.shown,
                joined=row.joined_at is not None,
            )
        )
    return found


async def members_of(tx: Tx, organization: Id, workspace: Id, wanted: Collection[str]) -> frozenset[Id]:
    """Return who is in one of the groups called *wanted*."""
    query = _present(sa.select(affinity_member.c.person_id), organization).where(
        affinity_group.c.workspace_id == workspace,
        affinity_group.c.slug.in_(list(wanted)),
        affinity_group.c.closed_at.is_(None),
        affinity_member.c.joined_at.is_not(None),
    )
    return frozenset((await tx.execute(query)).scalars())


def _present(query: sa.Select[Any], organization: Id) -> sa.Select[Any]:
    """Keep those who are members of the group's workspace now."""
    here = sa.and_(
        membership.c.organization_id == organization,
        membership.c.person_id == affinity_member.c.person_id,
        membership.c.workspace_id == affinity_group.c.workspace_id,
        membership.c.left_at.is_(None),
    )
    return (
        query.select_from(affinity_member)
        .join(affinity_group, affinity_group.c.id == affinity_member.c.group_id)
        .join(membership, here)
        .join(person, person.c.id == affinity_member.c.person_id)
        .where(affinity_member.c.organization_id == organization, person.c.erased_at.is_(None))
    )


def _open(organization: Id) -> sa.Select[Any]:
    return sa.select(affinity_group).where(
        affinity_group.c.organization_id == organization, affinity_group.c.closed_at.is_(None)
    )


def _group(row: Any) -> Group:
    return Group(
        id=row.id, workspace=row.workspace_id, slug=row.slug, name=row.name, about=row.about, private=row.private
    )
