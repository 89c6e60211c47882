"""Wait for an event, but not for ever: the pause between two looks of a loop."""

from __future__ import annotations

import asyncio


async def pause(until: asyncio.Event, seconds: float) -> None:
    """Return once *until* is set, and after *seconds* of real time at the latest."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return
