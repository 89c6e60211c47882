"""Who acts in a live round: an account that a platform proved, or a member who signed in on our own pages."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor
from tertulia.errors import Refused
from tertulia.runtime import Runtime
from tertulia.services import identities
from tertulia.services.live_sessions import Session
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import response

HOSTS = frozenset({"host", "admin", "owner"})


@dataclass(frozen=True)
class SignedIn:
    """Name a member whose session on our own pages was checked; no plugin makes one."""

    person: Id


async def host(runtime: Runtime, tx: Tx, whose: tuple[Id, Id], who: Actor | SignedIn, *, resolve: bool) -> Id:
    """Return the person of a host or admin of the workspace; raises `Refused` for everybody else."""
    if resolve and isinstance(who, Actor):
        person = (await identities.resolve(runtime, tx, whose[0], who)).person
    else:
        person = await person_of(tx, whose[0], who)
    roles = await people.roles_of(tx, whose[0], person) if person else {}
    if person is None or not HOSTS & roles.get(whose[1], frozenset()):
        raise Refused("only hosts and admins of this workspace hold live rounds")
    return person


async def person_of(tx: Tx, organization: Id, who: Actor | SignedIn | None) -> Id | None:
    """Return who acts, `None` for an account that nobody linked."""
    if isinstance(who, SignedIn):
        return who.person
    known = await people.identity_of(tx, organization, who) if who else None
    return known.person if known else None


async def member(tx: Tx, whose: tuple[Id, Id], who: Actor | SignedIn | None) -> Id | None:
    """Return who acts where they are a member of the workspace, otherwise `None`."""
    person = await person_of(tx, whose[0], who)
    if person is None:
        return None
    return person if whose[1] in await people.workspaces_of(tx, whose[0], person) else None


async def answered(tx: Tx, found: Session, person: Id) -> bool | None:
    """Tell whether a person answered what is asked (`True`), passed (`False`) or did neither (`None`)."""
    query = sa.select(response.c.passed).where(
        response.c.organization_id == found.organization,
        response.c.round_id == found.asked,
        response.c.person_id == person,
    )
    passed = (await tx.execute(query)).scalar_one_or_none()
    return None if passed is None else not passed
