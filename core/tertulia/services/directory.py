"""Take a page of a platform's directory."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Member
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import identities
from tertulia.storage import people
from tertulia.storage.database import Tx


async def take(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, members: Sequence[Member], *, enrol: bool = False
) -> dict[str, int]:
    """Take *members* of a directory and count those that are linked to a person, and those that are not.

    With *enrol*, which an admin chooses, accounts on a declared domain become persons and members of *workspace*.
    """
    if await people.workspace(tx, organization, workspace) is None:
        raise Mistake("There is no such workspace in this organization; list them with `tertulia workspace list`.")
    counts = {"linked": 0, "unresolved": 0}
    for member in members:
        identity = await identities.take_member(runtime, tx, organization, workspace, member, enrol=enrol)
        counts["unresolved" if identity.person is None else "linked"] += 1
    return counts
