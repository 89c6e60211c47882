"""Work off a table of tasks by leases: any number of workers, a bounded number of tasks at once in each.

A lease is `next_at` in real time: whoever claims a row moves it ahead; a worker that dies leaves rows that become
due again by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from tertulia.delivery.pausing import pause
from tertulia.storage.database import Database, Tx

Row: TypeAlias = sa.Row[Any]
Claim: TypeAlias = Callable[[int], Awaitable[Sequence[Row]]]
Handle: TypeAlias = Callable[[Sequence[Row]], Awaitable[None]]
SLOTS = 50
POLL = 0.5
"""Seconds after which a worker looks by itself, for work that another process put there."""
log = logging.getLogger(__name__)


async def claim(
    database: Database,
    table: sa.Table,
    *where: sa.ColumnElement[bool],
    state: str,
    limit: int,
    lease: float,
) -> Sequence[Row]:
    """Take up to *limit* due rows in *state* for *lease* seconds; their `attempts` already count this one."""
    # a literal, because SQLite uses a partial index for literals only
    due = (table.c.state == sa.literal_column(f"'{state}'"), table.c.next_at <= time.time(), *where)
    async with database.read() as tx:
        if (await tx.execute(sa.select(table.c.id).where(*due).limit(1))).first() is None:
            return ()

    async def take(tx: Tx) -> Sequence[Row]:
        chosen = sa.select(table.c.id).where(*due).order_by(table.c.next_at).limit(limit)
        # a locking CTE is worked out once; as a subquery it could be repeated and lock more than the limit
        ids = (chosen.with_for_update(skip_locked=True) if tx.dialect.name == "postgresql" else chosen).cte("chosen")
        taken = (
            table.update()
            .where(table.c.id.in_(sa.select(ids.c.id)))
            .values(next_at=time.time() + lease, attempts=table.c.attempts + 1)
            .returning(*table.c)
        )
        return (await tx.execute(taken)).all()

    return await database.group(take)


async def work(
    claim: Claim,
    handle: Handle,
    stop: asyncio.Event,
    wake: asyncio.Event,
    *,
    slots: int = SLOTS,
    together: bool = False,
    linger: float = 0.0,
) -> None:
    """Claim and handle until *stop*, at most *slots* rows at once, then let what runs come to its end.

    A full pool is refilled when half of it is free, so that rows are claimed and committed in groups; *together*
    hands each group over as a whole, *linger* waits that many seconds for a group to form.
    """
    running: dict[asyncio.Task[None], int] = {}

    def finished(task: asyncio.Task[None]) -> None:
        del running[task]
        wake.set()

    waker = asyncio.create_task(_wake_at(stop, wake))
    try:
        while not stop.is_set():
            wake.clear()
            free = slots - sum(running.values())
            wanted = free if free >= slots // 2 else 0
            rows = await _claimed(claim, wanted) if wanted else ()
            for part in [rows] if together and rows else [[row] for row in rows]:
                task = asyncio.create_task(_handled(handle, part))
                running[task] = len(part)
                task.add_done_callback(finished)
            if not wanted or len(rows) < wanted:
                await pause(wake, POLL)
                await asyncio.sleep(linger)
        await asyncio.gather(*running)
    finally:
        waker.cancel()
        for task in running:
            task.cancel()


async def exhaust(claim: Claim, handle: Handle, *, slots: int = SLOTS, together: bool = False) -> int:
    """Handle all that is due now and return how many rows that were."""
    done = 0
    while rows := await claim(slots):
        parts = [rows] if together else [[row] for row in rows]
        await asyncio.gather(*(_handled(handle, part) for part in parts))
        done += len(rows)
    return done


async def _claimed(claim: Claim, limit: int) -> Sequence[Row]:
    try:
        return await claim(limit)
    except Exception as error:
        # the database may be away for a while; the worker outlives that
        log.error("could not claim work: %s", type(error).__name__)
        return ()


async def _handled(handle: Handle, rows: Sequence[Row]) -> None:
    try:
        await handle(rows)
    except Exception as error:
        # the lease runs out and the rows are tried again; the error's text could hold content
        log.error("work on %s failed with %s", ", ".join(row.id for row in rows), type(error).__name__)


async def _wake_at(stop: asyncio.Event, wake: asyncio.Event) -> None:
    await stop.wait()
    wake.set()
