"""Hold something by name, for one worker of all: in real time, renewed while it is held, free again once it is not.

Whoever dies while holding frees it as the lease ends; the others find out by trying again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tertulia.delivery.pausing import pause
from tertulia.domain.identifiers import Id
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import lease

if TYPE_CHECKING:
    from tertulia.runtime import Runtime

log = logging.getLogger(__name__)


async def take(tx: Tx, name: str, owner: Id, seconds: float) -> bool:
    """Take or renew a lease of so many *seconds* from now; false where another holds it."""
    now = time.time()
    if await upsert(tx, lease, [{"name": name, "owner": owner, "until": now + seconds}], keys=("name",)):
        return True
    free = sa.or_(lease.c.owner == owner, lease.c.until < now)
    renewed = lease.update().where(lease.c.name == name, free).values(owner=owner, until=now + seconds)
    return (await tx.execute(renewed)).rowcount == 1


async def give_back(tx: Tx, name: str, owner: Id) -> bool:
    """Give a lease back; false where it was lost."""
    held = (lease.c.name == name, lease.c.owner == owner)
    return (await tx.execute(lease.delete().where(*held))).rowcount == 1


@asynccontextmanager
async def alone(runtime: Runtime, name: str) -> AsyncIterator[bool]:
    """Hold *name* for the time of a block, however long it takes; yields false where another worker holds it."""
    owner, seconds = runtime.new_id(), runtime.timing.task_lease
    held = sa.select(lease.c.owner).where(lease.c.name == name, lease.c.until >= time.time())
    async with runtime.database.read() as tx:
        taken = (await tx.execute(held)).first() is not None
    if taken or not await runtime.database.group(lambda tx: take(tx, name, owner, seconds)):
        yield False
        return
    done = asyncio.Event()
    renewing = asyncio.create_task(_renew(runtime, name, owner, seconds, done))
    try:
        yield True
    finally:
        done.set()
        await renewing
        await runtime.database.group(lambda tx: give_back(tx, name, owner))


async def _renew(runtime: Runtime, name: str, owner: Id, seconds: float, done: asyncio.Event) -> None:
    while not done.is_set():
        await pause(done, seconds / 3)
        try:
            if not done.is_set() and not await runtime.database.group(lambda tx: take(tx, name, owner, seconds)):
                return
        except Exception as error:
            # the database may be away for a while; the next turn comes before the lease ends
            log.error("the lease %s could not be renewed: %s", name, type(error).__name__)
