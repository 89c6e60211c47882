"""Hand an approved export over: once, within a day, to whoever proposed it and may still have it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import proposals, second_person
from tertulia.services.proposals import Proposal
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import proposal as table

READY = timedelta(days=1)
"""So long after the approval it can be downloaded."""


def ready(one: Proposal, now: datetime) -> bool:
    """Tell whether a proposal is an export that waits to be downloaded."""
    approved = one.what == "export" and one.state == "approved" and one.used_at is None
    return approved and one.decided_at is not None and now < one.decided_at + READY


async def waiting(tx: Tx, home: Workspace, person: Id, now: datetime) -> list[Proposal]:
    """Return the exports that wait for a person to download them."""
    me = await people.current(tx, home.organization, person)
    selves = await people.selves(tx, home.organization, me)
    return await proposals.unused(tx, home.organization, home.id, "export", selves, now - READY)


async def due(tx: Tx, home: Workspace, identifier: Id, person: Id, now: datetime) -> Proposal:
    """Return the export that a person may download now; raises `Mistake` for any other."""
    found = await proposals.find(tx, home.organization, identifier)
    me = await people.current(tx, home.organization, person)
    if found is None or found.workspace != home.id or await people.current(tx, home.organization, found.by) != me:
        raise Mistake("There is no such export for you; load the page again.")
    if not ready(found, now):
        raise Mistake("This export was downloaded already, or its day is over; propose it once more.")
    held = await proposals.roles(tx, home.organization, home.id, me)
    if not held & second_person.CHANGES["export"].proposers(found.detail):
        raise Mistake("You may not have this export any more; ask somebody who runs the workspace.")
    return found


async def take(runtime: Runtime, tx: Tx, home: Workspace, identifier: Id, person: Id, rows: int) -> None:
    """Note that an export of so many *rows* is handed over; raises `Mistake` where it was before."""
    now = runtime.clock.now()
    found = await due(tx, home, identifier, person, now)
    here = (table.c.organization_id == home.organization, table.c.id == found.id, table.c.used_at.is_(None))
    result = await tx.execute(sa.update(table).where(*here).values(used_at=now))
    if result.rowcount != 1:
        raise Mistake("This export was downloaded a moment ago; propose it once more.")
    await note(runtime, tx, home, person, "export.taken", {**found.detail, "proposal": found.id, "rows": rows})


async def note(runtime: Runtime, tx: Tx, home: Workspace, person: Id, verb: str, detail: dict[str, object]) -> None:
    """Enter an export into the log."""
    await audit.record(
        tx,
        runtime.vault,
        organization=home.organization,
        at=runtime.clock.now(),
        actor=person,
        verb=verb,
        subject=home.id,
        detail=detail,
    )
