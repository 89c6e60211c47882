"""Send a one-time code to a person on a channel that the organization vouches for, and take it back."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.domain.people import Person
from tertulia.domain.prompts import Prompt
from tertulia.errors import Refused
from tertulia.runtime import Runtime
from tertulia.services import codes
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

SIGN_IN = "sign_in"
ERASE = "erase"
MAIL = "web"
TITLES = {SIGN_IN: "Your sign-in code", ERASE: "Your code to erase everything about you"}
RECORDED = "The code works once, within ten minutes. Nobody from us will ever ask you for it."


async def persons_with(tx: Tx, email: str) -> list[Person]:
    """Return who has that address, in whichever organizations, merges followed."""
    found = []
    for organization in await people.organizations(tx):
        person = await people.person_by_email(tx, organization.id, email)
        if person is not None and not person.erased:
            found.append(person)
    return found


async def send_code(runtime: Runtime, tx: Tx, person: Person, purpose: str) -> bool:
    """Send a new code; false where no channel reaches the person or too many were asked for within the hour."""
    channel = await channel_of(runtime, tx, person)
    if channel is None:
        return False
    installation, identity = channel
    try:
        code = await codes.issue(runtime, tx, person.organization, person.id, purpose)
    except Refused:
        return False
    prompt = Prompt(
        id=runtime.new_id(),
        version=1,
        title=TITLES[purpose],
        body=Markup.parse(f"**{code[:4]} {code[4:]}**\n\nType it on the page that asked for it."),
        language=person.languages[0] if person.languages else "en",
        recorded=RECORDED,
        visibility="me",
    )
    await outbox.put_message(
        runtime,
        tx,
        organization=person.organization,
        installation=installation,
        identity=identity,
        prompt=prompt,
        key=runtime.new_id(),
    )
    return True


async def take_code(runtime: Runtime, email: str, code: str) -> Person | None:
    """Return the person whose sign-in code it is, and use it up; a wrong one counts against each candidate."""
    async with runtime.database.write() as tx:
        for person in await persons_with(tx, email):
            if await codes.redeem(runtime, tx, person.organization, person.id, SIGN_IN, code):
                return person
    return None


async def channel_of(runtime: Runtime, tx: Tx, person: Person) -> tuple[Id, Id] | None:
    """Return installation and identity that reach a person: the preferred channel, e-mail, any verified account."""
    carriers: dict[str, Id] = {}
    for workspace in await people.workspaces_of(tx, person.organization, person.id):
        for live in runtime.installations.of(workspace):
            for name, platform in live.platforms.items():
                if platform.survey is not None:
                    carriers.setdefault(name, live.id)
    known = (await people.identities(tx, person.organization, [person.id])).get(person.id, [])
    usable = {
        identity.actor.platform: identity.id
        for identity in known
        if identity.verified and identity.reachable and identity.address and identity.actor.platform in carriers
    }
    if MAIL in carriers and person.email:
        usable[MAIL] = await _mail_identity(runtime, tx, person)
    for name in (person.preferred_channel or MAIL, MAIL, *sorted(usable)):
        if name in usable:
            return carriers[name], usable[name]
    return None


async def _mail_identity(runtime: Runtime, tx: Tx, person: Person) -> Id:
    """Return the identity of the address that the organization itself keeps for the person."""
    account = {
        "organization_id": person.organization,
        "platform": MAIL,
        "realm": person.organization,
        "user": person.email,
    }
    row = {
        **account,
        "id": runtime.new_id(),
        "person_id": person.id,
        "verified": "import",
        "address": {"email": person.email},
        "reachable": True,
        "seen_at": runtime.clock.now(),
    }
    keys, update = list(account), ["person_id", "verified", "address", "reachable", "seen_at"]
    await upsert(tx, tables.identity, [row], keys=keys, update=update)
    identity: Id = (await tx.execute(sa.select(tables.identity.c.id).filter_by(**account))).scalar_one()
    return identity
