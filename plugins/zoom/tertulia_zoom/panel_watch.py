"""Watch a meeting once for all the panels that are open in it.

Panels ask for news and wait. One of those requests looks, the others wait for what it sees; so nothing goes on when
no panel is open, and nothing must be stopped.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass

from tertulia import Context, Counts, Id, Refused

IDLE = 2.0
"""Real seconds between two looks whether a session has begun: another process may have opened it."""


@dataclass(frozen=True)
class Seen:
    """Hold how a meeting stands; *number* grows with every change."""

    number: int
    session: Id | None
    counts: Counts | None


class Watch:
    """Follow the sessions of one instance of a meeting, kept under *kept*, as long as panels ask.

    It counts on *after* a number that an earlier one, forgotten since, may have told panels of the same meeting.
    """

    def __init__(self, context: Context, kept: str, *, after: int = 0):
        self._context, self._kept = context, kept
        self.seen = Seen(after, None, None)
        self._looked = False
        self._changed = asyncio.Condition()
        self._nudged = asyncio.Event()
        self._looking = False
        self.waiting = 0
        """How many panels wait for news."""

    def nudge(self) -> None:
        """Look again now: something was done here."""
        self._nudged.set()

    async def after(self, number: int, seconds: float) -> Seen:
        """Return what is newer than *number*, or after so many seconds what there is; for 0 what there is now."""
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                if number == 0 or not self._looked:
                    await self._glance()
                while self.seen.number == number:
                    await self._look_or_wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1
        return self.seen

    async def _glance(self) -> None:
        """See how it stands now: nobody may have looked for a while."""
        session = await self._session()
        counts = None
        if session is not None:
            async with aclosing(self._context.live.watch(session)) as told:  # type: ignore[type-var]  # a generator
                counts = await anext(told, None)
        self._show(session, counts)

    async def _look_or_wait(self) -> None:
        if self._looking:
            async with self._changed:
                await self._changed.wait()
            return
        self._looking = True
        try:
            await self._look()
        finally:
            self._looking = False
            # whoever waits may look now
            async with self._changed:
                self._changed.notify_all()

    async def _look(self) -> None:
        """Wait for one change."""
        self._nudged.clear()
        session = await self._session()
        if session is not None:
            with suppress(Refused):
                async with aclosing(self._context.live.watch(session)) as told:  # type: ignore[type-var]  # a generator
                    async for counts in told:
                        if self._show(session, counts):
                            return
        elif self._show(None, None):
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), IDLE)

    async def _session(self) -> Id | None:
        """Return the last session of this instance: it runs, or its result is still shown."""
        kept = await self._context.store.get(self._kept)
        return kept["session"] if isinstance(kept, dict) else None

    def _show(self, session: Id | None, counts: Counts | None) -> bool:
        if self._looked and (session, counts) == (self.seen.session, self.seen.counts):
            return False
        self._looked = True
        self.seen = Seen(self.seen.number + 1, session, counts)
        return True
