"""Processes of the service, for tests that kill them: a nursery with all imports done forks one per line it reads.

A line names the specification, the port and the file in which the process says `<pid>`, `ready` and, after a stop by
SIGTERM, `ended`. Its clock is read from a file, so that several processes share one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.delivery.timing import Timing
from tertulia.service import Service
from tertulia.testing import loopback
from tertulia.web import app


class FileClock:
    """Tell the instant that a file holds."""

    def __init__(self, path: Path):
        self._path = path

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.fromisoformat(self._path.read_text())


def config_of(specification: dict[str, Any], port: int) -> Config:
    """Return the configuration that the test wrote."""
    paths = {name: Path(specification["config"][name]) for name in ("keys_file", "keystore")}
    return replace(Config(**{**specification["config"], **paths, "plugins": frozenset()}), port=port)


async def work(specification: dict[str, Any], port: int, diary: Path) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runtime = await bootstrap.build(
        config_of(specification, port),
        clock=FileClock(Path(specification["clock"])),
        extra_plugins={"loopback": loopback},
        migrate=False,
    )
    runtime.timing = Timing(**specification["timing"])
    service = Service(runtime, tick=0.05)
    await service.start()
    note(diary, "ready")
    await stop.wait()
    await service.stop()
    await bootstrap.close(runtime)
    note(diary, "ended")


def note(diary: Path, word: str) -> None:
    """Add a word to a process's diary."""
    with diary.open("a") as file:
        file.write(word + "\n")


def main() -> None:
    """Fork a process per line until standard input ends."""
    assert app.build
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        specification, port, diary = line.split()
        if os.fork() == 0:
            note(Path(diary), str(os.getpid()))
            asyncio.run(work(json.loads(Path(specification).read_text()), int(port), Path(diary)))
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(process)d %(name)s %(message)s")
    logging.getLogger("tertulia.plugins").setLevel(logging.ERROR)  # it names every plugin that may not load
    main()
