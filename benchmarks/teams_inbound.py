"""`python -m benchmarks.teams_inbound`: what an answer through a card costs, beside the stock SDK and a bare handler.

All three do the same job in one process, in turns: read the request, take the answer (in memory, or durably in the
core on SQLite), and write the card that replaces the old one. Ours and the stock adapter verify the same token.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import click
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from benchmarks import report
from benchmarks.processes import started
from tertulia.storage import keys

APP = "99999999-8888-4777-8666-555555555555"
TENANT = "11111111-2222-4333-8444-555555555555"
METADATA = "/bot/v1/.well-known/openidconfiguration"
AT_ONCE = 16
WAYS = ("bare", "ours", "stock")
NAMES = {"bare": "bare aiohttp handler", "ours": "tertulia-teams", "stock": "stock CloudAdapter"}
JOBS = {"memory": "the protocol alone", "core": "with the core, on SQLite"}
COLUMNS = (
    "inbound adaptiveCard/action",
    "CPU ms each",
    "per s and core",
    "× bare",
    "stock / this",
    "p50 ms",
    "p99 ms",
)
WORKER = "benchmarks.teams_worker"


@click.command()
@click.option("--quick", is_flag=True, help="Fewer requests and rounds.")
def main(quick: bool) -> None:
    """Print the table."""
    asyncio.run(measure(100 if quick else 400, 3 if quick else 7))


async def measure(requests: int, rounds: int) -> None:
    """Send *requests* in each of *rounds* to each of the handlers, in turns, and print the medians."""
    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        keys.new_keys(folder / "keys")
        async with _issuer() as (issuer, token), started(WORKER, {"folder": name, "issuer": issuer}) as worker:
            server = f"http://127.0.0.1:{(await worker.said())['port']}"
            bodies = _bodies(folder / "activities")
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            async with aiohttp.ClientSession(headers=headers) as session:
                rows = await _rows(session, server, bodies, requests, rounds)
    report.show(f"{requests} requests in each of {rounds} rounds, {AT_ONCE} at once, medians", COLUMNS, rows)


async def _rows(
    session: aiohttp.ClientSession, server: str, bodies: Iterator[bytes], requests: int, rounds: int
) -> list[tuple[str, ...]]:
    costs: dict[tuple[str, str], list[float]] = {}
    waits: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for job, way in itertools.product(JOBS, WAYS):
            some = list(itertools.islice(bodies, requests))
            cost, waited = await _round(session, server, f"/{way}/{job}", some)
            if number:  # the first round warms up
                costs.setdefault((job, way), []).append(cost)
                waits.setdefault((job, way), []).extend(waited)
    rows = []
    for job, way in itertools.product(JOBS, WAYS):
        cost = statistics.median(costs[job, way])
        rows.append(
            (
                f"{NAMES[way]}, {JOBS[job]}",
                report.number(cost, 2),
                report.number(1000 / cost),
                report.ratio(cost, statistics.median(costs[job, "bare"])),
                report.ratio(statistics.median(costs[job, "stock"]), cost),
                report.number(report.percentile(waits[job, way], 0.5), 1),
                report.number(report.percentile(waits[job, way], 0.99), 1),
            )
        )
    return rows


async def _round(
    session: aiohttp.ClientSession, server: str, path: str, bodies: list[bytes]
) -> tuple[float, list[float]]:
    """Return the server's processor milliseconds per request, and how long each request took."""
    waited: list[float] = []
    waiting = iter(bodies)

    async def lane() -> None:
        for body in waiting:
            began = time.perf_counter()
            async with session.post(server + path, data=body) as answer:
                got = await answer.json()
                assert answer.status == 200, (answer.status, got)
                assert got["type"] == "application/vnd.microsoft.card.adaptive", got
            waited.append((time.perf_counter() - began) * 1000)

    before = await _cpu(session, server)
    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return (await _cpu(session, server) - before) * 1000 / len(bodies), waited


async def _cpu(session: aiohttp.ClientSession, server: str) -> float:
    async with session.get(f"{server}/cpu") as answer:
        return float(await answer.text())


def _bodies(path: Path) -> Iterator[bytes]:
    """Yield the activities that the worker wrote over and over, each time under another id."""
    texts = path.read_text(encoding="utf-8").splitlines()
    for number in itertools.count():
        yield texts[number % len(texts)].replace("ACTIVITY", str(number)).encode()


@asynccontextmanager
async def _issuer() -> AsyncIterator[tuple[str, str]]:
    """Serve the metadata of a connector, and yield its address and a token of its."""
    key = rsa.generate_private_key(65537, 2048)
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "one", "endorsements": ["msteams"]}
    app = web.Application()
    url = ""

    async def metadata(_: web.Request) -> web.Response:
        algorithms = {"id_token_signing_alg_values_supported": ["RS256"]}
        return web.json_response({"jwks_uri": f"{url}/keys", **algorithms})

    async def published(_: web.Request) -> web.Response:
        return web.json_response({"keys": [public]})

    app.router.add_get(METADATA, metadata)
    app.router.add_get("/keys", published)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    now = int(time.time())
    claims = {"iss": "https://api.botframework.com", "aud": APP, "nbf": now - 5, "exp": now + 7200}
    token = jwt.encode({**claims, "serviceurl": f"{url}/connector/"}, key, "RS256", headers={"kid": "one"})
    try:
        yield url, token
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
