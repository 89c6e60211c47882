"""How long the pages of a large organization take over HTTP: each of them, then the heaviest with many readers."""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import aiohttp
import psycopg
import sqlalchemy as sa
from aiohttp import web

from benchmarks import processes, report
from benchmarks.half_year import PROGRAM, live
from benchmarks.overview import level, share
from benchmarks.published_year import Year, publish
from benchmarks.setting import BEFORE, Databases, Kind, Setting, Town, core, populate, setting
from tertulia.domain.clock import SystemClock
from tertulia.domain.identifiers import Id
from tertulia.measures.components import COMPONENTS
from tertulia.runtime import Runtime
from tertulia.services import measured, measuring, people
from tertulia.storage.tables import round_table
from tertulia.web import access, app, sessions

AIM, MEMORY, HEAVIEST, READERS = 300.0, 400.0, 3, 50
"""Milliseconds at the 95th percentile for that many readers of each of the heaviest pages; MB of the server."""
PAUSE = 10.0
"""Seconds that a reader looks at a page before opening it again, on average."""
WARM = 3
ROLES, RESPONDERS = ("owner", "admin", "host", "analyst", "responder"), 2
EACH = ("database, page", "answer", "KB", "first ms", "warm ms", "CPU ms")
COLUMNS = (
    "page",
    "cold",
    "warm p50",
    "p95",
    "CPU",
    "SQL p50",
    "SQL",
    "50 p50",
    "p95",
    "now p50",
    "p95",
    "pages/s",
    "MB",
)
"""Milliseconds; *SQL* counts the statements. *50* pause between two pages, *now* they do not."""


@dataclass(frozen=True)
class Place:
    """Hold what the benchmark reads: the paths, and the session of each reader."""

    paths: dict[str, str]
    cookies: list[dict[str, str]]


async def measure(members: int, rounds: int, requests: int, databases: Databases) -> None:
    """Print what each page takes, and what the heaviest take."""
    rows: list[tuple[str, ...]] = []
    title = f"pages, {members:,} members × {rounds} rounds and as many surveys"
    for kind in databases.kinds:
        with setting(kind, databases) as where:
            place = await _settle(where, members, rounds)
            found = await _each(where, place)
            each = [_each_row(kind, *one) for one in found]
            report.show(f"{title}, one reader, the costliest first", EACH, each)
            shown = [name for name, status, *_ in found if status == 200 and not name.endswith(".json")]
            for name in shown[:HEAVIEST]:
                rows.append(await _heaviest(where, kind, place, name, requests))
                report.say("  ".join(rows[-1]))
    aim = f"aim: p95 under {AIM:.0f} ms with {READERS} readers, memory under {MEMORY:.0f} MB"
    report.show(f"the heaviest of them ({aim}; a reader opens a page every {PAUSE:.0f} s)", COLUMNS, rows)


async def _settle(where: Setting, members: int, rounds: int) -> Place:
    """Keep half a year of an organization, give every reader a role, and find the pages."""
    async with core(where) as runtime:
        town = await populate(runtime, members, url="http://127.0.0.1:1", program=PROGRAM)
        await publish(runtime, town, members, Year(share=share, level=level, weeks=rounds))
        asked = await live(runtime, town, rounds)
        # what a service publishes in the background now and then must not run in the middle of a measurement
        await measuring.publish_due(runtime, measured.KINDS)
        cookies = [
            await _session(runtime, town, one, ROLES if number < RESPONDERS else ROLES[:-1])
            for number, one in enumerate(town.persons[:READERS])
        ]
        return Place(paths=await _paths(runtime, town, asked), cookies=cookies)


async def _session(runtime: Runtime, town: Town, who: Id, roles: Sequence[str]) -> dict[str, str]:
    async with runtime.database.write() as tx:
        for role in roles:
            await people.grant(runtime, tx, town.organization, town.workspace, who, role, actor="benchmark")
        secret = await sessions.open_for_member(runtime, tx, town.organization, who, SystemClock().now())
    return {sessions.cookie_name(runtime.config): secret}


async def _paths(runtime: Runtime, town: Town, asked: Sequence[Id]) -> dict[str, str]:
    """Return where each page is that a member or a role may read, by its route."""
    of = round_table.c.organization_id == town.organization
    released = sa.select(sa.func.max(round_table.c.id)).where(of, round_table.c.state == "released")
    async with runtime.database.read() as tx:
        survey = (await tx.execute(released)).scalar_one()
    found = {}
    for method, path, rule in access.matrix(app.build(runtime)):
        if method != "GET" or rule.kind not in ("member", "role") or path.endswith((".csv", ".ics")):
            continue
        survey_page = "/surveys/" in path or "/comments" in path or "/results/" in path
        values = {"workspace": town.workspace, "round": survey if survey_page else asked[-1], "plugin": "loopback"}
        filled = path
        for name, value in (values | {"component": COMPONENTS[0].key}).items():
            filled = filled.replace(f"{{{name}}}", value)
        if "{" not in filled:
            found[path] = filled
    return found


async def _served(where: Setting) -> Any:
    """Start the service in a process of its own, and wait until it answers."""
    values = where.values(serves=True, first=False, opens=BEFORE.isoformat())
    return processes.started("benchmarks.worker", values)


async def _each(where: Setting, place: Place) -> list[tuple[str, int, int, float, float, float]]:
    """Return per page its answer, its size, what the first and the following readings took, and of the processor.

    What costs the processor most comes first: other work on the machine does not change that.
    """
    found = []
    async with await _served(where) as server, _reader(where, place.cookies[0]) as client:
        await server.said()
        for name, path in place.paths.items():
            status, size, first = await _read(client, path)
            await _read(client, path)
            before, times = processes.cpu_seconds(server.pid), 2 * WARM
            warm = [(await _read(client, path))[2] for _ in range(times)]
            cpu = 1000 * (processes.cpu_seconds(server.pid) - before) / times
            found.append((name, status, size, first, report.percentile(warm, 0.5), cpu))
    return sorted(found, key=lambda one: (-one[5], -one[4]))


def _each_row(
    kind: Kind, name: str, status: int, size: int, first: float, warm: float, cpu: float
) -> tuple[str, ...]:
    numbers = (report.number(one, 1) for one in (size / 1024, first, warm, cpu))
    return f"{kind}, {name}", str(status), *numbers


def _reader(where: Setting, cookie: dict[str, str]) -> aiohttp.ClientSession:
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(f"http://127.0.0.1:{where.port}", cookies=cookie, cookie_jar=jar)


async def _read(client: aiohttp.ClientSession, path: str) -> tuple[int, int, float]:
    began = time.perf_counter()
    async with client.get(path, allow_redirects=False) as answer:
        body = await answer.read()
    return answer.status, len(body), 1000 * (time.perf_counter() - began)


async def _heaviest(where: Setting, kind: Kind, place: Place, name: str, requests: int) -> tuple[str, ...]:
    """Read one page cold, warm and with many readers, from a server that has just started."""
    path = place.paths[name]
    statements = await _statements(where, place.cookies[0], path)
    alone = await _timed(lambda: asyncio.to_thread(_replayed, where, statements), min(20, requests))
    async with await _served(where) as server, _reader(where, place.cookies[0]) as client:
        await server.said()
        _, _, cold = await _read(client, path)
        before, waited = processes.cpu_seconds(server.pid), await _warm(client, path, requests)
        cpu = 1000 * (processes.cpu_seconds(server.pid) - before) / (requests + WARM)
        calmly, _ = await _readers(where, place, path, requests, pause=PAUSE)
        at_once, rate = await _readers(where, place, path, requests, pause=0.0)
        memory = processes.memory_mb(server.pid)
    return (
        f"{kind}, {name}",
        report.number(cold),
        *(report.number(report.percentile(waited, part)) for part in (0.5, 0.95)),
        report.number(cpu),
        report.number(report.percentile(alone, 0.5), 1),
        report.number(len(statements)),
        *(report.number(report.percentile(calmly, part)) for part in (0.5, 0.95)),
        *(report.number(report.percentile(at_once, part)) for part in (0.5, 0.95)),
        report.number(rate),
        report.number(memory),
    )


async def _warm(client: aiohttp.ClientSession, path: str, requests: int) -> list[float]:
    for _ in range(WARM):
        await _read(client, path)
    return [(await _read(client, path))[2] for _ in range(requests)]


async def _readers(
    where: Setting, place: Place, path: str, requests: int, *, pause: float
) -> tuple[list[float], float]:
    """Let all readers open a page again and again, *requests* times in all at least; return the waits and pages/s."""
    draw, waits = random.Random(7), list[float]()

    async def one(cookie: dict[str, str], times: int) -> None:
        async with _reader(where, cookie) as client:
            await asyncio.sleep(pause * draw.random())
            for _ in range(times):
                status, _, took = await _read(client, path)
                waits.append(took if status == 200 else math.inf)
                await asyncio.sleep(pause * 2 * draw.random())

    times, began = max(3, requests // len(place.cookies)), time.perf_counter()
    await asyncio.gather(*(one(cookie, times) for cookie in place.cookies))
    return waits, len(waits) / (time.perf_counter() - began)


async def _statements(where: Setting, cookie: dict[str, str], path: str) -> list[tuple[str, Any]]:
    """Return the statements that one reading of a warm page executes, as they go to the driver."""
    found: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        found.append((statement, parameters))

    async with core(where) as runtime:
        runner = app.runner(app.build(runtime))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", where.port).start()
        try:
            async with _reader(where, cookie) as client:
                await _read(client, path)
                sa.event.listen(sa.Engine, "before_cursor_execute", note)
                try:
                    await _read(client, path)
                finally:
                    sa.event.remove(sa.Engine, "before_cursor_execute", note)
        finally:
            await runner.cleanup()
    return [(statement, parameters) for statement, parameters in found if statement.lstrip().startswith("SELECT")]


def _replayed(where: Setting, statements: Sequence[tuple[str, Any]]) -> None:
    """Execute the statements and fetch their rows with the bare driver."""
    if where.postgresql is None:
        with closing(sqlite3.connect(where.folder / "tertulia.db")) as plain:
            for statement, parameters in statements:
                plain.execute(statement, parameters).fetchall()
        return
    with psycopg.connect(where.database_url) as connection:
        for statement, parameters in statements:
            connection.execute(statement, parameters).fetchall()


async def _timed(call: Callable[[], Awaitable[None]], times: int) -> list[float]:
    took = []
    for _ in range(WARM):
        await call()
    for _ in range(times):
        began = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - began))
    return took
