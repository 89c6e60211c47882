"""Find the colleague who is meant by what somebody typed, and who of several takes part in a practice."""

from __future__ import annotations

from collections.abc import Collection

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.services import sign_ups
from tertulia.storage import people, programs
from tertulia.storage.database import Tx


async def named(tx: Tx, organization: Id, workspaces: Collection[Id], typed: str) -> Id:
    """Return the one present member of *workspaces* with that name or e-mail address; raises `Mistake` otherwise."""
    wanted = " ".join(typed.split()).casefold()
    found: set[Id] = set()
    for workspace in workspaces:
        for one in await people.members(tx, organization, workspace):
            if wanted and wanted in (one.name.casefold(), (one.email or "").casefold()):
                found.add(one.id)
    if len(found) > 1:
        raise Mistake("Several colleagues have this name; type the e-mail address instead.")
    if not found:
        raise Mistake("There is no such colleague; type the whole name or the e-mail address.")
    return found.pop()


async def still_wants(tx: Tx, person: Person, workspace: Id, practice: str) -> bool:
    """Tell whether a person is to be written to about a practice: is there, so is it, and has not opted out."""
    if person.erased or workspace not in await people.workspaces_of(tx, person.organization, person.id):
        return False
    program = await programs.current(tx, person.organization, workspace)
    found = program.practice(practice) if program else None
    return found is not None and bool(await taking_part(tx, person.organization, workspace, found, [person.id]))


async def taking_part(
    tx: Tx, organization: Id, workspace: Id, practice: Practice, persons: Collection[Id]
) -> frozenset[Id]:
    """Return who of *persons* takes part: who did not opt out, and joined where one has to."""
    if practice.join == "opt-in":
        return frozenset(await sign_ups.signed_up(tx, organization, workspace, practice.key, persons))
    refused = await people.opt_outs(tx, organization, persons)
    return frozenset(one for one in persons if not refused.get(one, frozenset()) & {"*", practice.key})
