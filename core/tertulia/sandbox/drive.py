"""Drive the clock: jump to the next thing that is due, let everything settle, and go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from tertulia.delivery import collect
from tertulia.delivery.outbox import NOT_NOW
from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.storage.tables import inbox, outbox, round_table, shard

logger = logging.getLogger(__name__)
POLL = 0.03
PATIENCE = 30.0
"""Seconds that a moment may take while weeks are lived; what tries again for longer does so beside what follows."""
EVERY = timedelta(0)
"""A grain without size: the clock stops at every instant at which something is due."""
Look = Callable[[], Awaitable[object]]


class SettableClock(Protocol):
    """Be a clock that can be set, such as `tertulia.testing.DrivenClock`."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...

    def set(self, instant: datetime) -> datetime:
        """Jump to *instant*."""
        ...


async def drive(
    runtime: Runtime, clock: SettableClock, until: datetime, *, grain: timedelta = EVERY, look: Look | None = None
) -> AsyncIterator[datetime]:
    """Yield each instant at which something happened up to *until*, after everything has settled.

    Whoever iterates may let members answer before the clock goes on. With a *grain* the clock stops at whole
    multiples of it, for all that became due meanwhile. With *look*, which starts what is due at once, what platforms
    are asked for is waited for, too.
    """
    await _calm(runtime, look)
    while (due := await _next(runtime)) is not None and due <= until:
        clock.set(max(min(_rounded(due, grain), until), clock.now()))
        await _calm(runtime, look)
        yield clock.now()
    clock.set(max(until, clock.now()))
    await _calm(runtime, look)


async def _calm(runtime: Runtime, look: Look | None) -> None:
    """Wait until all has settled; while weeks are lived, what is tried again for long is left to be tried."""
    if look is None:
        return await settled(runtime)
    try:
        await settled(runtime, PATIENCE, look=look)
    except TimeoutError:
        due, busy = await _under_way(runtime, thorough=True)
        doubt = f"{len(due)} steps due, {'something' if busy else 'nothing'} coming or going"
        logger.warning("not settled by %s (%s); time goes on", runtime.clock.now(), doubt)


async def settled(runtime: Runtime, seconds: float = 120.0, *, look: Look | None = None) -> None:
    """Wait until no step is due, no work is under way and nothing waits to come in or go out."""
    begun: set[tuple[Id, int]] = set()
    async with asyncio.timeout(seconds):
        while True:
            due, busy = await _under_way(runtime, thorough=look is not None)
            if look is not None and not due <= begun:
                begun |= due
                await look()
            elif not due and not busy and await runtime.engine.idle():
                return
            await asyncio.sleep(POLL)


async def _next(runtime: Runtime) -> datetime | None:
    async with runtime.database.read() as tx:
        found: datetime | None = (await tx.execute(sa.select(sa.func.min(round_table.c.next_at)))).scalar()
    return found


def _rounded(due: datetime, grain: timedelta) -> datetime:
    if not grain:
        return due
    beginning = datetime(2000, 1, 1, tzinfo=UTC)
    return beginning - ((beginning - due) // grain) * grain


_DUE = sa.select(round_table.c.id, round_table.c.step).where(round_table.c.next_at <= sa.bindparam("now"))
_WAITING = sa.select(sa.literal(""), sa.literal(0)).where(
    sa.or_(
        sa.exists().where(inbox.c.state == "received"),
        # who sleeps is awake only when the clock goes on
        sa.exists().where(outbox.c.state == "planned", outbox.c.reason.is_distinct_from(NOT_NOW)),
        sa.and_(sa.bindparam("thorough", type_=sa.Boolean()), sa.exists().where(shard.c.state == "started")),
    )
)
_LOOK = sa.union_all(_DUE, _WAITING)


async def _under_way(runtime: Runtime, *, thorough: bool) -> tuple[set[tuple[Id, int]], bool]:
    """Return the steps that are due, and whether anything else is; *thorough* looks at what is sent and read, too."""
    async with runtime.database.read() as tx:
        found = {tuple(row) for row in await tx.execute(_LOOK, {"now": runtime.clock.now(), "thorough": thorough})}
        due = {(identifier, step) for identifier, step in found if identifier}
        busy = len(found) > len(due)
        reading = thorough and not due and not busy and await collect.pending(runtime, tx)
    if reading:
        runtime.signals.collect.set()
    return due, busy or reading
