"""Personal links: one invitation each, hashed at rest, expiring; the secret is known to its member only."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.storage import tables
from tertulia.storage.database import Tx

GRACE = timedelta(days=7)
"""How long a link outlives its round, so that the summary can be read through it."""

ROWS = 500


@dataclass(frozen=True, kw_only=True)
class Link:
    """Hold what a link allows: one person, one round, until *expires*."""

    organization: Id
    person: Id
    round: Id
    expires: datetime


async def make(runtime: Runtime, tx: Tx, organization: Id, person: Id, round_id: Id, expires: datetime) -> str:
    """Return the URL of a new link of *person* to one round."""
    return (await make_many(runtime, tx, organization, round_id, [person], expires))[person]


async def make_many(
    runtime: Runtime, tx: Tx, organization: Id, round_id: Id, persons: Sequence[Id], expires: datetime
) -> dict[Id, str]:
    """Return the URLs of new links to one round, one for each of *persons*."""
    secrets = {person: new_secret(runtime) for person in persons}
    rows = [
        {
            "organization_id": organization,
            "digest": digest(secret),
            "person_id": person,
            "round_id": round_id,
            "expires_at": expires,
        }
        for person, secret in secrets.items()
    ]
    for start in range(0, len(rows), ROWS):
        await tx.execute(tables.link.insert(), rows[start : start + ROWS])
    return {person: f"{runtime.config.public_url}/a/{secret}" for person, secret in secrets.items()}


async def find(runtime: Runtime, tx: Tx, secret: str) -> Link | None:
    """Return what *secret* allows; `None` where it is unknown or expired, or its person was erased."""
    link, person = tables.link, tables.person
    query = (
        sa.select(link)
        .join(person, (person.c.id == link.c.person_id) & (person.c.organization_id == link.c.organization_id))
        .where(
            link.c.digest == digest(secret),
            link.c.expires_at > runtime.clock.now(),
            person.c.erased_at.is_(None),
        )
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return Link(organization=row.organization_id, person=row.person_id, round=row.round_id, expires=row.expires_at)


def digest(secret: str) -> str:
    """Hash a secret of 128 bits or more for keeping; so much entropy needs no salt."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def new_secret(runtime: Runtime) -> str:
    """Return 128 random bits as text for a URL."""
    return base64.urlsafe_b64encode(runtime.entropy(16)).rstrip(b"=").decode()
