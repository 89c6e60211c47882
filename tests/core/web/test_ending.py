"""A request whose browser went away ends before the service does."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tertulia.web import ending


async def test_a_request_that_nobody_waits_for_ends_with_the_service() -> None:
    begun: asyncio.Future[web.Request] = asyncio.get_running_loop().create_future()
    ended = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        begun.set_result(request)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    app = web.Application(middlewares=[ending.track])
    ending.attach(app)
    app.router.add_get("/news", wait)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"GET /news HTTP/1.1\r\nHost: localhost\r\n\r\n")
    request = await begun
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(60):
        while request.transport is not None:  # noqa: ASYNC110 - aiohttp tells nobody that a browser went away
            await asyncio.sleep(0.01)
    assert not ended.is_set()
    await runner.cleanup()
    assert ended.is_set()
