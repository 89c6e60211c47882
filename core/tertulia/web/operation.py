"""What operators and their monitoring ask: does it live, may it get traffic, how much is there to do."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from functools import cache

import sqlalchemy as sa
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from tertulia.extension import Access
from tertulia.runtime import Runtime
from tertulia.storage import schema, tables
from tertulia.storage.database import Tx, upsert
from tertulia.web.access import register
from tertulia.web.state import REQUESTS, RUNTIME, peer

READY_SECONDS = 2.0
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")
REGISTRY = web.AppKey("registry", CollectorRegistry)


def attach(app: web.Application) -> None:
    """Add the routes of operation and the figures behind them."""
    registry = CollectorRegistry()
    app[REGISTRY] = registry
    names = ["method", "route", "status"]
    app[REQUESTS] = Counter("tertulia_requests", "Requests by route template", names, registry=registry)
    app[GAUGES] = _gauges(registry)
    register(app, "GET", "/healthz", healthz, Access(kind="public", why="tells only that the process lives"))
    register(app, "GET", "/readyz", readyz, Access(kind="public", why="tells only whether traffic is welcome"))
    register(app, "GET", "/metrics", metrics, Access(kind="public", why="loopback or the bearer token; figures only"))


async def healthz(request: web.Request) -> web.Response:
    """Answer while the process lives, whatever its database does."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when the database takes writes, its schema is current and the engine runs; else 503."""
    fault = await unready(request.app[RUNTIME])
    return web.Response(text=f"{fault or 'ready'}\n", status=503 if fault else 200)


async def unready(runtime: Runtime) -> str | None:
    """Return in a word what is missing, or `None`."""
    if not runtime.engine.launched:
        return "engine"
    try:
        async with asyncio.timeout(READY_SECONDS):
            async with runtime.database.write() as tx:
                row = {"name": "ready", "value": str(int(time.time()))}
                await upsert(tx, tables.stamp, [row], keys=("name",), update=("value",))
            return None if await schema.current(runtime.database) == _newest() else "schema"
    except (TimeoutError, sa.exc.SQLAlchemyError):
        return "database"


@cache
def _newest() -> str:
    return schema.newest()


async def metrics(request: web.Request) -> web.Response:
    """Return figures for Prometheus to whoever holds the token, or to a scraper on this machine; else 404.

    What a proxy on this machine passes on comes from anywhere, so its headers make it a stranger's.
    """
    if not _scraper(request):
        raise web.HTTPNotFound
    async with request.app[RUNTIME].database.read() as tx:
        await _measure(tx, request.app[GAUGES])
    text = generate_latest(request.app[REGISTRY])
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _scraper(request: web.Request) -> bool:
    token = request.app[RUNTIME].config.metrics_token
    given = request.headers.get("Authorization", "")
    if token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return True
    return _loopback(peer(request)) and not any(name in request.headers for name in FORWARDED)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


COUNTED = {
    "deliveries": tables.delivery,
    "inbox": tables.inbox,
    "outbox": tables.outbox,
    "rounds": tables.round_table,
}
GAUGES: web.AppKey[dict[str, Gauge]] = web.AppKey("gauges", dict)


def _gauges(registry: CollectorRegistry) -> dict[str, Gauge]:
    made = {
        name: Gauge(f"tertulia_{name}", f"Rows of {name} by state", ["state"], registry=registry) for name in COUNTED
    }
    made["beat"] = Gauge(
        "tertulia_worker_beat_age_seconds", "Seconds since a worker's last beat", ["worker"], registry=registry
    )
    return made


async def _measure(tx: Tx, gauges: dict[str, Gauge]) -> None:
    for name, table in COUNTED.items():
        gauges[name].clear()
        query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
        for state, count in await tx.execute(query):
            gauges[name].labels(state).set(count)
    gauges["beat"].clear()
    for row in await tx.execute(sa.select(tables.worker)):
        gauges["beat"].labels(row.id).set(max(0.0, time.time() - row.beat))
