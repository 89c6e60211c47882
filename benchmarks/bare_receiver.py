"""The reference of the intake: a handler that only verifies the signature."""

from __future__ import annotations

import asyncio
import hmac
import time
from hashlib import sha256

from aiohttp import web

from benchmarks import processes

BEGAN = time.time()


async def main() -> None:
    """Answer until told to stop."""
    secret = processes.settings().get("secret", "").encode()

    async def handle(request: web.Request) -> web.Response:
        timestamp, event = request.headers["loopback-timestamp"], request.headers["loopback-event"]
        signed = b".".join((timestamp.encode(), event.encode(), await request.read()))
        expected = hmac.new(secret, signed, sha256).hexdigest()
        fits = hmac.compare_digest(expected, request.headers["loopback-signature"])
        return web.Response(status=200 if fits and abs(int(timestamp) - time.time()) < 300 else 401)

    app = web.Application()
    app.router.add_post("/hook", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    processes.say(hook=f"http://127.0.0.1:{runner.addresses[0][1]}/hook", ready=time.time() - BEGAN)
    commands = processes.commands()
    before = time.process_time()
    while (command := await commands.get()) != "stop":
        if command == "cpu":
            processes.say(cpu=time.process_time() - before)
            before = time.process_time()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
