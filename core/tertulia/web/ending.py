"""Let no request outlive the service: the server cancels what takes too long, and waits no further."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler as Next

GRACE = 1.0
"""Real seconds that requests get to come to their end; nobody waits for their answers any more."""

RUNNING = web.AppKey("running", set[asyncio.Task[Any]])


def attach(app: web.Application) -> None:
    """End what still runs once the server has stopped, before anything is closed that it uses."""
    app[RUNNING] = set()
    app.on_cleanup.append(_end)


@web.middleware
async def track(request: web.Request, handler: Next) -> web.StreamResponse:
    """Know the request while it is handled."""
    task = asyncio.current_task()
    if task is None:
        return await handler(request)
    request.app[RUNNING].add(task)
    try:
        return await handler(request)
    finally:
        request.app[RUNNING].discard(task)


async def _end(app: web.Application) -> None:
    running = app[RUNNING]
    if not running:
        return
    _, left = await asyncio.wait(set(running), timeout=GRACE)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
