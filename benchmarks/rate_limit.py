"""A platform that allows 50 calls per second, and a limiter set to nine tenths of that."""

from __future__ import annotations

from benchmarks import fan_out, processes, report
from benchmarks.setting import Databases, setting

ALLOWED = 50
RATE = 45
COLUMNS = (
    "database × processes",
    "calls",
    "seconds",
    "calls/s",
    "limiter's rate",
    "used %",
    "most in any second",
    "allowed",
    "CPU s/1k",
)


async def measure(seconds: int, databases: Databases) -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = []
    size = RATE * seconds
    async with processes.started("benchmarks.stand_in", {}) as stand_in:
        url = (await stand_in.said())["url"]
        for kind, workers in databases.workers():
            with setting(kind, databases) as where:
                await fan_out.prepare(where, size, url, rate=RATE)
                run = await fan_out.fan_out(where, stand_in, size, workers)
            took = run.sent["last"] - run.sent["first"]
            rate = (size - 1) / took
            cpu = (run.cpu + run.database_cpu) / size * 1000
            rows.append(
                (
                    f"{kind} × {workers}",
                    report.number(size),
                    report.number(took, 1),
                    report.number(rate, 1),
                    report.number(RATE),
                    report.number(rate / RATE * 100, 1),
                    report.number(run.sent["peak"]),
                    report.number(ALLOWED),
                    report.number(cpu, 2),
                )
            )
    report.show("fan-out at a platform's limit", COLUMNS, rows)
