"""One running process: the web server, the ticker, and the workers for what comes in and goes out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from tertulia import journal
from tertulia.delivery import collect, outbox, processing, shards
from tertulia.delivery.pausing import pause
from tertulia.delivery.ticker import Ticker
from tertulia.runtime import Runtime
from tertulia.services import kudos_telling, measured, recommending, retention
from tertulia.storage import audit
from tertulia.surveys import ballots
from tertulia.surveys.candle import alerts, referrals
from tertulia.surveys.feedback import conversations

logger = logging.getLogger(__name__)
HOUR = 3600.0
LONGEST_STOP = 12.0
"""Seconds that calls under way get to come to their end."""

ENGINE_KEEPS = timedelta(days=7)
Loop = Callable[[Runtime, asyncio.Event], Awaitable[None]]


class Service:
    """Run one process of the service; *serves* is false for a worker without a web server.

    *extend* may add routes to the web application before it starts, as the sandbox does.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        serves: bool = True,
        concurrency: int = 4,
        tick: float = 0.2,
        extend: Callable[[web.Application], None] | None = None,
    ):
        self._runtime, self._serves, self._concurrency, self._extend = runtime, serves, concurrency, extend
        self.executor = "local" if runtime.config.embedded else runtime.database.name
        self.ticker = Ticker(runtime, self.executor, tick=tick)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self.port = runtime.config.port

    async def start(self) -> None:
        """Launch the engine, the workers and the server."""
        runtime = self._runtime
        if runtime.config.embedded:
            await shards.release_all(runtime)
        await self.ticker.announce()
        await runtime.engine.launch(self.ticker.work(), executor=self.executor, concurrency=self._concurrency)
        journal.adopt("dbos")  # its own handler prints what exceptions say
        loops: list[Loop] = [
            processing.process,
            outbox.drain,
            collect.collect,
            alerts.watch,
            referrals.watch,
            kudos_telling.watch,
            measured.watch,
            recommending.watch,
            _upkeep,
        ]
        for loop in loops:
            self._tasks.append(asyncio.create_task(_for_ever(loop, runtime, self._stop), name=loop.__name__))
        self._tasks.append(asyncio.create_task(self.ticker.run(), name="ticker"))
        if self._serves:
            await self._listen()

    async def _listen(self) -> None:
        # imported here: a worker without a server needs none of it
        from tertulia.web import app

        config = self._runtime.config
        application = app.build(self._runtime)
        if self._extend is not None:
            self._extend(application)
        self._runner = app.runner(application)
        await self._runner.setup()
        # a whole company answers a live quiz in the same second
        site = web.TCPSite(self._runner, config.host, config.port, backlog=1024)
        await site.start()
        sockets = site._server.sockets if isinstance(site._server, asyncio.Server) else ()
        self.port = sockets[0].getsockname()[1] if sockets else config.port

    async def stop(self) -> None:
        """Answer what was accepted, let calls in flight finish and commit, and leave the rest to the next worker."""
        self._stop.set()
        if self._runner is not None:
            await self._runner.cleanup()
        # both at once: whoever asked expects an end within 20 seconds, of which the engine needs some
        await asyncio.gather(self.ticker.drain(LONGEST_STOP), asyncio.wait(self._tasks, timeout=LONGEST_STOP))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runtime.engine.stop()


async def _for_ever(loop: Loop, runtime: Runtime, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await loop(runtime, stop)
        except Exception:
            logger.exception("the %s loop failed; it starts again", loop.__name__)
            await asyncio.sleep(1.0)


async def _upkeep(runtime: Runtime, stop: asyncio.Event) -> None:
    """Rewrite open ballots half-hourly; sweep what has outlived its retention, and anchor the audit log, hourly."""
    rewritten = swept = time.monotonic()
    while not stop.is_set():
        if time.monotonic() - rewritten > HOUR / 2:
            await ballots.rewrite_open_rounds(runtime.database)
            await ballots.clear_ended_rounds(runtime)
            await conversations.rewrite(runtime.database)
            rewritten = time.monotonic()
        if time.monotonic() - swept > HOUR:
            await retention.sweep(runtime, runtime.clock.now(), retention.periods(runtime.config.retention))
            # the engine's times are real, whatever clock the rounds live by
            await runtime.engine.forget(datetime.now(UTC) - ENGINE_KEEPS)
            await _anchor(runtime)
            swept = time.monotonic()
        await pause(stop, 5.0)


async def _anchor(runtime: Runtime) -> None:
    """Write the audit log's end into the journal, which is kept elsewhere: a log cut short no longer matches it."""
    async with runtime.database.read() as tx:
        end = await audit.anchor(tx)
    if end is not None:
        logger.info("audit anchor", extra={"ids": {"sequence": end[0], "digest": end[1]}})
