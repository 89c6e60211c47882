"""One round to many: sends per second, what they cost, and how soon they begin."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import processes, report
from benchmarks.processes import Process
from benchmarks.setting import OPENS, SECRET, Databases, Setting, core, populate, setting
from tertulia.delivery.shards import LANES
from tertulia.domain.identifiers import new_id
from tertulia.services import prompts, rounds
from tertulia.storage import programs
from tertulia.testing.loopback import written

CONNECTIONS = 100
"""What a plugin's session opens at once."""
AT_ONCE = min(4 * LANES, CONNECTIONS)
COLUMNS = (
    "recipients, database × processes",
    "sends/s",
    "bare/s",
    "ratio",
    "CPU s/1k",
    "its PG part",
    "bare CPU",
    "KB/1k",
    "first s",
    "planned s",
    "lag p99 ms",
    "max ms",
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Hold what a fan-out showed."""

    sent: dict[str, Any]
    began: float
    planned: float
    cpu: float
    database_cpu: float
    growth: float
    lag: float
    worst: float


async def measure(sizes: list[int], databases: Databases) -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = []
    async with processes.started("benchmarks.stand_in", {}) as stand_in:
        url = (await stand_in.said())["url"]
        for size in sizes:
            for kind, workers in databases.workers():
                with setting(kind, databases) as where:
                    body = await prepare(where, size, url)
                    before = await bare(stand_in, url, body, size)
                    run = await fan_out(where, stand_in, size, workers)
                    after = await bare(stand_in, url, body, size)
                rate, cpu = ((one + other) / 2 for one, other in zip(before, after, strict=True))
                rows.append(_row(f"{size:,} {kind} × {workers}", size, run, rate, cpu))
                report.say("  ".join(rows[-1]))
    report.show("fan-out of one round over HTTP, no limit", COLUMNS, rows)


async def prepare(where: Setting, size: int, url: str, rate: int | None = None) -> str:
    """Write an organization with its planned round, and return what is asked of each member."""
    async with core(where) as runtime:
        town = await populate(runtime, size, url=url, rate=rate)
        async with runtime.database.read() as tx:
            planned = (await rounds.recent(tx, town.organization, town.workspace))[0]
            program = await programs.current(tx, town.organization, town.workspace)
        assert program is not None
        kind = runtime.plugins.ritual(planned.kind)
        opened = replace(planned, content=dict(_content(kind)))
        shown = prompts.compose(runtime, opened, program.practices[0], person=new_id(), language="en")
    return json.dumps(written(shown))


def _content(kind: Any) -> Any:
    from tertulia.extension import RoundRequest

    request = RoundRequest(
        practice="daily", options=kind.options(), occurrence="2026-11-23T09:00", group_size=1, seed=1, used=()
    )
    return kind.prepare(request).content


async def bare(stand_in: Process, url: str, body: str, size: int) -> tuple[float, float]:
    """Return the bare loop's sends per second and its processor seconds per 1,000."""
    headers = {"authorization": f"Bearer {SECRET}"}
    given = {"url": url, "body": body, "headers": headers, "count": min(size, 20_000), "at_once": AT_ONCE}
    async with processes.started("benchmarks.bare_sender", given) as sender:
        took = (await sender.said())["cpu"]
    stand_in.tell("report")
    came = await stand_in.said()
    return came["count"] / (came["last"] - came["first"]), took / came["count"] * 1000


async def fan_out(where: Setting, stand_in: Process, size: int, workers: int) -> Run:
    """Open the prepared round in *workers* processes, and wait until everybody was written to."""
    async with AsyncExitStack() as stack:
        running: list[Process] = []
        for number in range(workers):
            values = where.values(serves=number == 0, first=number == 0, opens=OPENS.isoformat())
            worker = await stack.enter_async_context(processes.started("benchmarks.worker", values))
            await worker.said()
            running.append(worker)
        before, database = where.size_kb(), where.database_cpu()
        began = time.time()
        for worker in running:
            worker.tell("go")
        planned = (await running[0].said())["planned"] - began
        await _arrived(stand_in, size)
        spent = await _stop(running)
        database = where.database_cpu() - database
    stand_in.tell("report")
    sent = await stand_in.said()
    assert sent["once"] == size, f"{size - sent['once']} of {size} got nothing"
    return Run(
        sent=sent,
        began=began,
        planned=planned,
        cpu=sum(one["cpu"] for one in spent),
        database_cpu=database,
        growth=where.size_kb() - before,
        lag=max(one["lag"] for one in spent),
        worst=max(one["worst"] for one in spent),
    )


async def _stop(running: list[Process]) -> list[dict[str, Any]]:
    """Ask for what was spent, and stop."""
    spent: list[dict[str, Any]] = []
    for worker in running:
        worker.tell("cpu")
        spent.append(await worker.said())
    for worker in running:
        worker.tell("stop")
    for worker in running:
        await worker.said()
    return spent


async def _arrived(stand_in: Process, size: int) -> None:
    seen, since = 0, time.monotonic()
    while seen < size:
        await asyncio.sleep(0.1)
        stand_in.tell("count")
        count = (await stand_in.said())["count"]
        if count > seen:
            seen, since = count, time.monotonic()
        elif time.monotonic() > since + 120:
            raise RuntimeError(f"only {seen} of {size} arrived, and none for two minutes")
    # what finished is committed
    await asyncio.sleep(0.5)


def _row(name: str, size: int, run: Run, reference: float, reference_cpu: float) -> tuple[str, ...]:
    rate = run.sent["count"] / (run.sent["last"] - run.sent["first"])
    return (
        name,
        report.number(rate),
        report.number(reference),
        report.ratio(rate, reference),
        report.number((run.cpu + run.database_cpu) / size * 1000, 2),
        report.number(run.database_cpu / size * 1000, 2),
        report.number(reference_cpu, 2),
        report.number(run.growth / size * 1000),
        report.number(run.sent["first"] - run.began, 1),
        report.number(run.planned, 1),
        report.number(run.lag * 1000),
        report.number(run.worst * 1000),
    )
