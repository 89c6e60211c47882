"""The reference of a fan-out: a loop that only sends the same requests, from a list in memory."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from benchmarks import processes


async def main() -> None:
    """Send as many requests as wished, so many at once, and say what it took."""
    given = processes.settings()
    body, waiting = given["body"].encode(), iter(range(given["count"]))
    before = time.process_time()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=given["at_once"])) as http:

        async def lane() -> None:
            for number in waiting:
                headers = {**given["headers"], "loopback-key": f"bare{number:028}", "loopback-to": f"u{number}"}
                async with http.post(f"{given['url']}/ask", data=body, headers=headers) as response:
                    await response.read()

        await asyncio.gather(*(lane() for _ in range(given["at_once"])))
    processes.say(cpu=time.process_time() - before)


if __name__ == "__main__":
    asyncio.run(main())
