"""What a workspace's program brings next."""

from __future__ import annotations

from datetime import datetime, timedelta

from tertulia.services import program_plan
from tertulia.services.program_plan import NextRound
from tertulia.storage import makeup, programs
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace

AHEAD = timedelta(days=14)


async def ahead(tx: Tx, home: Workspace, now: datetime) -> tuple[NextRound, ...]:
    """Return the first moment of each practice's next rounds within two weeks, the soonest first."""
    program = await programs.current(tx, home.organization, home.id)
    if program is None:
        return ()
    members = await makeup.counted(tx, home.organization, home.id)
    found: dict[str, NextRound] = {}
    for one in sorted(program_plan.next_rounds(program, members, home.zone, now), key=lambda one: one.utc):
        if now <= one.utc <= now + AHEAD:
            found.setdefault(one.practice, one)
    return tuple(found.values())
