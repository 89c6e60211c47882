"""Processes that a benchmark starts, talks to by lines, and whose processor time it reads."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 1800.0


class Process:
    """Talk to a process of ours: it says JSON lines and is told lines."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process
        self.pid = process.pid

    async def said(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the next thing that the process says."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the benchmark ended with {await self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self, line: str) -> None:
        """Say *line* to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def end(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def started(module: str, settings: Mapping[str, Any]) -> AsyncIterator[Process]:
    """Run `python -m module` with *settings* as JSON, and end it afterwards."""
    process = Process(
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            json.dumps(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
    )
    try:
        yield process
    finally:
        await process.end()


def settings() -> dict[str, Any]:
    """Return what `started` gave to this process."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def say(**values: Any) -> None:
    """Say *values* to the benchmark that started this process."""
    print(json.dumps(values), flush=True)


def commands() -> asyncio.Queue[str]:
    """Return the lines that this process is told, as they come."""
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        line = sys.stdin.readline()
        if not line:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        lines.put_nowait(line.strip() or "stop")

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), read)
    return lines


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children, dead or alive; 0 where there is no /proc."""
    try:
        own = _fields(pid)
    except OSError:
        return 0.0
    total = sum(int(own[index]) for index in (13, 14, 15, 16))
    for child in _children(pid):
        try:
            fields = _fields(child)
        except OSError:
            continue
        total += int(fields[13]) + int(fields[14])
    return total / TICKS


def memory_mb(pid: int) -> float | None:
    """Return the resident memory of a process in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), None)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def _fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    # the command's name may hold spaces
    return ["", "", *text.rpartition(") ")[2].split()]
