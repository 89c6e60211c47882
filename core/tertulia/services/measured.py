"""Every family of measures that there is, and the loop that publishes them."""

from __future__ import annotations

import asyncio

from tertulia.delivery.pausing import pause
from tertulia.runtime import Runtime
from tertulia.services import measuring, participation_measures, ties, turnover_measures
from tertulia.services.measuring import Kind

KINDS: tuple[Kind, ...] = (participation_measures.KIND, ties.KIND, turnover_measures.KIND)
"""In the order in which they are published."""
TICK = 1.0
PATIENCE = 60.0
"""Seconds until what failed is tried again."""


async def watch(runtime: Runtime, stop: asyncio.Event) -> None:
    """Publish every period that ends by the rounds' clock, until *stop*."""
    while not stop.is_set():
        failed = await measuring.publish_due(runtime, KINDS)
        await pause(stop, PATIENCE if failed else TICK)
