"""Find the members whom no enabled plugin of their workspace can ask anything."""

from __future__ import annotations

from tertulia.domain.people import Person
from tertulia.domain.planning import WEB
from tertulia.runtime import Runtime
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace


def carriers(runtime: Runtime, workspace: Workspace) -> frozenset[str]:
    """Return the platforms that can ask a person of *workspace* privately."""
    live = runtime.installations.of(workspace.id)
    return frozenset(name for one in live for name, platform in one.platforms.items() if platform.survey is not None)


async def unreachable(runtime: Runtime, tx: Tx, workspace: Workspace) -> list[Person]:
    """Return the members without an address on any of the `carriers`."""
    able = carriers(runtime, workspace)
    members = await people.members(tx, workspace.organization, workspace.id)
    known = await people.identities(tx, workspace.organization, [member.id for member in members])

    def reached(person: Person) -> bool:
        accounts = known.get(person.id, ())
        return (WEB in able and person.email is not None) or any(
            account.actor.platform in able and account.reachable and account.address is not None
            for account in accounts
        )

    return [person for person in members if not reached(person)]
