"""Keep below Microsoft's rates: nine tenths of what one app may send in a tenant and in one conversation."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tertulia import Limiter, Window
from tertulia_teams.references import Reference

CONVERSATION = (Window(6, 1.0, 3), Window(7, 2.0, 4), Window(54, 30.0, 10), Window(1620, 3600.0, 60))
"""Sends and creations in one conversation: 7 in 1 s, 8 in 2 s, 60 in 30 s and 1800 in an hour are allowed."""
ROSTER = (Window(12, 1.0, 6), Window(14, 2.0, 7), Window(108, 30.0, 20), Window(3240, 3600.0, 100))
"""Reading members: 14 in 1 s, 16 in 2 s, 120 in 30 s and 3600 in an hour are allowed."""
GRAPH = (Window(27, 1.0, 3),)
"""Installing apps in a tenant: 30 in 1 s are allowed."""
RECENT = 20
CHATS = 10_000
SOON = 0.02


def tenant_windows(rate: int) -> tuple[Window, ...]:
    """Return nine tenths of *rate* a second, evenly spread."""
    return (Window(max(1, rate * 9 // 10), 1.0),)


class Rates:
    """Let calls pass as the platform's windows allow.

    A shared conversation's windows are shared among all workers, in one step with the tenant's. A chat with one
    person gets a few messages a day, so its windows are kept in this process: a row in the database for each of ten
    thousand members would cost more than it saves.
    """

    def __init__(self, limiter: Limiter, tenant: str, rate: int, now: Callable[[], float] = time.monotonic):
        self._limiter, self._now = limiter, now
        self.tenant = f"tenant:{tenant}"
        self._tenant_windows = tenant_windows(rate)
        self._chats: dict[str, deque[float]] = {}
        self._rate, self._aloft = rate, 0
        self._departed: deque[float] = deque()
        self._landed: deque[float] = deque()
        self._refused: deque[bool] = deque(maxlen=RECENT)

    @asynccontextmanager
    async def send(self, to: Reference) -> AsyncIterator[None]:
        """Wait until one message fits; it is on its way until the context ends."""
        if to.personal:
            await self._chat(to.conversation)
            await self._limiter.acquire({self.tenant: self._tenant_windows})
        else:
            key = f"conversation:{to.conversation}"
            await self._limiter.acquire({self.tenant: self._tenant_windows, key: CONVERSATION})
        async with self._flight():
            yield

    @asynccontextmanager
    async def create(self) -> AsyncIterator[None]:
        """Wait until one conversation may be created."""
        await self._limiter.acquire({self.tenant: self._tenant_windows})
        async with self._flight():
            yield

    @asynccontextmanager
    async def read(self, conversation: str) -> AsyncIterator[None]:
        """Wait until one page of members may be read."""
        await self._limiter.acquire({self.tenant: self._tenant_windows, f"roster:{conversation}": ROSTER})
        async with self._flight():
            yield

    async def install(self) -> None:
        """Wait until one app may be installed through Graph."""
        await self._limiter.acquire({f"graph:{self.tenant}": GRAPH})

    def answered(self, *, too_many: bool) -> str | None:
        """Note an answer, and return the key that everybody must wait for if the whole tenant is refused.

        One refusal among many answers is one conversation's; when half of the last ones were refused, it is the
        tenant's.
        """
        self._refused.append(too_many)
        everyone = too_many and len(self._refused) == RECENT and sum(self._refused) * 2 >= RECENT
        return self.tenant if everyone else None

    @asynccontextmanager
    async def _flight(self) -> AsyncIterator[None]:
        """Let one request go when it cannot exceed the tenant's limit, however late it arrives.

        A stall of this process, or of the network, bunches what has left already. A request arrives between leaving
        and its answer; so if those that are under way and those answered within the last second are together fewer
        than the limit, no second at the other end has more.
        """
        await self._depart()
        self._aloft += 1
        try:
            yield
        finally:
            self._aloft -= 1
            self._landed.append(self._now())

    async def _depart(self) -> None:
        allowed = self._tenant_windows[0].count
        while True:
            now = self._now()
            for passed in (self._departed, self._landed):
                while passed and now - passed[0] >= 1.0:
                    passed.popleft()
            if len(self._departed) >= allowed:
                await asyncio.sleep(self._departed[0] + 1.0 - now)
            elif self._aloft + len(self._landed) >= self._rate:
                await asyncio.sleep(self._landed[0] + 1.0 - now if self._landed else SOON)
            else:
                self._departed.append(now)
                return

    async def _chat(self, conversation: str) -> None:
        sent = self._chats.get(conversation)
        if sent is None:
            if len(self._chats) >= CHATS:
                self._forget()
            sent = self._chats[conversation] = deque(maxlen=CONVERSATION[-1].count)
        while True:
            wait = self._wait(sent)
            if wait <= 0:
                break
            await asyncio.sleep(wait)
        sent.append(self._now())

    def _wait(self, sent: deque[float]) -> float:
        now = self._now()
        return max(
            (sent[-window.count] + window.seconds - now for window in CONVERSATION if len(sent) >= window.count),
            default=0.0,
        )

    def _forget(self) -> None:
        before = self._now() - CONVERSATION[-1].seconds
        kept = {chat: sent for chat, sent in self._chats.items() if sent and sent[-1] > before}
        # if ten thousand chats were busy within the hour, the least recent half is forgotten all the same
        recent = sorted(kept, key=lambda chat: kept[chat][-1])[-CHATS // 2 :]
        self._chats = {chat: kept[chat] for chat in recent}
