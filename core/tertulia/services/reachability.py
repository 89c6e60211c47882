"""Find the members whom no enabled plugin of their workspace can ask anything."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.people import Person
from tertulia.domain.planning import WEB
from tertulia.runtime import Runtime
from tertulia.storage import people, tables
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace


def carriers(runtime: Runtime, workspace: Workspace) -> frozenset[str]:
    """Return the platforms that can ask a person of *workspace* privately."""
    live = runtime.installations.of(workspace.id)
    return frozenset(name for one in live for name, platform in one.platforms.items() if platform.survey is not None)


async def unreachable(runtime: Runtime, tx: Tx, workspace: Workspace) -> list[Person]:
    """Return the members without an address on any of the `carriers`."""
    able = carriers(runtime, workspace)
    account, member = tables.identity.c, tables.membership.c
    reached = sa.select(account.person_id).where(
        account.organization_id == workspace.organization,
        account.person_id.is_not(None),
        account.platform.in_(able),
        account.reachable.is_(sa.true()),
        account.address.is_not(None),
        account.address != sa.JSON.NULL,
    )
    query = sa.select(member.person_id).where(
        member.organization_id == workspace.organization,
        member.workspace_id == workspace.id,
        member.left_at.is_(None),
        member.person_id.not_in(reached),
    )
    left = list((await tx.execute(query)).scalars())
    lost = await people.members_among(tx, workspace.organization, workspace.id, left)
    return sorted((one for one in lost.values() if WEB not in able or one.email is None), key=lambda one: one.id)
