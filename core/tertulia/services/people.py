"""Set up organizations, workspaces and persons, and say who belongs where and may do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Place, PlaceKind, Role
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import profiles, tokens
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx, upsert

PUBLIC_MAIL = frozenset(
    {
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "aol.com",
        "proton.me",
        "protonmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.com",
        "mail.ru",
        "yandex.ru",
        "qq.com",
        "163.com",
    }
)
"""Anybody can have an address there, so an address proves no membership."""


async def create_organization(runtime: Runtime, tx: Tx, *, name: str, domains: Iterable[str] = (), actor: str) -> Id:
    """Create a tenant; accounts whose directory e-mail is on one of *domains* link by themselves."""
    name = profiles.title("organization name", name)
    if (await tx.execute(sa.select(tables.organization.c.id).filter_by(name=name))).first():
        raise Mistake(f"There is an organization called {name}; choose another name.")
    identifier, owned = runtime.new_id(), declared(domains)
    row = {"id": identifier, "name": name, "domains": owned, "created_at": runtime.clock.now()}
    await tx.execute(tables.organization.insert().values(row))
    await _audit(runtime, tx, identifier, actor, "organization.create", identifier, {"domains": owned})
    return identifier


async def declare_domains(runtime: Runtime, tx: Tx, organization: Id, domains: Iterable[str], *, actor: str) -> None:
    """Replace the e-mail domains that an organization declared."""
    owned = declared(domains)
    table = tables.organization
    result = await tx.execute(table.update().where(table.c.id == organization).values(domains=owned))
    if not result.rowcount:
        raise Mistake("There is no such organization; list them with `tertulia people organizations`.")
    await _audit(runtime, tx, organization, actor, "organization.domains", organization, {"domains": owned})


def declared(domains: Iterable[str]) -> list[str]:
    """Return e-mail domains as they are kept; raises `Mistake` for one where anybody can have an address."""
    found = sorted({profiles.domain("domain", text) for text in domains})
    for name in found:
        if name in PUBLIC_MAIL:
            raise Mistake(f"domain {name} gives addresses to anybody; declare domains of the organization only.")
    return found


async def create_workspace(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    *,
    name: str,
    zone: str = "UTC",
    language: str = "en",
    message_budget: int = 10,
    actor: str,
) -> Id:
    """Create a workspace; *message_budget* is what a member gets at most in a week, unless they say otherwise."""
    if await people.organization(tx, organization) is None:
        raise Mistake("There is no such organization; create it first.")
    name = profiles.title("workspace name", name)
    if (
        await tx.execute(sa.select(tables.workspace.c.id).filter_by(organization_id=organization, name=name))
    ).first():
        raise Mistake(f"There is a workspace called {name}; choose another name.")
    identifier = runtime.new_id()
    row = {
        "organization_id": organization,
        "id": identifier,
        "name": name,
        "zone": profiles.zone("zone", zone),
        "language": profiles.language("language", language),
        "message_budget": profiles.checked({"message_budget": str(message_budget)})["message_budget"],
        "created_at": runtime.clock.now(),
    }
    await tx.execute(tables.workspace.insert().values(row))
    await _audit(runtime, tx, organization, actor, "workspace.create", identifier, {})
    return identifier


async def add_person(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    fields: Mapping[str, str | None],
    *,
    workspace: Id | None = None,
    actor: str,
) -> Id:
    """Add a person from *fields* as they were typed, and to *workspace*, whose zone and language are the default."""
    home = None if workspace is None else await _workspace(tx, organization, workspace)
    defaults = {"zone": home.zone if home else "UTC", "languages": home.language if home else "en"}
    if "name" not in fields:
        raise Mistake("name is missing; give it a text.")
    values = {**profiles.EMPTY, **profiles.checked({**defaults, **fields})}
    await _email_is_free(tx, organization, values["email"])
    identifier = runtime.new_id()
    values.update(id=identifier, organization_id=organization)
    await tx.execute(tables.person.insert().values(**values, created_at=runtime.clock.now()))
    await _audit(runtime, tx, organization, actor, "person.add", identifier, {})
    if workspace is not None:
        await join(runtime, tx, organization, workspace, identifier, actor=actor)
    return identifier


async def change_person(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, fields: Mapping[str, str | None], *, actor: str
) -> None:
    """Change *fields* of a person; an empty optional field is cleared."""
    await _person(tx, organization, person)
    values = profiles.checked(fields)
    await _email_is_free(tx, organization, values.get("email"), person)
    if values:
        table = tables.person
        at = sa.and_(table.c.organization_id == organization, table.c.id == person)
        await tx.execute(table.update().where(at).values(**values))
        await _audit(runtime, tx, organization, actor, "person.change", person, {"fields": sorted(values)})


async def join(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, *, actor: str) -> None:
    """Make a person a member, again where they had left; rounds that open from now on include them."""
    await _workspace(tx, organization, workspace)
    await _person(tx, organization, person)
    if workspace in await people.workspaces_of(tx, organization, person):
        return
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "person_id": person,
        "joined_at": runtime.clock.now(),
        "left_at": None,
    }
    await upsert(tx, tables.membership, [row], keys=["workspace_id", "person_id"], update=["joined_at", "left_at"])
    await _audit(runtime, tx, organization, actor, "membership.join", person, {"workspace": workspace})


async def leave(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, *, actor: str) -> None:
    """End a membership, and the roles and tokens that came with it."""
    for role in sorted((await people.roles_of(tx, organization, person)).get(workspace, ())):
        await revoke(runtime, tx, organization, workspace, person, role, actor=actor)
    table = tables.membership
    at = (table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.person_id == person)
    result = await tx.execute(
        table.update().where(*at, table.c.left_at.is_(None)).values(left_at=runtime.clock.now())
    )
    if result.rowcount:
        await _audit(runtime, tx, organization, actor, "membership.leave", person, {"workspace": workspace})
        await tokens.end_with_role(runtime, tx, organization, workspace, person, actor=actor)


async def grant(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, role: str, *, actor: str
) -> None:
    """Give a member a role in a workspace."""
    _role(role)
    await _person(tx, organization, person)
    if workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake(f"Only members can be {role}; add the person to the workspace first.")
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "person_id": person,
        "role": role,
        "granted_at": runtime.clock.now(),
    }
    if await upsert(tx, tables.role, [row], keys=["workspace_id", "person_id", "role"]):
        detail = {"workspace": workspace, "role": role}
        await _audit(runtime, tx, organization, actor, "role.grant", person, detail)


async def revoke(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, role: str, *, actor: str
) -> None:
    """Take a role away; the last owner of a workspace stays until there is another.

    Whoever does not run the workspace afterwards loses their tokens there for good.
    """
    _role(role)
    table = tables.role
    place = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    await refuse_last_owner(tx, organization, workspace, person, role)
    result = await tx.execute(table.delete().where(*place, table.c.person_id == person, table.c.role == role))
    if result.rowcount:
        detail = {"workspace": workspace, "role": role}
        await _audit(runtime, tx, organization, actor, "role.revoke", person, detail)
        await tokens.end_with_role(runtime, tx, organization, workspace, person, actor=actor)


async def refuse_last_owner(tx: Tx, organization: Id, workspace: Id, person: Id, role: str) -> None:
    """Raise `Mistake` where a workspace would be left without an owner."""
    table = tables.role
    place = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    if role == "owner":
        query = sa.select(table.c.person_id).where(*place, table.c.role == "owner").with_for_update()
        if list((await tx.execute(query)).scalars()) == [person]:
            raise Mistake("This person is the workspace's last owner; grant owner to somebody else first.")


async def change_workspace(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, *, name: str, zone: str, language: str, actor: str
) -> None:
    """Rename a workspace, and change the zone and language that newcomers and common moments get."""
    home = await _workspace(tx, organization, workspace)
    values = {
        "name": profiles.title("name", name),
        "zone": profiles.zone("zone", zone),
        "language": profiles.language("language", language),
    }
    table = tables.workspace
    taken = sa.select(table.c.id).where(
        table.c.organization_id == organization, table.c.name == values["name"], table.c.id != workspace
    )
    if (await tx.execute(taken)).first():
        raise Mistake(f"name {values['name']!r} is that of another workspace; choose another one.")
    changed = {field: value for field, value in values.items() if value != getattr(home, field)}
    if changed:
        here = (table.c.organization_id == organization, table.c.id == workspace)
        await tx.execute(table.update().where(*here).values(**changed))
        await _audit(runtime, tx, organization, actor, "workspace.change", workspace, changed)


async def declare_place(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, place: Place, *, origin: str = "program"
) -> Id:
    """Register a shared place and return its id; only registered places yield facts. *origin*: program or host."""
    await _workspace(tx, organization, workspace)
    if place.kind not in get_args(PlaceKind):
        raise Mistake(f"place kind {place.kind!r} is unknown; use {', '.join(get_args(PlaceKind))}.")
    if not 0 < len(place.ref) <= 400 or not 0 < len(place.platform) <= 50:
        raise Mistake("place needs a platform and a ref of at most 400 characters; copy the ref from the platform.")
    key = {
        "organization_id": organization,
        "workspace_id": workspace,
        "platform": place.platform,
        "ref": place.ref,
    }
    row = {**key, "id": runtime.new_id(), "kind": place.kind, "origin": origin}
    await upsert(tx, tables.place, [row], keys=list(key))
    found: Id = (await tx.execute(sa.select(tables.place.c.id).filter_by(**key))).scalar_one()
    return found


def _role(role: str) -> None:
    if role not in get_args(Role):
        raise Mistake(f"role {role!r} is unknown; use {', '.join(get_args(Role))}.")


async def _workspace(tx: Tx, organization: Id, workspace: Id) -> people.Workspace:
    found = await people.workspace(tx, organization, workspace)
    if found is None:
        raise Mistake("There is no such workspace in this organization; list them with `tertulia workspace list`.")
    return found


async def _person(tx: Tx, organization: Id, person: Id) -> None:
    found = await people.person(tx, organization, person)
    if found is None or found.erased:
        raise Mistake("There is no such person in this organization; list them with `tertulia people list`.")
    if await people.current(tx, organization, person) != person:
        raise Mistake("This person was merged into another one; use that one, or undo the merge.")


async def _email_is_free(tx: Tx, organization: Id, email: profiles.Value, person: Id | None = None) -> None:
    if email is None:
        return
    query = sa.select(tables.person.c.id).filter_by(organization_id=organization, email=email)
    owner = (await tx.execute(query)).scalar_one_or_none()
    if owner is not None and owner != person:
        raise Mistake("email belongs to another person; change that person, or merge the two.")


async def _audit(
    runtime: Runtime, tx: Tx, organization: Id, actor: str, verb: str, subject: str, detail: Json
) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=subject,
        detail=detail,
    )
