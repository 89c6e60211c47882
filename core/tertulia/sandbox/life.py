"""Let the sandbox live: drive the clock, let the invented members answer, and count what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from tertulia.sandbox.drive import drive
from tertulia.sandbox.town import Town
from tertulia.web.mailbox import Mail

AT_ONCE = 8


class Life:
    """Drive one town; only one drive runs at a time."""

    def __init__(self, town: Town):
        self.town = town
        self.answers = 0
        self._read = 0
        self._lock = asyncio.Lock()
        self.drives: set[asyncio.Task[None]] = set()

    async def until(self, instant: datetime) -> AsyncIterator[datetime]:
        """Live up to *instant*, and yield each moment at which something happened."""
        async with self._lock:
            async for at in drive(self.town.runtime, self.town.clock, instant):
                await self._answer()
                yield at

    async def go_on(self, by: timedelta) -> None:
        """Live on for *by*."""
        async for _ in self.until(self.town.clock.now() + by):
            pass

    @property
    def busy(self) -> bool:
        """Tell whether the clock is being driven."""
        return self._lock.locked()

    async def _answer(self) -> None:
        mails = [mail for mail in self.town.mailbox.messages() if mail.number > self._read]
        self._read = max([self._read, *(mail.number for mail in mails)])
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(mail: Mail) -> bool:
            neighbour = self.town.neighbours.get(mail.recipient)
            if neighbour is None or mail.link is None:
                return False
            async with gate:
                return await neighbour.read(mail.link, self.town.runtime.config.public_url)

        self.answers += sum(await asyncio.gather(*(one(mail) for mail in mails)))
