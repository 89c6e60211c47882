"""How long a service takes to be there, and the memory it holds then."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks import processes, report
from benchmarks.setting import OPENS, Databases, setting

COLUMNS = ("what", "seconds", "memory MB")
REPEATS = 3


async def measure() -> None:
    """Print the table."""
    rows = [
        ("import of aiohttp, SQLAlchemy and DBOS", _imported("aiohttp.web, sqlalchemy.ext.asyncio, dbos"), "-"),
        ("import of the service", _imported("tertulia.cli.serving, tertulia.web.app"), "-"),
        ("bare aiohttp handler, until it answers", *await _until_ready("benchmarks.bare_receiver", {})),
    ]
    with setting("SQLite", Databases(kinds=("SQLite",), postgresql=None)) as where:
        values = where.values(serves=True, first=False, opens=OPENS.isoformat())
        rows.append(("service on a new database, until it answers", *await _until_ready("benchmarks.worker", values)))
        rows.append(("service on its database, until it answers", *await _until_ready("benchmarks.worker", values)))
    report.show("start", COLUMNS, rows)


def _imported(modules: str) -> str:
    took: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
        took.append(time.perf_counter() - began)
    return report.number(statistics.median(took), 2)


async def _until_ready(module: str, values: dict[str, object]) -> tuple[str, str]:
    began = time.perf_counter()
    async with processes.started(module, values) as process:
        await process.said()
        took = time.perf_counter() - began
        memory = processes.memory_mb(process.pid)
        process.tell("stop")
    return report.number(took, 2), report.number(memory)
