"""Drive the clock: jump to the next thing that is due, let everything settle, and go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from tertulia.runtime import Runtime
from tertulia.storage.tables import inbox, outbox, round_table


class SettableClock(Protocol):
    """Be a clock that can be set, such as `tertulia.testing.DrivenClock`."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...

    def set(self, instant: datetime) -> datetime:
        """Jump to *instant*."""
        ...


async def drive(runtime: Runtime, clock: SettableClock, until: datetime) -> AsyncIterator[datetime]:
    """Yield each instant at which something happened up to *until*, after everything has settled.

    Whoever iterates may let members answer before the clock goes on.
    """
    await settled(runtime)
    while (due := await _next(runtime)) is not None and due <= until:
        clock.set(max(due, clock.now()))
        await settled(runtime)
        yield clock.now()
    clock.set(max(until, clock.now()))
    await settled(runtime)


async def settled(runtime: Runtime, seconds: float = 120.0) -> None:
    """Wait until no step is due, no work is under way and nothing waits to come in or go out."""
    async with asyncio.timeout(seconds):
        while not await runtime.engine.idle() or await _due(runtime):  # noqa: ASYNC110 - other work can only be looked at
            await asyncio.sleep(0.01)


async def _next(runtime: Runtime) -> datetime | None:
    async with runtime.database.read() as tx:
        found: datetime | None = (await tx.execute(sa.select(sa.func.min(round_table.c.next_at)))).scalar()
    return found


async def _due(runtime: Runtime) -> bool:
    queries = (
        sa.select(round_table.c.id).where(round_table.c.next_at <= runtime.clock.now()),
        sa.select(inbox.c.id).where(inbox.c.state == "received"),
        sa.select(outbox.c.id).where(outbox.c.state == "planned"),
    )
    async with runtime.database.read() as tx:
        return any([(await tx.execute(query.limit(1))).first() is not None for query in queries])
