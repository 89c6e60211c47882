"""Let the sandbox live: drive the clock, let the invented members answer, and count what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aiohttp

from tertulia.delivery.ticker import Ticker
from tertulia.sandbox import town as founding
from tertulia.sandbox.drive import drive, settled
from tertulia.sandbox.town import MONDAY, Town
from tertulia.sandbox.visits import Visits
from tertulia.stage import Arrival, Playable

AT_ONCE = 24
GRAIN = timedelta(hours=3)
"""So fine is time when weeks are lived: what becomes due within it happens together."""
WEEK = timedelta(weeks=1)
BREATH = 0.25
"""Seconds between two steps of a clock that goes at a pace."""
logger = logging.getLogger(__name__)


class Life:
    """Drive one town; only one drive runs at a time.

    *pace* is how much of the town's time passes in a second; *paced* that somebody chose it.
    """

    def __init__(self, town: Town, ticker: Ticker | None = None):
        self.town, self.ticker = town, ticker
        self.answers: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.pace, self.paced = timedelta(0), False
        self.goal: datetime | None = None
        self.since, self.began = town.clock.now(), time.monotonic()
        self.visits: Visits | None = None
        self._lock = asyncio.Lock()
        self.drives: set[asyncio.Task[None]] = set()

    async def begin(self, seed: int) -> None:
        """Wait until the platforms have told who is there, then let the program begin."""
        await self._settled()
        await founding.begin(self.town, seed)
        self.visits = Visits(self.town, seed)
        await self._settled()

    async def until(self, instant: datetime, grain: timedelta = GRAIN) -> AsyncIterator[datetime]:
        """Live up to *instant*, and yield each moment at which something happened."""
        look = None if self.ticker is None else self.ticker.tick
        async with self._lock, aiohttp.TCPConnector(limit=AT_ONCE) as connector:
            self.since, self.began, self.goal = self.town.clock.now(), time.monotonic(), instant
            try:
                async for at in drive(self.town.runtime, self.town.clock, instant, grain=grain, look=look):
                    await self._answer(connector)
                    if self.visits is not None:
                        await self.visits.make(connector)
                    yield at
            finally:
                self.goal = None

    async def go_on(self, by: timedelta) -> None:
        """Live on for *by*."""
        async for _ in self.until(self.town.clock.now() + by):
            pass

    async def keep_pace(self) -> None:
        """Let time pass at the pace that is set, for ever."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(BREATH)
            passed, before = time.monotonic() - before, time.monotonic()
            if self.pace and not self.busy:
                await self.go_on(self.pace * passed)

    @property
    def busy(self) -> bool:
        """Tell whether the clock is being driven."""
        return self._lock.locked()

    @property
    def done(self) -> float:
        """Return how much of the present drive is lived, between 0 and 1."""
        if self.goal is None or self.goal <= self.since:
            return 1.0
        return min(1.0, (self.town.clock.now() - self.since) / (self.goal - self.since))

    @property
    def left(self) -> float | None:
        """Return about how many seconds the present drive will take, or `None` while nothing tells."""
        passed = time.monotonic() - self.began
        return None if self.goal is None or not self.done else passed * (1 - self.done) / self.done

    async def _settled(self) -> None:
        look = None if self.ticker is None else self.ticker.tick
        await settled(self.town.runtime, look=look)

    async def _answer(self, connector: aiohttp.BaseConnector) -> None:
        """Let everybody read what came, what stands in shared places first, and answer."""
        gate, week = asyncio.Semaphore(AT_ONCE), max(0, (self.town.clock.now() - MONDAY) // WEEK)
        came = [(stage, arrival) for stage in self.town.stages for arrival in stage.arrivals()]
        came.sort(key=lambda one: not one[1].shared)
        self.arrived.update(stage.name for stage, _ in came)

        async def one(stage: Playable, arrival: Arrival, verb: str) -> None:
            async with gate:
                try:
                    given = await self._give(connector, stage, arrival, verb, week)
                except aiohttp.ClientError as error:
                    logger.warning("an invented member could not answer: %s", type(error).__name__)
                    given = False
                self.answers[stage.name] += given
                self.missed[f"{stage.name}: {arrival.title}"] += not given

        decided = []
        for stage, arrival in came:
            neighbour = self.town.neighbours.get(arrival.email)
            verb = None if neighbour is None else neighbour.decides(arrival, week)
            if verb is not None:
                decided.append(one(stage, arrival, verb))
        await asyncio.gather(*decided)

    async def _give(
        self, connector: aiohttp.BaseConnector, stage: Playable, arrival: Arrival, verb: str, week: int
    ) -> bool:
        neighbour = self.town.neighbours[arrival.email]
        if verb in arrival.verbs or arrival.link is None:
            return await neighbour.press(stage, arrival, verb, week)
        origin = self.town.runtime.config.public_url
        return await neighbour.follow(connector, arrival.link, origin, verb, week)
