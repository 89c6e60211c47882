"""How long the overview of an organization takes over HTTP, warm, beside the reads that it is made of."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from benchmarks import report
from benchmarks.published_year import Year, publish
from benchmarks.setting import Databases, Kind, Town, core, populate, setting
from tertulia.domain.clock import SystemClock
from tertulia.measures.components import COMPONENTS
from tertulia.runtime import Runtime
from tertulia.services import overview_sources, people
from tertulia.web import app, sessions

COLUMNS = ("database, what", "p50 ms", "p95 ms", "CPU ms", "KB", "reads alone p50 ms", "ratio", "rows kept")
PAGES = (("page", ""), ("JSON", ".json"), ("one part", f"/{COMPONENTS[0].key}"))
WARM = 3
AIM = 300.0
"""Milliseconds that the page of 10,000 members and 52 weeks may take at the 95th percentile."""


def level(key: str, part: float) -> float:
    """Return how a measure goes in a year in which some things change."""
    fallen = 0.12 * max(0.0, part - 0.8)
    by_key = {"reach": 62 + 6 * part, "ei_team": 0.05 - fallen, "reach_difference": 7, "burden_spread": 20}
    return by_key.get(key, 0.1 + 0.05 * math.sin(6 * part) if key.startswith("ei") else 9.0)


def share(name: str, part: float) -> float:
    """Return how an instrument goes in the same year."""
    return {"belonging": 0.6 + 0.1 * max(0.0, part - 0.7), "recommendation": 0.45}.get(name, 0.7)


async def measure(members: int, weeks: int, requests: int, databases: Databases) -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = []
    for kind in databases.kinds:
        with setting(kind, databases) as where:
            async with core(where) as runtime:
                town = await populate(runtime, members, url="http://127.0.0.1:1")
                kept = await publish(runtime, town, members, Year(share=share, level=level, weeks=weeks))
                rows += await _measured(runtime, town, kind, kept, requests)
    title = f"overview, {members:,} members, {weeks} weeks, warm (aim: page p95 under {AIM:.0f} ms)"
    report.show(f"{title}; CPU of service and client, without PostgreSQL's own", COLUMNS, rows)


async def _measured(runtime: Runtime, town: Town, kind: Kind, kept: int, requests: int) -> list[tuple[str, ...]]:
    runner = app.runner(app.build(runtime))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", runtime.config.port)
    await site.start()
    found: list[tuple[str, ...]] = []
    try:
        cookie = await _session(runtime, town)
        async with aiohttp.ClientSession(cookies=cookie, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            reads = await _timed(lambda: _reads(runtime, town), requests)
            for name, ending in PAGES:
                url = f"{runtime.config.public_url}/workspaces/{town.workspace}/overview{ending}"
                size = 0

                async def get(url: str = url) -> None:
                    nonlocal size
                    async with client.get(url) as answer:
                        assert answer.status == 200, answer.status
                        size = len(await answer.read())

                began = time.process_time()
                took = await _timed(get, requests)
                cpu = 1000 * (time.process_time() - began) / (requests + WARM)
                p50, p95 = report.percentile(took, 0.5), report.percentile(took, 0.95)
                base = report.percentile(reads, 0.5)
                found.append(
                    (
                        f"{kind}, {name}",
                        report.number(p50, 1),
                        report.number(p95, 1),
                        report.number(cpu, 1),
                        report.number(size / 1024, 1),
                        report.number(base, 1),
                        report.ratio(p50, base),
                        report.number(kept),
                    )
                )
    finally:
        await runner.cleanup()
    return found


async def _session(runtime: Runtime, town: Town) -> dict[str, str]:
    who = town.persons[0]
    async with runtime.database.write() as tx:
        await people.grant(runtime, tx, town.organization, town.workspace, who, "owner", actor="benchmark")
        secret = await sessions.open_for_member(runtime, tx, town.organization, who, SystemClock().now())
    return {sessions.cookie_name(runtime.config): secret}


async def _reads(runtime: Runtime, town: Town) -> None:
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        await overview_sources.surveys(tx, town.organization, town.workspace, now)
        await overview_sources.measures(tx, town.organization, town.workspace)


async def _timed(call: Callable[[], Awaitable[None]], requests: int) -> list[float]:
    """Return milliseconds of *requests* calls, after some that warm up."""
    for _ in range(WARM):
        await call()
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0)
    return took
