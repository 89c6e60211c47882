"""The process under measurement: a service as `tertulia serve` runs it, with a clock that its parent drives."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime

import sqlalchemy as sa

from benchmarks import processes, setting
from benchmarks.report import percentile
from tertulia import bootstrap, process
from tertulia.runtime import Runtime
from tertulia.service import Service
from tertulia.storage.tables import delivery, inbox
from tertulia.testing.clock import DrivenClock

BEGAN = time.time()
TICK = 0.01


async def main() -> None:
    """Serve until told to stop, and say what it took."""
    logging.basicConfig(level=logging.ERROR)
    given = processes.settings()
    clock = DrivenClock(setting.BEFORE)
    runtime = await bootstrap.build(setting.of(given).config(), clock=clock, extra_plugins=setting.PLUGINS)
    service = Service(runtime, serves=given["serves"])
    await service.start()
    process.tune()
    processes.say(ready=time.time() - BEGAN)
    lags: list[float] = []
    watching = [asyncio.create_task(_watch_lag(lags))]
    commands = processes.commands()
    before = time.process_time()
    while (command := await commands.get()) != "stop":
        if command == "go":
            lags.clear()
            before = time.process_time()
            clock.set(datetime.fromisoformat(given["opens"]))
            if given["first"]:
                watching.append(asyncio.create_task(_watch_opening(runtime)))
        elif command == "reset":
            lags.clear()
            before = time.process_time()
        elif command == "waiting":
            processes.say(waiting=await _waiting(runtime))
        elif command == "cpu":
            processes.say(cpu=time.process_time() - before, lag=percentile(lags, 0.99), worst=max(lags, default=0.0))
    for task in watching:
        task.cancel()
    await service.stop()
    await bootstrap.close(runtime)
    processes.say(stopped=True)


async def _watch_lag(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        lags.append(time.perf_counter() - due)


async def _watch_opening(runtime: Runtime) -> None:
    while True:
        async with runtime.database.read() as tx:
            if (await tx.execute(sa.select(delivery.c.seq).limit(1))).first() is not None:
                processes.say(planned=time.time())
                return
        await asyncio.sleep(0.02)


async def _waiting(runtime: Runtime) -> int:
    """Count the events that are not processed yet."""
    query = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.state != "done")
    async with runtime.database.read() as tx:
        return int((await tx.execute(query)).scalar_one())


if __name__ == "__main__":
    asyncio.run(main())
