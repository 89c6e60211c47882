"""Turn a directory's accounts into persons and members, where an admin asked for it."""

from __future__ import annotations

from contextlib import suppress

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Member
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import people as services
from tertulia.services import profiles
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert


async def declared(tx: Tx, organization: Id, email: str) -> bool:
    """Tell whether the organization declared the domain of *email*; subdomains do not count."""
    owner = await people.organization(tx, organization)
    return owner is not None and email.strip().lower().rpartition("@")[2] in owner.domains


async def new_person(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, member: Member
) -> tuple[Id, str] | None:
    """Add the person of an account on a declared domain, unless the address is somebody's already."""
    if not member.email or not await declared(tx, organization, member.email):
        return None
    fields = _usable(member)
    if not {"name", "email"} <= set(fields) or await people.person_by_email(tx, organization, member.email):
        return None
    person = await services.add_person(runtime, tx, organization, fields, workspace=workspace, actor="directory")
    return person, "directory_email"


async def first_membership(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id) -> None:
    """Make a person a member who never was one; who left stays outside."""
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "person_id": person,
        "joined_at": runtime.clock.now(),
    }
    await upsert(tx, tables.membership, [row], keys=["workspace_id", "person_id"])


def _usable(member: Member) -> dict[str, str | None]:
    """Keep the fields that are well-formed: a directory's odd time zone must not keep its person out."""
    said: dict[str, str | None] = {
        "name": member.name,
        "email": member.email,
        "zone": member.zone,
        "languages": member.language,
        "worker_type": member.worker_type,
        "team": member.team,
        "location": member.location,
    }
    usable: dict[str, str | None] = {}
    for field, text in said.items():
        with suppress(Mistake):
            if text:
                profiles.checked({field: text})
                usable[field] = text
    return usable
