"""Read persons and what belongs to them: rows in, domain values out, a few queries for ten thousand people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor, Person, Place, Role
from tertulia.storage import tables
from tertulia.storage.database import Tx

CHUNK = 500
"""At most that many ids go into one IN list."""

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Organization:
    """Hold a tenant; *domains* are the declared e-mail domains, in lower case."""

    id: Id
    name: str
    domains: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Hold a part of an organization; *message_budget* is messages per person and week."""

    id: Id
    organization: Id
    name: str
    zone: str
    language: str
    message_budget: int


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Hold an account on one platform; *person* is `None` while nobody knows whose it is.

    *verified* says how the account was joined to the person: directory_id, directory_email, code or import.
    """

    id: Id
    organization: Id
    person: Id | None
    actor: Actor
    verified: str | None
    address: Json | None
    reachable: bool


async def organization(tx: Tx, organization_id: Id) -> Organization | None:
    """Return an organization."""
    row = (await tx.execute(sa.select(tables.organization).filter_by(id=organization_id))).one_or_none()
    return None if row is None else Organization(id=row.id, name=row.name, domains=frozenset(row.domains))


async def organizations(tx: Tx) -> list[Organization]:
    """Return all organizations by name."""
    rows = await tx.execute(sa.select(tables.organization).order_by(tables.organization.c.name))
    return [Organization(id=row.id, name=row.name, domains=frozenset(row.domains)) for row in rows]


async def workspace(tx: Tx, organization: Id, workspace_id: Id) -> Workspace | None:
    """Return a workspace of *organization*."""
    query = sa.select(tables.workspace).filter_by(organization_id=organization, id=workspace_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _workspace(row)


async def workspaces(tx: Tx, organization: Id) -> list[Workspace]:
    """Return the workspaces of *organization* by name."""
    query = sa.select(tables.workspace).filter_by(organization_id=organization).order_by(tables.workspace.c.name)
    return [_workspace(row) for row in await tx.execute(query)]


async def person(tx: Tx, organization: Id, person_id: Id) -> Person | None:
    """Return a person of *organization*, an erased one too."""
    query = sa.select(tables.person).filter_by(organization_id=organization, id=person_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else as_person(row)


@dataclass(frozen=True, kw_only=True)
class AsMember:
    """Hold a person with what one workspace knows: whether a *member* now, and whether *merged* into another."""

    person: Person
    member: bool
    merged: bool


async def as_member(tx: Tx, organization: Id, workspace: Id, person_id: Id) -> AsMember | None:
    """Return a person of *organization* as *workspace* knows the person, in one query."""
    of = {"organization": organization, "workspace": workspace, "person": person_id}
    row = (await tx.execute(_AS_MEMBER, of)).one_or_none()
    if row is None:
        return None
    return AsMember(person=as_person(row), member=row.workspace_id is not None, merged=row.merged_into is not None)


_AS_MEMBER = (
    sa.select(tables.person, tables.membership.c.workspace_id)
    .outerjoin(
        tables.membership,
        sa.and_(
            tables.membership.c.organization_id == tables.person.c.organization_id,
            tables.membership.c.person_id == tables.person.c.id,
            tables.membership.c.workspace_id == sa.bindparam("workspace"),
            tables.membership.c.left_at.is_(None),
        ),
    )
    .where(
        tables.person.c.organization_id == sa.bindparam("organization"),
        tables.person.c.id == sa.bindparam("person"),
    )
)


async def persons(tx: Tx, organization: Id, ids: Collection[Id]) -> dict[Id, Person]:
    """Return the persons among *ids* that *organization* knows."""
    found: dict[Id, Person] = {}
    for some in chunks(ids):
        query = sa.select(tables.person).where(
            tables.person.c.organization_id == organization, tables.person.c.id.in_(some)
        )
        found.update({row.id: as_person(row) for row in await tx.execute(query)})
    return found


async def person_by_email(tx: Tx, organization: Id, email: str) -> Person | None:
    """Return the person who has that e-mail address, however it is written."""
    if not email.isprintable():
        return None  # PostgreSQL refuses to look for a NUL or a lone surrogate
    query = sa.select(tables.person).filter_by(organization_id=organization, email=email.strip().lower())
    row = (await tx.execute(query)).one_or_none()
    if row is None or row.merged_into is None:
        return None if row is None else as_person(row)
    return await person(tx, organization, await current(tx, organization, row.id))


async def current(tx: Tx, organization: Id, person_id: Id) -> Id:
    """Follow merges: return the id of the person that *person_id* stands for now."""
    table = tables.person
    while True:
        query = sa.select(table.c.merged_into).filter_by(organization_id=organization, id=person_id)
        into = (await tx.execute(query)).scalar_one_or_none()
        if into is None:
            return person_id
        person_id = into


async def survivors(tx: Tx, organization: Id) -> dict[Id, Id]:
    """Return for each merged person of the organization whom it stands for now; who was never merged is absent."""
    table = tables.person
    query = sa.select(table.c.id, table.c.merged_into).where(
        table.c.organization_id == organization, table.c.merged_into.is_not(None)
    )
    into: dict[Id, Id] = {row.id: row.merged_into for row in await tx.execute(query)}
    found: dict[Id, Id] = {}
    for one, kept in into.items():
        while kept in into:
            kept = into[kept]
        found[one] = kept
    return found


async def selves(tx: Tx, organization: Id, person_id: Id) -> list[Id]:
    """Return the person and all persons that were merged into it, the person first."""
    found = [person_id]
    table = tables.person
    for known in found:
        query = sa.select(table.c.id).filter_by(organization_id=organization, merged_into=known).order_by(table.c.id)
        found.extend((await tx.execute(query)).scalars())
    return found


async def members(tx: Tx, organization: Id, workspace: Id) -> list[Person]:
    """Return the present members of a workspace, without erased persons, ordered by id."""
    # by the primary key alone: without statistics, as after an import, PostgreSQL would choose to go through the
    # whole organization for each member
    joined = tables.membership.join(tables.person, tables.person.c.id == tables.membership.c.person_id)
    query = (
        sa.select(tables.person)
        .select_from(joined)
        .where(
            tables.membership.c.organization_id == organization,
            tables.membership.c.workspace_id == workspace,
            tables.membership.c.left_at.is_(None),
            tables.person.c.erased_at.is_(None),
        )
        .order_by(tables.person.c.id)
    )
    return [as_person(row) for row in await tx.execute(query) if row.organization_id == organization]


async def members_among(tx: Tx, organization: Id, workspace: Id, ids: Collection[Id]) -> dict[Id, Person]:
    """Return those of *ids* who are present members of a workspace."""
    table, found = tables.membership, set[Id]()
    for some in chunks(ids):
        query = sa.select(table.c.person_id).where(
            table.c.organization_id == organization,
            table.c.workspace_id == workspace,
            table.c.person_id.in_(some),
            table.c.left_at.is_(None),
        )
        found |= set((await tx.execute(query)).scalars())
    known = await persons(tx, organization, found)
    return {one: person for one, person in known.items() if not person.erased}


async def identities(tx: Tx, organization: Id, persons: Collection[Id]) -> dict[Id, list[Identity]]:
    """Return the identities of *persons*, each list ordered by platform and id; who has none is absent."""
    found: dict[Id, list[Identity]] = defaultdict(list)
    table = tables.identity
    for some in chunks(persons):
        query = (
            sa.select(table)
            .where(table.c.organization_id == organization, table.c.person_id.in_(some))
            .order_by(table.c.platform, table.c.id)
        )
        for row in await tx.execute(query):
            found[row.person_id].append(as_identity(row))
    return dict(found)


async def identity_of(tx: Tx, organization: Id, actor: Actor) -> Identity | None:
    """Return the identity of an account."""
    if not (actor.platform + actor.realm + actor.user).isprintable():
        return None  # as for an e-mail address; no such account is ever registered
    of = {"organization": organization, "platform": actor.platform, "realm": actor.realm, "user": actor.user}
    row = (await tx.execute(_IDENTITY_OF, of)).one_or_none()
    return None if row is None else as_identity(row)


_IDENTITY_OF = sa.select(tables.identity).where(
    tables.identity.c.organization_id == sa.bindparam("organization"),
    tables.identity.c.platform == sa.bindparam("platform"),
    tables.identity.c.realm == sa.bindparam("realm"),
    tables.identity.c.user == sa.bindparam("user"),
)


async def hold(tx: Tx, organization: Id, persons: Collection[Id]) -> None:
    """Let what others keep of *persons* be kept first, or wait until this transaction has ended."""
    mine = (tables.person.c.organization_id == organization, tables.person.c.id.in_(persons))
    rows = sa.select(tables.person.c.id).where(*mine).order_by(tables.person.c.id)
    # not so strong that whatever refers to a person would wait, too
    await tx.execute(rows.with_for_update(key_share=True))


async def opt_outs(tx: Tx, organization: Id, persons: Collection[Id]) -> dict[Id, frozenset[str]]:
    """Return the practices that *persons* do not want, `*` for all; who wants everything is absent."""
    found: dict[Id, set[str]] = defaultdict(set)
    table = tables.opt_out
    for some in chunks(persons):
        query = sa.select(table.c.person_id, table.c.practice).where(
            table.c.organization_id == organization, table.c.person_id.in_(some)
        )
        for row in await tx.execute(query):
            found[row.person_id].add(row.practice)
    return {key: frozenset(practices) for key, practices in found.items()}


async def workspaces_of(tx: Tx, organization: Id, person_id: Id) -> list[Id]:
    """Return the workspaces that a person is a member of now, ordered by id."""
    table = tables.membership
    query = (
        sa.select(table.c.workspace_id)
        .where(table.c.organization_id == organization, table.c.person_id == person_id, table.c.left_at.is_(None))
        .order_by(table.c.workspace_id)
    )
    return list((await tx.execute(query)).scalars())


async def roles_of(tx: Tx, organization: Id, person_id: Id) -> dict[Id, frozenset[Role]]:
    """Return a person's roles by workspace."""
    found: dict[Id, set[Role]] = defaultdict(set)
    table = tables.role
    query = sa.select(table.c.workspace_id, table.c.role).where(
        table.c.organization_id == organization, table.c.person_id == person_id
    )
    for row in await tx.execute(query):
        found[row.workspace_id].add(cast(Role, row.role))
    return {key: frozenset(roles) for key, roles in found.items()}


async def role_holders(tx: Tx, organization: Id, workspace: Id) -> dict[Id, frozenset[Role]]:
    """Return the roles in a workspace by person; who has none is absent."""
    found: dict[Id, set[Role]] = defaultdict(set)
    table = tables.role
    query = sa.select(table.c.person_id, table.c.role).where(
        table.c.organization_id == organization, table.c.workspace_id == workspace
    )
    for row in await tx.execute(query):
        found[row.person_id].add(cast(Role, row.role))
    return {key: frozenset(roles) for key, roles in found.items()}


async def places(tx: Tx, organization: Id, workspace: Id) -> dict[Id, Place]:
    """Return the places that a workspace registered, by id."""
    query = sa.select(tables.place).filter_by(organization_id=organization, workspace_id=workspace)
    rows = await tx.execute(query.order_by(tables.place.c.id))
    return {row.id: Place(platform=row.platform, ref=row.ref, kind=row.kind) for row in rows}


def chunks(items: Collection[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """Cut *items* into lists short enough for one statement."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def as_person(row: Any) -> Person:
    """Turn a row of `person` into the domain's value."""
    return Person(
        id=row.id,
        organization=row.organization_id,
        name=row.name,
        email=row.email,
        zone=row.zone,
        languages=tuple(row.languages),
        worker_type=row.worker_type,
        team=row.team,
        location=row.location,
        work_start=_wall(row.work_start),
        work_end=_wall(row.work_end),
        quiet_start=_wall(row.quiet_start),
        quiet_end=_wall(row.quiet_end),
        message_budget=row.message_budget,
        preferred_channel=row.preferred_channel,
        snoozed_until=cast("datetime | None", row.snoozed_until),
        erased=row.erased_at is not None,
    )


def as_identity(row: Any) -> Identity:
    """Turn a row of `identity` into a value."""
    return Identity(
        id=row.id,
        organization=row.organization_id,
        person=row.person_id,
        actor=Actor(platform=row.platform, realm=row.realm, user=row.user),
        verified=row.verified,
        address=row.address,
        reachable=row.reachable,
    )


def _workspace(row: Any) -> Workspace:
    return Workspace(
        id=row.id,
        organization=row.organization_id,
        name=row.name,
        zone=row.zone,
        language=row.language,
        message_budget=row.message_budget,
    )


@lru_cache(maxsize=1440)
def _wall(text: str) -> time:
    return time.fromisoformat(text)
