"""A person's own sessions in browsers: see them, end one, end all; nobody else ever sees them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import session_origin, web_session


@dataclass(frozen=True, kw_only=True)
class OwnSession:
    """Hold one session as its person sees it; *used_hour* is all that is kept of its last use."""

    id: Id
    way: str
    device: str
    began: datetime
    used_hour: datetime
    here: bool


async def listed(tx: Tx, organization: Id, person: Id, now: datetime, *, here: str) -> list[OwnSession]:
    """Return the person's sessions that have not ended at *now*, wall time; *here* is this one's digest.

    What a personal link opened is not among them, see `linked`.
    """
    selves = await people.selves(tx, organization, person)
    both = (session_origin.c.digest == web_session.c.digest) & (
        session_origin.c.organization_id == web_session.c.organization_id
    )
    query = (
        sa.select(session_origin)
        .join(web_session, both)
        .where(
            session_origin.c.organization_id == organization,
            session_origin.c.person_id.in_(selves),
            web_session.c.expires_at > now,
        )
        .order_by(session_origin.c.began_at.desc(), session_origin.c.id)
    )
    return [
        OwnSession(
            id=row.id,
            way=row.way,
            device=row.device,
            began=row.began_at,
            used_hour=row.used_hour,
            here=row.digest == here,
        )
        for row in await tx.execute(query)
    ]


async def linked(tx: Tx, organization: Id, person: Id, now: datetime) -> int:
    """Count the browsers in which a personal link of the person is open at *now*, the rounds' time."""
    kept = web_session.c
    selves = await people.selves(tx, organization, person)
    query = sa.select(sa.func.count()).where(
        kept.organization_id == organization,
        kept.person_id.in_(selves),
        kept.round_id.is_not(None),
        kept.expires_at > now,
    )
    return int((await tx.execute(query)).scalar_one())


async def end(tx: Tx, organization: Id, person: Id, session: Id) -> bool:
    """End one of the person's sessions; false where there is none of that id."""
    selves = await people.selves(tx, organization, person)
    query = sa.select(session_origin.c.digest).where(
        session_origin.c.organization_id == organization,
        session_origin.c.person_id.in_(selves),
        session_origin.c.id == session,
    )
    found = list((await tx.execute(query)).scalars())
    await forget(tx, organization, found)
    return bool(found)


async def end_all(tx: Tx, organization: Id, person: Id, *, but: str | None = None) -> int:
    """End all sessions of the person, those of personal links too, except the one with the digest *but*."""
    selves = await people.selves(tx, organization, person)
    kept = web_session.c
    query = sa.select(kept.digest).where(kept.organization_id == organization, kept.person_id.in_(selves))
    found = [digest for digest in (await tx.execute(query)).scalars() if digest != but]
    await forget(tx, organization, found)
    return len(found)


async def forget(tx: Tx, organization: Id, digests: Collection[str]) -> None:
    """Forget sessions by the digests of their secrets."""
    for table in (web_session, session_origin):
        own = (table.c.organization_id == organization, table.c.digest.in_(list(digests)))
        await tx.execute(table.delete().where(*own))
