"""Signed webhooks: how many, how soon they are answered, and when all are processed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from benchmarks import processes, report
from benchmarks.processes import Process
from benchmarks.setting import OPENS, SECRET, Databases, Setting, core, populate, setting

RATE = 200
MEMBERS = 1000
COLUMNS = (
    "receiver",
    "events",
    "events/s",
    "p50 ms",
    "p99 ms",
    "max ms",
    "CPU s/1k",
    "all processed after s",
)


async def measure(seconds: int, burst: int, databases: Databases) -> None:
    """Print the two tables: a steady stream, and as fast as the answers come."""
    steady: list[tuple[str, ...]] = []
    full: list[tuple[str, ...]] = []
    async with processes.started("benchmarks.bare_receiver", {"secret": SECRET}) as bare:
        hook = (await bare.said())["hook"]
        for rows, load in ((steady, {"rate": RATE, "seconds": seconds}), (full, {"count": burst})):
            sent = await _generate(hook, load)
            rows.append(_row("bare: verifies only", sent, await _cpu(bare), None))
    for kind in databases.kinds:
        with setting(kind, databases) as where:
            installation = await _prepare(where)
            values = where.values(serves=True, first=False, opens=OPENS.isoformat())
            async with processes.started("benchmarks.worker", values) as service:
                await service.said()
                hook = await _connect(where, installation)
                for rows, load in ((steady, {"rate": RATE, "seconds": seconds}), (full, {"count": burst})):
                    service.tell("reset")
                    database = where.database_cpu()
                    sent = await _generate(hook, load)
                    after = await _processed(service)
                    cpu = await _cpu(service) + where.database_cpu() - database
                    rows.append(_row(kind, sent, cpu, after))
                service.tell("stop")
                await service.said()
    report.show(f"intake of {RATE} signed webhooks per second, answered from the instant meant", COLUMNS, steady)
    report.show("intake at full speed, 64 at once", COLUMNS, full)


async def _prepare(where: Setting) -> str:
    async with core(where) as runtime:
        return (await populate(runtime, MEMBERS, url="http://127.0.0.1:1")).installation


async def _connect(where: Setting, installation: str) -> str:
    url = f"http://127.0.0.1:{where.port}/plugins/loopback/{installation}/connect"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, headers={"authorization": f"Bearer {SECRET}"}) as response,
    ):
        response.raise_for_status()
        return str((await response.json())["hook"])


async def _generate(hook: str, load: Mapping[str, float]) -> dict[str, Any]:
    given = {"hook": hook, "prefix": "-".join(load), **load}
    async with processes.started("benchmarks.generator", given) as generator:
        sent = await generator.said()
    assert not sent["refused"], f"{sent['refused']} events were refused"
    return sent


async def _processed(service: Process) -> float:
    began = time.monotonic()
    while True:
        service.tell("waiting")
        if not (await service.said())["waiting"]:
            return time.monotonic() - began
        await asyncio.sleep(0.05)


async def _cpu(process: Process) -> float:
    process.tell("cpu")
    return float((await process.said())["cpu"])


def _row(name: str, sent: dict[str, Any], cpu: float, after: float | None) -> tuple[str, ...]:
    return (
        name,
        report.number(sent["count"]),
        report.number(sent["count"] / sent["took"]),
        report.number(sent["p50"] * 1000, 1),
        report.number(sent["p99"] * 1000, 1),
        report.number(sent["worst"] * 1000, 1),
        report.number(cpu / sent["count"] * 1000, 2),
        report.number(after, 2),
    )
