"""Sessions behind one cookie: a link's, good for one round, or a member's, opened by a code or a sign-in elsewhere.

A link's session lives by the round's clock, a member's by the wall clock, so that driving the sandbox's clock signs
nobody out and a clock that jumps extends nothing. A member's ends when it was not used for twelve hours, and some
days after it began however much it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import sqlalchemy as sa
from aiohttp import web

from tertulia.config import Config
from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.services import own_sessions
from tertulia.services.links import Link, digest
from tertulia.storage import tables
from tertulia.storage.database import Tx

IDLE = timedelta(hours=12)
FRESH = timedelta(minutes=10)
SLIDE = timedelta(minutes=30)
"""A member's session is prolonged at most that often."""
Way: TypeAlias = Literal["code", "link", "entra"]
"""How a member signed in."""
LONGEST: Mapping[Way, timedelta] = {
    "code": timedelta(days=7),
    "link": timedelta(days=7),
    "entra": timedelta(hours=24),
}
"""However much a session is used; whom the directory locks out is out of here within a day."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Hold who is there: *round* is set for a link's session and `None` for a member's, which *ends* at last."""

    digest: str
    organization: Id
    person: Id
    round: Id | None
    fresh_until: datetime | None
    expires: datetime
    ends: datetime | None = None

    def fresh(self, now: datetime) -> bool:
        """Tell whether a code was given a short while ago."""
        return self.round is None and self.fresh_until is not None and now < self.fresh_until


def secure(config: Config) -> bool:
    """Tell whether browsers reach the service over https."""
    return config.public_url.startswith("https://")


def cookie_name(config: Config) -> str:
    """Return the cookie's name; the prefix binds it to this host, but browsers take it over https only."""
    return "__Host-tertulia" if secure(config) else "tertulia"


async def open_for_link(runtime: Runtime, tx: Tx, link: Link) -> str:
    """Open a session that may see the link's round, and return its secret."""
    return await _insert(runtime, tx, link.organization, link.person, link.round, None, link.expires)


async def open_for_member(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, now: datetime, *, way: Way = "code", device: str = ""
) -> str:
    """Open a member's session, fresh for ten minutes, and return its secret; *device* is what `named` made of it."""
    secret = await _insert(runtime, tx, organization, person, None, now + FRESH, now + IDLE)
    await tx.execute(
        tables.session_origin.insert().values(
            organization_id=organization,
            digest=digest(secret),
            id=runtime.new_id(),
            person_id=person,
            way=way,
            device=device,
            began_at=now,
            used_hour=_hour(now),
            ends_at=now + LONGEST[way],
        )
    )
    return secret


async def load(runtime: Runtime, tx: Tx, request: web.Request, now: datetime) -> Session | None:
    """Return the session of the request's cookie, unless it expired or its person was erased; *now* is wall time."""
    secret = request.cookies.get(cookie_name(runtime.config))
    if not secret:
        return None
    kept, person, origin = tables.web_session, tables.person, tables.session_origin
    same = (person.c.id == kept.c.person_id) & (person.c.organization_id == kept.c.organization_id)
    began = (origin.c.digest == kept.c.digest) & (origin.c.organization_id == kept.c.organization_id)
    query = sa.select(kept, origin.c.ends_at).join(person, same).outerjoin(origin, began)
    query = query.where(kept.c.digest == digest(secret), person.c.erased_at.is_(None))
    row = (await tx.execute(query)).one_or_none()
    if row is None or row.expires_at <= (runtime.clock.now() if row.round_id else now):
        return None
    return Session(
        digest=row.digest,
        organization=row.organization_id,
        person=row.person_id,
        round=row.round_id,
        fresh_until=row.fresh_until,
        expires=row.expires_at,
        ends=row.ends_at,
    )


async def prolong(runtime: Runtime, session: Session, now: datetime) -> Session:
    """Let a member's session live another twelve hours from *now*, but not beyond its end.

    What is kept of its last use is the hour: a moment could be held beside those at which other things happened.
    """
    until = min(now + IDLE, session.ends or session.expires)
    if session.round is not None or until - session.expires < SLIDE:
        return session
    kept, origin = tables.web_session, tables.session_origin
    async with runtime.database.write() as tx:
        for table, values in ((kept, {"expires_at": until}), (origin, {"used_hour": _hour(now)})):
            own = (table.c.organization_id == session.organization, table.c.digest == session.digest)
            await tx.execute(table.update().where(*own).values(values))
    return replace(session, expires=until)


async def end(tx: Tx, session: Session) -> None:
    """Forget a session."""
    await own_sessions.forget(tx, session.organization, [session.digest])


def csrf_token(runtime: Runtime, session: Session) -> str:
    """Return what every form of this session carries."""
    return runtime.vault.keyed_hash(session.digest, "csrf")


def set_cookie(config: Config, response: web.StreamResponse, secret: str) -> None:
    """Hand the session's secret to the browser, for this host and this browser session only."""
    response.set_cookie(cookie_name(config), secret, path="/", secure=secure(config), httponly=True, samesite="Lax")


def clear_cookie(config: Config, response: web.StreamResponse) -> None:
    """Take the session's secret back from the browser."""
    response.del_cookie(cookie_name(config), path="/", secure=secure(config), httponly=True, samesite="Lax")


async def _insert(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    person: Id,
    round_id: Id | None,
    fresh_until: datetime | None,
    expires: datetime,
) -> str:
    secret = runtime.entropy(32).hex()
    await tx.execute(
        tables.web_session.insert().values(
            organization_id=organization,
            digest=digest(secret),
            person_id=person,
            round_id=round_id,
            fresh_until=fresh_until,
            expires_at=expires,
        )
    )
    return secret


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
