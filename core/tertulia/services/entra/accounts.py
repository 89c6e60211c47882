"""Find whom an account of a directory means here: by tenant and object id, and by nothing that its owner can change.

An e-mail address or a name in a token is what somebody typed: neither is looked at. Nobody becomes a person by
signing in: an account is known because a directory listed it, or because its owner connected it while signed in
otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor, Member, Person
from tertulia.entra_settings import EntraSettings
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import identities
from tertulia.services.entra.provider import Account
from tertulia.services.entra.reasons import NotSignedIn
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import identity

PLATFORM = "entra"
CONNECTED = "sign_in"
"""How an account was joined whose owner signed in with it while a session was open."""


async def organization_of(tx: Tx, settings: EntraSettings, tenant: str) -> Id | None:
    """Return the organization that the settings give a tenant; `None` where none is named and there are several."""
    known = await people.organizations(tx)
    named = settings.tenants.get(tenant)
    if named is None:
        return None
    if not named:
        return known[0].id if len(known) == 1 else None
    return next((one.id for one in known if named in (one.id, one.name)), None)


async def person_of(runtime: Runtime, tx: Tx, organization: Id, account: Account) -> Person | None:
    """Return the person of an account, whom a directory may know; `None` for a stranger, of whom nothing stays."""
    known = await people.identity_of(tx, organization, _actor(account))
    if known is None or known.person is None:
        if not await _listed(tx, organization, account):
            return None
        member = Member(actor=_actor(account), name="", directory_id=account.user)
        known = await identities.take_member(runtime, tx, organization, "", member)
    if known.person is None:
        return None
    person = await people.person(tx, organization, await people.current(tx, organization, known.person))
    return None if person is None or person.erased else person


async def connect(runtime: Runtime, tx: Tx, organization: Id, person: Id, account: Account) -> None:
    """Join an account to a person who is signed in; raises `NotSignedIn` where it belongs to somebody else."""
    found = await identities.resolve(runtime, tx, organization, _actor(account))
    try:
        await identities.link(runtime, tx, organization, found.id, person, CONNECTED, actor=person)
    except Mistake:
        raise NotSignedIn("taken") from None


async def known(tx: Tx, organization: Id, tenant: str) -> int:
    """Count the persons whom an account of a tenant would sign in."""
    query = sa.select(sa.func.count(sa.distinct(identity.c.person_id))).where(
        identity.c.organization_id == organization, identity.c.realm == tenant, identity.c.person_id.is_not(None)
    )
    return int((await tx.execute(query)).scalar_one())


async def note(runtime: Runtime, tx: Tx, organization: Id | None, person: Id | None, verb: str, reason: str) -> None:
    """Write into the audit log who signed in, or why somebody did not; no token, code or address."""
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=runtime.clock.now(),
        actor=person or "a stranger",
        verb=verb,
        subject=person or PLATFORM,
        detail={"provider": PLATFORM, **({"reason": reason} if reason else {})},
    )


async def _listed(tx: Tx, organization: Id, account: Account) -> bool:
    """Tell whether a platform's directory, or its own sign-in, told of the account and whose it is."""
    query = sa.select(sa.literal(1)).where(
        identity.c.organization_id == organization,
        identity.c.realm == account.tenant,
        identity.c.user == account.user,
        identity.c.person_id.is_not(None),
        identity.c.verified.is_not(None),
    )
    return (await tx.execute(query.limit(1))).first() is not None


def _actor(account: Account) -> Actor:
    return Actor(platform=PLATFORM, realm=account.tenant, user=account.user)
