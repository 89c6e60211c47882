"""Tell the stand-in where to send events, which at Zoom somebody enters in the Marketplace."""

from __future__ import annotations

import aiohttp

from tertulia import Context
from tertulia_zoom.chatbot_route import ENDPOINT
from tertulia_zoom.config import Settings


async def tell_stand_in(context: Context, events: str) -> None:
    """Tell a stand-in the address for *events* and the bot's own; at Zoom nothing is told."""
    settings: Settings = context.settings
    if settings.stand_in is None:
        return
    body = {"events": events, "bot": context.public_url + ENDPOINT, "panel": f"{context.public_url}/panel"}
    timeout = aiohttp.ClientTimeout(total=settings.timeout)
    try:
        async with context.http.put(f"{settings.stand_in}/stand-in/addresses", json=body, timeout=timeout):
            pass
    except (aiohttp.ClientError, TimeoutError, ConnectionError):
        return  # the next reading of the directory tells it
