"""Deliver one shard: a lease with a fencing epoch, a few lanes, and one transaction for many finished calls.

Each transaction keeps what finished calls brought, renews the lease and claims as many deliveries as lanes are free;
so at a crash at most the lanes' calls are of unknown outcome.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from tertulia.delivery import claims
from tertulia.delivery.claims import Claim, ShardOf
from tertulia.delivery.pausing import pause
from tertulia.delivery.sending import Outcome, send
from tertulia.domain.identifiers import Id
from tertulia.domain.rounds import repeatability
from tertulia.runtime import Runtime
from tertulia.services import rounds
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, round_table, shard

logger = logging.getLogger(__name__)
LANES = 64
"""Calls of one shard that may be under way; the plugin's session decides how many connections carry them."""

FEWEST_LANES, FIRST_LANES = 2, 8
SHORT_WAIT, LONG_WAIT = 0.25, 0.5
"""Seconds that a call may wait for a rate limit before a lane more, or one less, is used.

A call that waits is as uncertain after a crash as one under way; so no more wait than keep the limit used.
"""

GATHER = 0.1
"""Seconds for which finished calls gather at most, so that many share a transaction."""

ATTEMPTS = 8
PAUSE = 2.0
LONGEST_PAUSE = 300.0


class Fenced(Exception):
    """Tell that another worker holds the shard now."""


@dataclass
class _Run:
    job: ShardOf
    epoch: int
    lanes: int = FIRST_LANES
    calls: dict[asyncio.Task[Outcome], Claim] = field(default_factory=dict)
    finished: list[tuple[Claim, Outcome]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    many: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, runtime: Runtime, found: Claim) -> None:
        call = asyncio.create_task(send(runtime, self.job, found))
        self.calls[call] = found
        call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[Outcome]) -> None:
        found = self.calls.pop(call)
        if not call.cancelled():
            outcome = call.result()
            self.finished.append((found, outcome))
            self.came.set()
            if outcome.waited < SHORT_WAIT:
                self.lanes = min(LANES, self.lanes + 1)
            elif outcome.waited > LONG_WAIT:
                self.lanes = max(FEWEST_LANES, self.lanes - 1)
        if len(self.finished) >= self.lanes // 2 or not self.calls:
            self.many.set()


async def deliver_shard(runtime: Runtime, shard_id: Id, stop: asyncio.Event) -> None:
    """Send what is planned in a shard, as its only sender; returns when nothing is left, or soon after *stop*.

    A worker that does not get the lease waits and looks again: a false alarm of a dead worker is no error.
    """
    while not stop.is_set():
        run = await _take(runtime, shard_id)
        if run is None:
            if await _done(runtime, shard_id):
                return
            await pause(stop, 0.5)
            continue
        try:
            await _work_off(runtime, run, stop)
        except Fenced:
            logger.warning("shard %s was taken over by another worker", shard_id)
        finally:
            await _abandon(run)


async def release_all(runtime: Runtime) -> None:
    """Take back the leases of a process that stopped, where no other can be sending: nobody waits for their end."""
    async with runtime.database.write() as tx:
        await tx.execute(shard.update().where(shard.c.state == "started").values(lease_until=0.0))


async def _take(runtime: Runtime, shard_id: Id) -> _Run | None:
    now = time.time()
    async with runtime.database.write() as tx:
        taken = await tx.execute(
            shard.update()
            .where(shard.c.id == shard_id, shard.c.state == "started", shard.c.lease_until < now)
            .values(epoch=shard.c.epoch + 1, lease_until=now + runtime.timing.shard_lease)
            .returning(shard.c.epoch, shard.c.round_id, shard.c.purpose, shard.c.origin)
        )
        record = taken.one_or_none()
        round_ = await rounds.find(tx, record.round_id) if record else None
        if record is None or round_ is None:
            return None
        practice = await rounds.practice_of(tx, round_)
        space = await people.workspace(tx, round_.organization, round_.workspace)
        job = ShardOf(
            id=shard_id,
            origin=record.origin,
            purpose=record.purpose,
            round=round_,
            practice=practice,
            language=space.language if space else "en",
        )
        await claims.settle_left_behind(tx, job, repeat=repeatability(job.purpose) == "repeat")
    return _Run(job, record.epoch)


async def _done(runtime: Runtime, shard_id: Id) -> bool:
    async with runtime.database.read() as tx:
        state = (await tx.execute(sa.select(shard.c.state).where(shard.c.id == shard_id))).scalar_one_or_none()
    return state in (None, "done")


async def _work_off(runtime: Runtime, run: _Run, stop: asyncio.Event) -> None:
    while True:
        wanted = 0 if stop.is_set() else max(0, run.lanes - len(run.calls))
        finished, run.finished = run.finished, []
        claimed, waiting = await runtime.database.group(partial(_turn, runtime, run, finished, wanted))
        for found in claimed:
            run.begin(runtime, found)
        if run.calls or run.finished:
            await _collect(run, runtime.timing.shard_lease / 3)
        elif stop.is_set():
            await _release(runtime, run)
            return
        elif waiting is None:
            async with runtime.database.write() as tx:
                await _renew(runtime, tx, run)
                await claims.finish_shard(tx, run.job)
            return
        else:
            await pause(stop, min(runtime.timing.shard_lease / 3, max(0.02, waiting - time.time())))


async def _turn(
    runtime: Runtime, run: _Run, finished: list[tuple[Claim, Outcome]], wanted: int, tx: Tx
) -> tuple[list[Claim], float | None]:
    """Return newly claimed deliveries, and when the next planned one may be sent (`None`: there is none)."""
    state = await _renew(runtime, tx, run)
    if finished:
        await tx.execute(_OUTCOME, [_row(run.job, found, outcome) for found, outcome in finished])
    claimed: list[Claim] = []
    if wanted:
        round_ = await rounds.find(tx, run.job.round.id) if state != run.job.round.state else None
        if round_ is not None:
            run.job = replace(run.job, round=round_)
        claimed = await claims.claim(runtime, tx, run.job, wanted, time.time())
    if claimed or run.calls or run.finished:
        return claimed, 0.0
    planned = (delivery.c.shard_id == run.job.id, delivery.c.state == "planned")
    return claimed, (await tx.execute(sa.select(sa.func.min(delivery.c.next_at)).where(*planned))).scalar()


_OUTCOME = (
    delivery.update()
    .where(
        delivery.c.shard_id == sa.bindparam("of_shard"),
        delivery.c.seq == sa.bindparam("of_seq"),
        delivery.c.state == "sending",
    )
    .values(
        state=sa.bindparam("new_state"),
        attempts=sa.bindparam("new_attempts"),
        next_at=sa.bindparam("new_next_at"),
        ref=sa.bindparam("new_ref"),
        reason=sa.bindparam("new_reason"),
    )
)


def _row(job: ShardOf, found: Claim, outcome: Outcome) -> dict[str, Any]:
    attempts = found.attempts + (1 if outcome.counts else 0)
    state, reason, next_at = outcome.state, outcome.reason, 0.0
    if state == "ambiguous" and repeatability(job.purpose) == "repeat":
        state = "planned"
    if state == "planned":
        if attempts >= ATTEMPTS:
            state, reason = "failed", f"gave up after {attempts} attempts: {reason}"
        else:
            next_at = time.time() + _pause_after(attempts, outcome.after)
    return {
        "of_shard": job.id,
        "of_seq": found.seq,
        "new_state": state,
        "new_attempts": attempts,
        "new_next_at": next_at,
        "new_ref": outcome.ref,
        "new_reason": reason[:200] if reason else None,
    }


def _pause_after(attempts: int, said: timedelta | datetime | None) -> float:
    if isinstance(said, datetime):
        return max(0.0, (said - datetime.now(UTC)).total_seconds())
    if said is not None:
        return said.total_seconds()
    longest = min(LONGEST_PAUSE, PAUSE * 2.0**attempts)
    return random.uniform(longest / 2, longest)


_RENEWAL = (
    shard.update()
    .where(shard.c.id == sa.bindparam("held"), shard.c.epoch == sa.bindparam("since"))
    .values(lease_until=sa.bindparam("until"))
    .returning(sa.select(round_table.c.state).where(round_table.c.id == shard.c.round_id).scalar_subquery())
)


async def _renew(runtime: Runtime, tx: Tx, run: _Run) -> str | None:
    """Hold the shard for longer, and return the state of its round; raises `Fenced` where another worker has it."""
    until = time.time() + runtime.timing.shard_lease
    renewed = await tx.execute(_RENEWAL, {"held": run.job.id, "since": run.epoch, "until": until})
    row = renewed.one_or_none()
    if row is None:
        raise Fenced
    state: str | None = row[0]
    return state


async def _collect(run: _Run, seconds: float) -> None:
    """Wait for a finished call, and a little longer for many."""
    run.came.clear()
    run.many.clear()
    if not run.finished:
        await pause(run.came, seconds)
    if run.calls and len(run.finished) < run.lanes // 2:
        await pause(run.many, GATHER)


async def _release(runtime: Runtime, run: _Run) -> None:
    held = (shard.c.id == run.job.id, shard.c.epoch == run.epoch)
    async with runtime.database.write() as tx:
        await tx.execute(shard.update().where(*held).values(lease_until=0.0))


async def _abandon(run: _Run) -> None:
    left = list(run.calls)
    for call in left:
        call.cancel()
    await asyncio.gather(*left, return_exceptions=True)
