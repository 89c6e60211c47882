"""One-time links to the member's page, for actors whom a platform has signed in.

They live by real time and hold one use: `code` keeps their hash, nothing keeps the link.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor, Person
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.services.links import digest, new_secret
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace

LIFETIME = timedelta(minutes=5)
PURPOSE = "page"
RUNNING = frozenset({"owner", "admin"})


async def issue(runtime: Runtime, tx: Tx, organization: Id, actor: Actor, *, now: datetime | None = None) -> str:
    """Return the URL that signs the actor's person in, once, within five minutes; the newest one only.

    Raises `Refused` for an actor whom nobody knows, or whose account was never verified.
    """
    identity = await people.identity_of(tx, organization, actor)
    person = await people.person(tx, organization, identity.person) if identity and identity.person else None
    if identity is None or not identity.verified or person is None or person.erased:
        raise Refused("nobody knows this account")
    return await _made(runtime, tx, organization, person.id, now)


async def issue_for_console(runtime: Runtime, tx: Tx, home: Workspace, person: Person, *, actor: str) -> str:
    """Return the URL that signs an owner or admin of *home* in, once, within five minutes; it is audited.

    For a service on SQLite, whose operator sits before it; raises `Mistake` elsewhere, and for who has no such role.
    """
    if not runtime.config.embedded:
        raise Mistake("On PostgreSQL people sign in with a code: open /sign-in and enter your e-mail address.")
    roles = (await people.roles_of(tx, home.organization, person.id)).get(home.id, frozenset())
    if not roles & RUNNING:
        cure = f"`tertulia people roles grant admin {person.email or person.id}`"
        raise Mistake(f"{person.name} neither owns nor administers {home.name}; grant a role with {cure}.")
    await audit.record(
        tx,
        runtime.vault,
        organization=home.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb="console.link",
        subject=person.id,
        detail={"workspace": home.id},
    )
    return await _made(runtime, tx, home.organization, person.id, None)


async def _made(runtime: Runtime, tx: Tx, organization: Id, person: Id, now: datetime | None) -> str:
    table, secret = tables.code, new_secret(runtime)
    await tx.execute(table.delete().filter_by(organization_id=organization, person_id=person, purpose=PURPOSE))
    await tx.execute(
        table.insert().values(
            organization_id=organization,
            id=runtime.new_id(),
            person_id=person,
            purpose=PURPOSE,
            digest=digest(secret),
            attempts=0,
            expires_at=(now or datetime.now(UTC)) + LIFETIME,
        )
    )
    return f"{runtime.config.public_url}/sign-in/{secret}"


async def use(tx: Tx, secret: str, *, now: datetime | None = None) -> tuple[Id, Id] | None:
    """Return the organization and person that *secret* signs in, and use it up; `None` for any other text."""
    table = tables.code
    valid = (
        table.c.purpose == PURPOSE,
        table.c.digest == digest(secret),
        table.c.expires_at > (now or datetime.now(UTC)),
    )
    taken = table.delete().where(*valid).returning(table.c.organization_id, table.c.person_id)
    row = (await tx.execute(taken)).one_or_none()
    if row is None:
        return None
    erased = sa.select(tables.person.c.erased_at).filter_by(organization_id=row.organization_id, id=row.person_id)
    return None if (await tx.execute(erased)).scalar_one() is not None else (row.organization_id, row.person_id)
