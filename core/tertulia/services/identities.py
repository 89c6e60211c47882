"""Join accounts to persons: by a directory, by a code, never by a name; what nobody knows is only counted."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor, Member, Person
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.services import codes, enrolment
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx, upsert
from tertulia.storage.people import Identity

KEYS = ("organization_id", "platform", "realm", "user")


async def resolve(runtime: Runtime, tx: Tx, organization: Id, actor: Actor) -> Identity:
    """Return the identity of an account; an unknown one is registered without a person.

    A known identity is not touched: a time of last use would tell who answered a survey.
    """
    _check(actor)
    known = await people.identity_of(tx, organization, actor)
    return known or await _register(runtime, tx, organization, actor)


async def take_member(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, member: Member, *, enrol: bool = False
) -> Identity:
    """Take what a directory says of an account and link it where the identity rule allows.

    With *enrol* an account on a declared domain becomes a person and a member of *workspace* where it is not; a
    person who left the workspace stays outside.
    """
    identity = await resolve(runtime, tx, organization, member.actor)
    if member.address is not None and (identity.address != member.address or not identity.reachable):
        identity = await reachable(runtime, tx, organization, member.actor, member.address)
    if identity.person is None:
        found = await _recognise(tx, organization, identity, member)
        if found is None and enrol:
            found = await enrolment.new_person(runtime, tx, organization, workspace, member)
        if found is not None:
            identity = await link(runtime, tx, organization, identity.id, found[0], found[1], actor="directory")
    if enrol and identity.person is not None:
        await enrolment.first_membership(runtime, tx, organization, workspace, identity.person)
    return identity


async def reachable(runtime: Runtime, tx: Tx, organization: Id, actor: Actor, address: Json | None) -> Identity:
    """Keep how to write to an account; `None` says that it cannot be written to."""
    identity = await resolve(runtime, tx, organization, actor)
    kept = sa.null() if address is None else dict(address)
    values = {"address": kept, "reachable": address is not None, "seen_at": runtime.clock.now()}
    await tx.execute(tables.identity.update().where(tables.identity.c.id == identity.id).values(values))
    return replace(identity, address=address, reachable=address is not None)


async def left(runtime: Runtime, tx: Tx, organization: Id, actor: Actor) -> None:
    """Keep that an account went; its person stays a member, who may have other accounts."""
    _check(actor)
    if await people.identity_of(tx, organization, actor) is not None:
        await reachable(runtime, tx, organization, actor, None)


async def unresolved(tx: Tx, organization: Id, workspace: Id | None = None) -> dict[str, int]:
    """Count the accounts that nobody knows, by platform; in *workspace*: those that took part there."""
    identity, seen = tables.identity, tables.participation
    query = sa.select(identity.c.platform, sa.func.count()).where(
        identity.c.organization_id == organization, identity.c.person_id.is_(None)
    )
    if workspace is not None:
        here = sa.select(seen.c.identity_id).where(
            seen.c.organization_id == organization, seen.c.workspace_id == workspace, seen.c.identity_id.is_not(None)
        )
        query = query.where(identity.c.id.in_(here))
    rows = await tx.execute(query.group_by(identity.c.platform).order_by(identity.c.platform))
    return {row[0]: row[1] for row in rows}


async def link(
    runtime: Runtime, tx: Tx, organization: Id, identity: Id, person: Id, method: str, *, actor: str
) -> Identity:
    """Join an account that nobody owns to a person, with what it took part in; audited and reversible."""
    table = tables.identity
    query = sa.select(table).filter_by(organization_id=organization, id=identity).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise Mistake("There is no such account in this organization; let it send a message first.")
    person = await people.current(tx, organization, person)
    if row.person_id == person:
        return people.as_identity(row)
    if row.person_id is not None:
        raise Mistake("This account belongs to another person; ask an admin to merge the two.")
    owner = await people.person(tx, organization, person)
    if owner is None or owner.erased:
        raise Mistake("There is no such person in this organization; link the account to a present one.")
    await _assign(tx, identity, None, person, method)
    await _note(runtime, tx, organization, identity, person, method)
    await _audit(runtime, tx, organization, actor, "identity.link", person, {"identity": identity, "method": method})
    return replace(people.as_identity(row), person=person, verified=method)


async def link_by_code(runtime: Runtime, tx: Tx, organization: Id, actor: Actor, code: str) -> Identity | None:
    """Link the account that sent *code* to the person who asked for it; `None` where the code is not valid."""
    person = await codes.claim(runtime, tx, organization, code)
    if person is None:
        return None
    identity = await resolve(runtime, tx, organization, actor)
    return await link(runtime, tx, organization, identity.id, person, "code", actor=person)


async def undo_link(runtime: Runtime, tx: Tx, organization: Id, change: Id, *, actor: str) -> None:
    """Take a link back, with what the account took part in; a directory will not make it again by itself."""
    table = tables.identity_change
    row = (await tx.execute(sa.select(table).filter_by(organization_id=organization, id=change))).one_or_none()
    if row is None or row.undone_at is not None or row.method == "merge":
        raise Mistake("There is no such link to undo; list the links of the person first.")
    identity = (await tx.execute(sa.select(tables.identity).filter_by(id=row.identity_id))).one()
    if identity.person_id != row.to_person:
        raise Mistake("The account belongs to somebody else by now; undo the later change first.")
    await _assign(tx, row.identity_id, row.to_person, row.from_person, None)
    await tx.execute(table.update().where(table.c.id == change).values(undone_at=runtime.clock.now()))
    await _audit(runtime, tx, organization, actor, "identity.unlink", row.to_person, {"identity": row.identity_id})


def _check(actor: Actor) -> None:
    for name, longest in ((actor.platform, 50), (actor.realm, 200), (actor.user, 200)):
        if len(name) > longest or not name.isprintable():
            raise Refused("not the name of an account", 400)
    if not actor.user:
        raise Refused("not the name of an account", 400)


async def _register(runtime: Runtime, tx: Tx, organization: Id, actor: Actor) -> Identity:
    row = {
        "organization_id": organization,
        "id": runtime.new_id(),
        "platform": actor.platform,
        "realm": actor.realm,
        "user": actor.user,
        "reachable": False,
        "seen_at": runtime.clock.now(),
    }
    await upsert(tx, tables.identity, [row], keys=KEYS)
    registered = await people.identity_of(tx, organization, actor)
    if registered is None:
        raise Refused("the account was removed meanwhile", 409)
    return registered


async def _recognise(tx: Tx, organization: Id, identity: Identity, member: Member) -> tuple[Id, str] | None:
    """Find the person of a directory's account, unless somebody undid that very link."""
    refused = sa.select(tables.identity_change.c.to_person).where(
        tables.identity_change.c.identity_id == identity.id, tables.identity_change.c.undone_at.is_not(None)
    )
    never = set((await tx.execute(refused)).scalars())
    by_id = await _owner_of(tx, organization, member)
    if by_id is not None and by_id not in never:
        return by_id, "directory_id"
    by_email = await _addressee(tx, organization, member)
    if by_email is not None and by_email.id not in never:
        return by_email.id, "directory_email"
    return None


async def _owner_of(tx: Tx, organization: Id, member: Member) -> Id | None:
    """Find who is known by the directory's object id, in the same realm on whatever platform."""
    if not member.directory_id or not member.directory_id.isprintable():
        return None
    table = tables.identity
    query = (
        sa.select(table.c.person_id)
        .distinct()
        .where(
            table.c.organization_id == organization,
            table.c.realm == member.actor.realm,
            table.c.user == member.directory_id,
            table.c.person_id.is_not(None),
        )
    )
    owners = list((await tx.execute(query)).scalars())
    return owners[0] if len(owners) == 1 else None


async def _addressee(tx: Tx, organization: Id, member: Member) -> Person | None:
    """Find the person of the directory's e-mail, where its domain was declared."""
    if not member.email or not await enrolment.declared(tx, organization, member.email):
        return None
    person = await people.person_by_email(tx, organization, member.email)
    return None if person is None or person.erased else person


async def _assign(tx: Tx, identity: Id, old: Id | None, new: Id | None, method: str | None) -> None:
    table, facts = tables.identity, tables.participation
    await tx.execute(table.update().where(table.c.id == identity).values(person_id=new, verified=method))
    theirs = (facts.c.identity_id == identity, facts.c.person_id == old if old else facts.c.person_id.is_(None))
    await tx.execute(facts.update().where(*theirs).values(person_id=new))


async def _note(runtime: Runtime, tx: Tx, organization: Id, identity: Id, person: Id, method: str) -> None:
    await tx.execute(
        tables.identity_change.insert().values(
            organization_id=organization,
            id=runtime.new_id(),
            identity_id=identity,
            from_person=None,
            to_person=person,
            method=method,
            at=runtime.clock.now(),
        )
    )


async def _audit(
    runtime: Runtime, tx: Tx, organization: Id, actor: str, verb: str, subject: Id, detail: Json
) -> None:
    at = runtime.clock.now()
    await audit.record(
        tx, runtime.vault, organization=organization, at=at, actor=actor, verb=verb, subject=subject, detail=detail
    )
