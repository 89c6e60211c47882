"""Decide whom a practice addresses: attributes of a person, and groups, whose members no attribute ever tells."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice, Program
from tertulia.errors import Mistake
from tertulia.storage import groups
from tertulia.storage.database import Tx


async def addressed(
    tx: Tx, organization: Id, workspace: Id, practice: Practice, persons: Sequence[Person]
) -> list[Person]:
    """Return those of *persons* whom the practice's audience includes."""
    wanted = practice.audience.groups
    if not wanted:
        return [one for one in persons if practice.audience.includes(one)]
    inside = await groups.members_of(tx, organization, workspace, wanted)
    return [one for one in persons if one.id in inside and practice.audience.includes(one, in_group=True)]


async def includes(tx: Tx, organization: Id, workspace: Id, practice: Practice, person: Person) -> bool:
    """Tell whether the practice's audience includes *person*."""
    return bool(await addressed(tx, organization, workspace, practice, [person]))


async def practices_for(tx: Tx, workspace: Id, program: Program | None, person: Person) -> list[Practice]:
    """Return the practices of a workspace's program that address *person*."""
    found = []
    for practice in program.practices if program else ():
        if await includes(tx, person.organization, workspace, practice, person):
            found.append(practice)
    return found


async def refuse_unknown(tx: Tx, organization: Id, workspace: Id, program: Program) -> None:
    """Raise `Mistake` where a practice of *program* is for a group that there is not."""
    known = await groups.slugs(tx, organization, workspace)
    for practice in program.practices:
        for slug in practice.audience.groups:
            if slug not in known:
                raise Mistake(
                    f'Practice "{practice.key}": there is no group {slug!r} in this workspace; its members found one '
                    "on the page /my/groups, which says what a program calls it."
                )
