"""Signed webhooks from a process of their own: at a rate whatever the answers do, or as fast as they come."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime

import aiohttp

from benchmarks import processes
from benchmarks.report import percentile
from benchmarks.setting import OPENS, SECRET
from tertulia.testing.loopback_server import event
from tertulia.testing.loopback_webhook import sign

AT_ONCE = 64


class Generator:
    """Post events and remember how long each took from the instant at which it was meant to be sent."""

    def __init__(self, http: aiohttp.ClientSession, hook: str, prefix: str):
        self._http, self._hook, self._prefix = http, hook, prefix
        self.waits: list[float] = []
        self.refused = 0

    async def post(self, number: int, meant: float) -> None:
        """Post one event."""
        happened = event("participated", f"u{number % 1000}", place="general", at=OPENS)
        body = json.dumps(happened).encode()
        headers = sign(SECRET, body, f"{self._prefix}-{number}", datetime.now(UTC))
        async with self._http.post(self._hook, data=body, headers=headers) as response:
            await response.read()
            self.refused += response.status != 200
        self.waits.append(time.perf_counter() - meant)

    async def steadily(self, rate: float, seconds: float) -> None:
        """Post *rate* events per second, late answers or not."""
        began = time.perf_counter()
        posts: list[asyncio.Task[None]] = []
        for number in range(int(rate * seconds)):
            meant = began + number / rate
            if (early := meant - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            posts.append(asyncio.create_task(self.post(number, meant)))
        await asyncio.gather(*posts)

    async def at_full_speed(self, count: int) -> None:
        """Post *count* events, the next as soon as one is answered."""
        numbers = iter(range(count))

        async def lane() -> None:
            for number in numbers:
                await self.post(number, time.perf_counter())

        await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


async def main() -> None:
    """Post as told, and say how it went."""
    given = processes.settings()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        generator = Generator(http, given["hook"], given["prefix"])
        began = time.perf_counter()
        if "rate" in given:
            await generator.steadily(given["rate"], given["seconds"])
        else:
            await generator.at_full_speed(given["count"])
        took = time.perf_counter() - began
    processes.say(
        count=len(generator.waits),
        refused=generator.refused,
        took=took,
        p50=percentile(generator.waits, 0.5),
        p99=percentile(generator.waits, 0.99),
        worst=max(generator.waits),
    )


if __name__ == "__main__":
    asyncio.run(main())
