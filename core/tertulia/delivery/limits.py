"""Rate limits shared by all workers: one theoretical arrival time per key and window, in one transaction per call.

The generic cell rate algorithm, in its virtual-scheduling form (ITU-T I.371). Calls that wait on one key with a
single window are reserved in blocks, so that a fan-out does not pay a transaction for each.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from tertulia.errors import RetryLater
from tertulia.extension import Window
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.tables import rate

BLOCK_SECONDS = 0.1
"""A process reserves at most that much of a key's rate in one transaction."""

PATIENCE = 10.0
"""Nobody waits longer than that inside a call: the message is certainly not sent, so it goes back to its list."""


LATE = 0.08
"""The part of a window that a call may come late: with limits set to 90 %, the platform's own still hold."""

LAPSES = 5


@dataclass
class Waits:
    """Hold how long a task has waited for rate limits."""

    seconds: float = 0.0


_waits: ContextVar[Waits | None] = ContextVar("waits", default=None)


def watch() -> Waits:
    """Return what the present task is going to wait for rate limits, however deep in a plugin it does so."""
    waits = Waits()
    _waits.set(waits)
    return waits


class SharedLimiter:
    """Share rate limits through the database; time is real, whatever clock the rounds live by."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time):
        self._database, self._now = database, now
        self._slots: dict[str, list[float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._paused: dict[str, float] = {}

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Wait until one call fits all windows of all keys; raises `RetryLater` where that takes too long."""
        begun = time.monotonic()
        await self._pass(limits)
        if (waits := _waits.get()) is not None:
            waits.seconds += time.monotonic() - begun

    async def _pass(self, limits: Mapping[str, Sequence[Window]]) -> None:
        slack = LATE * min((window.seconds for windows in limits.values() for window in windows), default=1.0)
        for number in itertools.count():
            at = await self._reserve(limits)
            wait = at - self._now()
            if wait > PATIENCE:
                raise RetryLater("the platform's rate limit is used up", timedelta(seconds=wait))
            if wait > 0:
                await asyncio.sleep(wait)
            # a slot lapses where a penalty came while this call waited for it, or where a busy machine woke the call
            # so late that it would bunch with the next ones; after a few of those it passes, or it would never
            late = self._now() - at > slack and number < LAPSES
            if not late and all(self._now() >= self._paused.get(key, 0.0) for key in limits):
                return

    async def penalty(self, key: str, seconds: float) -> None:
        """Let nobody pass *key* for that long."""
        until = self._now() + seconds
        self._paused[key] = max(self._paused.get(key, 0.0), until)
        self._slots = {name: slots for name, slots in self._slots.items() if _key(name) != key}
        async with self._database.write() as tx:
            rows = (await tx.execute(sa.select(rate).where(rate.c.key.like(_escaped(key) + "|%", escape="\\")))).all()
            names = {row.key: row.tat for row in rows} or {f"{key}|": 0.0}
            for name, tat in names.items():
                await _set(tx, name, max(tat, until))

    async def _reserve(self, limits: Mapping[str, Sequence[Window]]) -> float:
        wanted = [(f"{key}|{w.count}/{w.seconds:g}", w) for key, windows in limits.items() for w in windows]
        if len(wanted) == 1:
            return await self._slot(*wanted[0])
        async with self._database.write() as tx:
            return await self._take(tx, wanted, 1)

    async def _slot(self, name: str, window: Window) -> float:
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            slots = self._slots.get(name)
            if not slots:
                interval = _interval(window)
                block = max(1, int(BLOCK_SECONDS / interval))
                async with self._database.write() as tx:
                    first = await self._take(tx, [(name, window)], block)
                slots = [first + number * interval for number in reversed(range(block))]
                self._slots[name] = slots
            return slots.pop()

    async def _take(self, tx: Tx, wanted: Sequence[tuple[str, Window]], calls: int) -> float:
        now = self._now()
        paused = {f"{_key(name)}|" for name, _ in wanted}
        names = sorted({name for name, _ in wanted} | paused)
        await upsert(tx, rate, [{"key": name, "tat": 0.0} for name in names], keys=("key",))
        query = sa.select(rate.c.key, rate.c.tat).where(rate.c.key.in_(names)).order_by(rate.c.key).with_for_update()
        tats: dict[str, float] = {row.key: row.tat for row in await tx.execute(query)}
        earliest = max([now, *(tats[name] for name in paused)])
        for name, window in wanted:
            earliest = max(earliest, tats[name] - (window.burst - 1) * _interval(window))
        for name, window in wanted:
            await _set(tx, name, max(tats[name], earliest) + calls * _interval(window))
        return earliest


def _interval(window: Window) -> float:
    # an even stream may bunch by one call where a wake-up is late: limits are set to 90 % for that; after a burst
    # the bunching is taken off here
    return window.seconds / (window.count if window.burst == 1 else window.count - window.burst)


def _key(name: str) -> str:
    return name.rpartition("|")[0]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _set(tx: Tx, name: str, tat: float) -> None:
    await upsert(tx, rate, [{"key": name, "tat": tat}], keys=("key",), update=("tat",))
