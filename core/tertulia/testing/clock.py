"""A clock that tests and the sandbox drive."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta


class DrivenClock:
    """Tell the instant it was last set to; safe to drive from another thread than the one that waits."""

    def __init__(self, start: datetime):
        self._now = _aware(start)
        self._lock = threading.Lock()
        self._waiting: list[tuple[datetime, asyncio.AbstractEventLoop, asyncio.Event]] = []

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> datetime:
        """Go on by *by* and return the new instant."""
        with self._lock:
            self._now += by
            return self._wake()

    def set(self, instant: datetime) -> datetime:
        """Jump to *instant*, which may be earlier: clocks are set back, too."""
        with self._lock:
            self._now = _aware(instant)
            return self._wake()

    async def wait_until(self, instant: datetime) -> None:
        """Wait until somebody drives the clock to *instant* or beyond."""
        reached = asyncio.Event()
        with self._lock:
            if self._now >= instant:
                return
            waiter = (instant, asyncio.get_running_loop(), reached)
            self._waiting.append(waiter)
        try:
            await reached.wait()
        finally:
            with self._lock:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)

    def _wake(self) -> datetime:
        for instant, loop, reached in self._waiting:
            if self._now >= instant and not loop.is_closed():
                loop.call_soon_threadsafe(reached.set)
        return self._now


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a clock needs an aware instant: give it a time zone, such as datetime.UTC")
    return instant.astimezone(UTC)
