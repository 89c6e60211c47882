"""The platform as a process of its own; it tells when its messages arrived."""

from __future__ import annotations

import asyncio

from benchmarks import processes
from benchmarks.setting import SECRET
from tertulia.testing.loopback_server import LoopbackServer, most_in_any_window


async def main() -> None:
    """Serve until told to stop; `report` tells what arrived since the last one, and forgets it."""
    async with LoopbackServer(secret=SECRET, keep=False) as server:
        processes.say(url=server.url)
        commands = processes.commands()
        while (command := await commands.get()) != "stop":
            if command == "count":
                processes.say(count=len(server.journal))
            elif command == "report":
                came = [arrival.wall for arrival in server.journal]
                once = len({arrival.key for arrival in server.journal})
                processes.say(
                    count=len(came),
                    once=once,
                    first=min(came, default=0.0),
                    last=max(came, default=0.0),
                    peak=most_in_any_window(came),
                )
                server.journal.clear()


if __name__ == "__main__":
    asyncio.run(main())
