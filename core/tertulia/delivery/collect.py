"""Read what a platform can tell by itself: facts that a webhook missed, and who has an account.

Each batch and the cursor behind it are stored in one transaction, so a crash repeats at most one batch, and what is
repeated changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import sqlalchemy as sa

from tertulia.capabilities import Batch, Collect, Platform
from tertulia.delivery import holding
from tertulia.domain.identifiers import Id
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Member
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError
from tertulia.services import facts, identities
from tertulia.services.ports import call_port
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.installations import Live

Port: TypeAlias = Literal["participation", "directory"]
EVERY: dict[Port, timedelta] = {"participation": timedelta(hours=6), "directory": timedelta(days=1)}
AGAIN = timedelta(minutes=5)
LEASE = 120.0
POLL = 1.0
SLOTS = 8
"""Ports that one process reads at once."""
log = logging.getLogger(__name__)
T = TypeVar("T")


async def collect(runtime: Runtime, stop: asyncio.Event) -> None:
    """Read what is due until *stop*."""
    collector = Collector(runtime, stop)
    while not stop.is_set():
        runtime.signals.collect.clear()
        try:
            await collector.run_due()
        except Exception as error:
            log.error("could not collect: %s", type(error).__name__)
        await _pause(runtime, stop)


async def _pause(runtime: Runtime, stop: asyncio.Event) -> None:
    waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(runtime.signals.collect.wait())]
    try:
        await asyncio.wait(waiting, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def pending(runtime: Runtime, tx: Tx) -> bool:
    """Tell whether some port of this process's installations is due, or is being read."""
    table, now = tables.cursor, runtime.clock.now()
    settled = {
        (row.installation_id, row.port)
        for row in await tx.execute(sa.select(table.c.installation_id, table.c.port).where(table.c.collect_at > now))
    }
    return any((live.id, port) not in settled for live in runtime.installations.all() for port in _ports(live))


async def soon(runtime: Runtime, live: Live, fact: Collect) -> None:
    """Read the participation of *live* again after a while, if the place is one of the workspace's."""
    at = runtime.clock.now() + fact.after
    table = tables.cursor

    async def note(tx: Tx) -> None:
        known = (await people.places(tx, live.organization, live.workspace)).values()
        if (fact.place.platform, fact.place.ref) not in {(place.platform, place.ref) for place in known}:
            return
        row = {
            "organization_id": live.organization,
            "installation_id": live.id,
            "port": "participation",
            "collect_at": at,
        }
        await upsert(tx, table, [row], keys=("installation_id", "port"))
        later = sa.or_(table.c.collect_at.is_(None), table.c.collect_at > at)
        await tx.execute(table.update().where(*_mine(live, "participation"), later).values(collect_at=at))

    await runtime.database.group(note)
    runtime.signals.collect.set()


class Collector:
    """Read the ports of one service's installations, each under a lease of its own."""

    def __init__(self, runtime: Runtime, stop: asyncio.Event | None = None):
        self._runtime, self._owner = runtime, runtime.new_id()
        self._stop = stop or asyncio.Event()
        self._slots = asyncio.Semaphore(SLOTS)

    async def run_due(self) -> int:
        """Read every port that is due now and return how many those are."""
        known = [(live, port) for live in self._runtime.installations.all() for port in _ports(live)]
        return sum(await asyncio.gather(*(self._run_if_due(live, port) for live, port in known)))

    async def _run_if_due(self, live: Live, port: Port) -> bool:
        async with self._slots:
            if not await self._take(live, port):
                return False
            await self._run(live, port)
            return True

    async def _take(self, live: Live, port: Port) -> bool:
        """Take the lease where the port is due.

        `collect_at` is null while a port is read, and for one that is new: so it is due again as soon as a crashed
        reader's lease ends, and an event can ask for another reading meanwhile.
        """
        now, table = self._runtime.clock.now(), tables.cursor
        mine = _mine(live, port)
        due = sa.or_(table.c.collect_at.is_(None), table.c.collect_at <= now)
        async with self._runtime.database.read() as tx:
            row = (await tx.execute(sa.select(due).where(*mine))).one_or_none()
        if row is not None and not row[0]:
            return False

        async def take(tx: Tx) -> bool:
            new = {"organization_id": live.organization, "installation_id": live.id, "port": port}
            await upsert(tx, table, [new], keys=("installation_id", "port"))
            if not await self._hold(tx, live, port):
                return False
            taken = await tx.execute(table.update().where(*mine, due).values(collect_at=None))
            if taken.rowcount == 0:
                # it was read and settled meanwhile
                await self._let_go(tx, live, port)
            return taken.rowcount == 1

        return await self._runtime.database.group(take)

    async def _hold(self, tx: Tx, live: Live, port: Port) -> bool:
        """Take or renew the lease; false where another worker holds it."""
        return await holding.take(tx, _lease(live, port), self._owner, LEASE)

    async def _let_go(self, tx: Tx, live: Live, port: Port) -> bool:
        """Give the lease back; false where it was lost."""
        return await holding.give_back(tx, _lease(live, port), self._owner)

    async def _run(self, live: Live, port: Port) -> None:
        pause = EVERY[port] * self._runtime.timing.readings_apart
        try:
            await self._read(live, port)
        except RetryLater as error:
            pause = _pause_of(error)
        except OperatorError as error:
            log.error("plugin %s needs its operator to read its %s: %s", live.plugin, port, error)
        except SendError as error:
            log.warning("reading the %s of %s ended with %s", port, live.id, type(error).__name__)
            pause = AGAIN
        except _Stopped:
            pause = timedelta(0)
        except Exception as error:
            # a plugin's item that cannot be stored must not keep the others from being read
            log.error("the %s of %s could not be stored: %s", port, live.id, type(error).__name__)
            pause = AGAIN
        await self._settle(live, port, self._runtime.clock.now() + pause)

    async def _read(self, live: Live, port: Port) -> None:
        async with self._runtime.database.read() as tx:
            cursor = (await tx.execute(sa.select(tables.cursor.c.value).where(*_mine(live, port)))).scalar_one()
            places = (await people.places(tx, live.organization, live.workspace)).values()
        platform = _serving(live, port)
        if port == "participation" and platform is not None and platform.participation is not None:
            mine = frozenset(place for place in places if place.platform == platform.name)
            async with aclosing(_batches(live, platform.participation.since(cursor, mine))) as batches:
                async for batch in batches:
                    await self._store_facts(live, batch)
        elif platform is not None and platform.directory is not None:
            async with aclosing(_batches(live, platform.directory.members(cursor))) as pages:
                async for page in pages:
                    await self._store_members(live, page)

    async def _store_facts(self, live: Live, batch: Batch[Participation | Interaction]) -> None:
        scope = facts.Scope(organization=live.organization, workspace=live.workspace, installation=live.id)
        came = [item for item in batch.items if isinstance(item, Participation)]
        ties = [item for item in batch.items if isinstance(item, Interaction)]
        async with self._runtime.database.write() as tx:
            await self._advance(tx, live, "participation", batch.cursor)
            await facts.record_participations(self._runtime, tx, scope, came)
            await facts.record_interactions(self._runtime, tx, scope, [ties])

    async def _store_members(self, live: Live, batch: Batch[Member]) -> None:
        async with self._runtime.database.write() as tx:
            await self._advance(tx, live, "directory", batch.cursor)
            for member in batch.items:
                await identities.take_member(self._runtime, tx, live.organization, live.workspace, member)

    async def _advance(self, tx: Tx, live: Live, port: Port, cursor: str) -> None:
        if self._stop.is_set():
            raise _Stopped
        if not await self._hold(tx, live, port):
            raise OutcomeUnknown("another worker reads this port now")
        await tx.execute(tables.cursor.update().where(*_mine(live, port)).values(value=cursor))

    async def _settle(self, live: Live, port: Port, at: datetime) -> None:
        """Set when to read again, unless an event meanwhile asked for it sooner, and give the lease back."""
        table = tables.cursor
        later = sa.or_(table.c.collect_at.is_(None), table.c.collect_at > at)

        async def settle(tx: Tx) -> None:
            if await self._let_go(tx, live, port):
                await tx.execute(table.update().where(*_mine(live, port), later).values(collect_at=at))

        await self._runtime.database.group(settle)


class _Stopped(Exception):
    """The service shuts down; what is not stored yet is read again."""


async def _batches(live: Live, iterator: AsyncIterator[Batch[T]]) -> AsyncGenerator[Batch[T], None]:
    """Yield batches, each under the time-out of a port's call."""
    try:
        while (batch := await call_port(live.plugin, _next(iterator))) is not None:
            yield batch
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


async def _next(iterator: AsyncIterator[Batch[T]]) -> Batch[T] | None:
    return await anext(iterator, None)


def _serving(live: Live, port: Port) -> Platform | None:
    """Return the platform of an installation whose port is read: the first that has it."""
    return next((platform for platform in live.platforms.values() if getattr(platform, port) is not None), None)


def _ports(live: Live) -> list[Port]:
    ports: tuple[Port, ...] = ("directory", "participation")
    return [port for port in ports if _serving(live, port) is not None]


def _mine(live: Live, port: Port) -> tuple[sa.ColumnElement[bool], ...]:
    table = tables.cursor.c
    return (table.organization_id == live.organization, table.installation_id == live.id, table.port == port)


def _lease(live: Live, port: Port) -> Id:
    return f"collect:{live.id}:{port}"


def _pause_of(error: RetryLater) -> timedelta:
    """Return the pause that a platform asked for; an instant is one of real time."""
    if error.after is None:
        return AGAIN
    pause = error.after if isinstance(error.after, timedelta) else error.after - datetime.now(UTC)
    return max(timedelta(0), pause)
