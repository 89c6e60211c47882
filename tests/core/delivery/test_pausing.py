"""The pause between two looks of a loop."""

from __future__ import annotations

import asyncio

from tertulia.delivery.pausing import pause


async def test_a_pause_ends_by_itself() -> None:
    await pause(asyncio.Event(), 0.0)


async def test_a_pause_ends_when_it_is_told_to() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(pause(stop, 3600.0))
    stop.set()
    async with asyncio.timeout(60):
        await waiting
