"""The one timer's reader: starts the steps of rounds that are due, and mends what a crash or a dead worker left."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection

import sqlalchemy as sa

from tertulia.delivery.engine import Work
from tertulia.delivery.pausing import pause
from tertulia.delivery.shards import deliver_shard
from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.services import rounds
from tertulia.services.advance import advance
from tertulia.storage.database import Tx, present, upsert
from tertulia.storage.tables import lease, round_table, shard, worker

logger = logging.getLogger(__name__)
TICK = 0.2
AT_ONCE = 200


class WorkFailed(Exception):
    """Tell the engine that work failed, by a code and an id."""


class Ticker:
    """Read the timer of all rounds; every process has one, and a double tick is harmless."""

    def __init__(self, runtime: Runtime, executor: str, *, tick: float = TICK):
        self._runtime, self._executor, self._tick = runtime, executor, tick
        self._stop = asyncio.Event()
        self._busy: set[str] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def stopping(self) -> asyncio.Event:
        """Be set once work is to end."""
        return self._stop

    def work(self) -> Work:
        """Return what the engine's workflows do."""
        return Work(step=self._step, shard=self._shard)

    async def announce(self) -> None:
        """Make this process known; it may take work only then, or its death would be noticed by nobody."""
        async with self._runtime.database.write() as tx:
            await self._register(tx, await present(tx))

    async def run(self) -> None:
        """Tick until stopped; a failing tick is logged and tried again."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._beats())
            both.create_task(self._ticks())

    async def _beats(self) -> None:
        """Say that this process lives, by itself: a long tick is no death; until the last call has ended."""
        for end in (self._stop, self._quiet):
            while not end.is_set():
                try:
                    async with self._runtime.database.write() as tx:
                        await self._register(tx, await present(tx))
                except Exception as error:
                    logger.error("a beat failed with %s; the next one tries again", type(error).__name__)
                await pause(end, self._runtime.timing.beat)

    async def _ticks(self) -> None:
        sweep = mend = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() >= sweep:
                    await self._sweep()
                    sweep = time.monotonic() + self._runtime.timing.beat
                await self.tick()
                if time.monotonic() >= mend:
                    await self._mend()
                    mend = time.monotonic() + self._runtime.timing.mend_every
            except Exception:
                logger.exception("a tick failed; the next one tries again")
                await asyncio.sleep(1.0)
            await asyncio.sleep(self._tick)

    async def tick(self) -> int:
        """Start every step that is due by the clock, and return how many that were."""
        await self._runtime.installations.refresh()
        due = await self._due()
        for round_id, step in due:
            await self._runtime.engine.start(_key(round_id, step), round_id, step)
        return len(due)

    async def drain(self, seconds: float = 20.0) -> None:
        """Take no new work, and let what is under way finish and commit."""
        self._stop.set()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            logger.warning("%d shards were still sending after %s s", len(self._busy), seconds)

    async def _due(self) -> list[tuple[Id, int]]:
        query = (
            sa.select(round_table.c.id, round_table.c.step)
            .where(round_table.c.next_at <= self._runtime.clock.now())
            .order_by(round_table.c.next_at)
            .limit(AT_ONCE)
        )
        today = self._runtime.clock.now().date().isoformat()
        async with self._runtime.database.read() as tx:
            records = (await tx.execute(query)).all()
            uncounted = await rounds.uncounted(tx, today)
        if uncounted:
            async with self._runtime.database.write() as tx:
                await rounds.count_ballots(tx, today)
        return [(record.id, record.step) for record in records]

    async def _step(self, round_id: str, step: int) -> None:
        if self._stop.is_set():
            raise asyncio.CancelledError
        try:
            shards = await advance(self._runtime, round_id, step)
        except Exception:
            logger.exception("step %s of round %s failed; it is tried again", step, round_id)
            # the engine keeps an error's text: it gets a code and an id, never what the error says
            raise WorkFailed(f"step {step} of round {round_id}") from None
        for shard_id in shards:
            await self._runtime.engine.enqueue(f"shard:{shard_id}", shard_id)

    async def _shard(self, shard_id: str) -> None:
        self._busy.add(shard_id)
        self._quiet.clear()
        try:
            await deliver_shard(self._runtime, shard_id, self._stop)
        except Exception:
            logger.exception("shard %s failed; it is tried again", shard_id)
            raise WorkFailed(f"shard {shard_id}") from None
        finally:
            self._busy.discard(shard_id)
            if not self._busy:
                self._quiet.set()
        if self._stop.is_set():
            # the engine records nothing, so that whoever comes next delivers the rest
            raise asyncio.CancelledError

    async def _sweep(self) -> None:
        """Take over what workers left that are silent, as the only one who does."""
        dead_after = self._runtime.timing.dead_after
        async with self._runtime.database.read() as tx:
            now = await present(tx)
            dead = await _dead(tx, now - dead_after)
        if not dead:
            return
        # before any lock is asked for: one of them may stand still with that very lock
        await self._cut_off(dead)
        async with self._runtime.database.write() as tx:
            await upsert(tx, lease, [{"name": "sweep", "owner": "", "until": 0.0}], keys=("name",))
            mine = sa.or_(lease.c.owner == self._executor, lease.c.until < now)
            swept = await tx.execute(
                lease.update()
                .where(lease.c.name == "sweep", mine)
                .values(owner=self._executor, until=now + dead_after)
            )
        if swept.rowcount == 1:
            await self._take_over(dead)
            async with self._runtime.database.write() as tx:
                await tx.execute(worker.delete().where(worker.c.id.in_(dead), worker.c.beat < now - dead_after))

    async def _register(self, tx: Tx, now: float) -> None:
        await upsert(tx, worker, [{"id": self._executor, "beat": now}], keys=("id",), update=("beat",))

    async def _cut_off(self, dead: Collection[str]) -> None:
        if ended := await self._runtime.database.cut_off(dead):
            logger.warning("ended %d transactions of %d stopped workers", ended, len(dead))

    async def _take_over(self, dead: Collection[str]) -> None:
        count = await self._runtime.engine.hand_over(dead)
        logger.warning("took over %d workflows of %d stopped workers", count, len(dead))

    async def _mend(self) -> None:
        """Take over what nobody known holds, and start again what the engine lost.

        A worker taken for dead may come back and die before it is known again; and the engine's database may have
        been rebuilt from ours.
        """
        holders = await self._runtime.engine.holders()
        async with self._runtime.database.read() as tx:
            strangers = holders - set((await tx.execute(sa.select(worker.c.id))).scalars())
        if strangers:
            await self._cut_off(strangers)
            await self._take_over(strangers)
        for round_id, step in await self._due():
            key = await self._free_key(_key(round_id, step))
            if key:
                await self._runtime.engine.start(key, round_id, step)
        query = sa.select(shard.c.id).where(shard.c.state == "started", shard.c.lease_until < time.time())
        async with self._runtime.database.read() as tx:
            idle = list((await tx.execute(query.limit(AT_ONCE))).scalars())
        for shard_id in idle:
            key = await self._free_key(f"shard:{shard_id}")
            if key:
                await self._runtime.engine.enqueue(key, shard_id)

    async def _free_key(self, key: str) -> str | None:
        """Return a key that was never used for this work, or `None` while some of it is pending."""
        for number in range(1, 1000):
            candidate = key if number == 1 else f"{key}~{number}"
            status = await self._runtime.engine.status(candidate)
            if status == "pending":
                return None
            if status is None:
                return candidate
        return None


def _key(round_id: Id, step: int) -> str:
    return f"{round_id}:{step}"


async def _dead(tx: Tx, silent_since: float) -> list[str]:
    query = sa.select(worker.c.id).where(worker.c.beat < silent_since)
    return list((await tx.execute(query)).scalars())
