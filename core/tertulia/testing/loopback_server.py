"""The loopback platform itself: a small HTTP server that tells afterwards what really arrived.

Start it in a test with `async with LoopbackServer(…)`, or as a process of its own with
`python -m tertulia.testing.loopback_server --port 8500 --journal arrivals.jsonl`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp
from aiohttp import web

from tertulia.domain.identifiers import Json
from tertulia.testing.loopback_faults import Fault
from tertulia.testing.loopback_webhook import sign

SENDS = frozenset({"post", "refresh", "close", "gather", "ask", "amend", "withdraw", "reply"})
_JSON = {"content-type": "application/json"}
PAGE = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """Hold one send that reached the platform; *carried_out* tells whether it took effect."""

    monotonic: float
    wall: float
    verb: str
    key: str
    to: str
    ref: str
    carried_out: bool
    status: int


def read_journal(path: Path) -> list[Arrival]:
    """Read what a server, perhaps in another process, appended to *path*; a torn last line is left out."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [Arrival(*json.loads(line)) for line in lines]


def most_in_any_window(instants: Iterable[float], seconds: float = 1.0) -> int:
    """Count the most instants that lie in any window of that length."""
    window: deque[float] = deque()
    most = 0
    for instant in sorted(instants):
        window.append(instant)
        while instant - window[0] >= seconds:
            window.popleft()
        most = max(most, len(window))
    return most


class LoopbackServer:
    """Be the platform: take messages, keep a journal, fail as scripted, and act as its members.

    *limit* is calls per second that the platform allows in any window; what exceeds it is counted in `violations`
    and answered 429 where *enforce*. What was sent is kept, for `shown` and `press`, where *keep*. *journal_file*
    gets a line per arrival, whole even if this process is killed.
    """

    def __init__(
        self,
        *,
        secret: str = "loopback-secret",  # noqa: S107  a stand-in's secret protects nothing
        limit: int | None = None,
        enforce: bool = True,
        journal_file: Path | None = None,
        port: int = 0,
        keep: bool = True,
    ):
        self.secret, self.limit, self.enforce, self.keep = secret, limit, enforce, keep
        self.journal: list[Arrival] = []
        self.messages: dict[str, bytes] = {}
        self.members: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []
        self.violations = self._count = 0
        self.choose: Callable[[str], Fault | None] | None = None
        self.route = self.hook = ""
        self._script: deque[Fault | None] = deque()
        self._recent: deque[float] = deque()
        self._journal_file, self._port = journal_file, port
        self._descriptor: int | None = None
        self._authorization = f"Bearer {secret}"

    async def __aenter__(self) -> LoopbackServer:
        if self._journal_file is not None:
            self._descriptor = os.open(self._journal_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._stopping = asyncio.Event()
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        await self._http.close()
        await self._runner.cleanup()
        if self._descriptor is not None:
            os.close(self._descriptor)

    @property
    def url(self) -> str:
        """Where the platform listens."""
        return f"http://127.0.0.1:{self._port}"

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the settings with which an installation reaches this server."""
        return {"url": self.url, "secret": self.secret, **more}

    # -- faults ----------------------------------------------------------------------------------------------------

    def script(self, *faults: Fault | None) -> None:
        """Let the next requests meet *faults*, one each; `None` lets one pass."""
        self._script.extend(faults)

    def _fault(self, verb: str) -> Fault | None:
        if self._script:
            return self._script.popleft()
        return self.choose(verb) if self.choose else None

    # -- the platform's API ----------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        verb = request.path[1:]
        if request.headers.get("authorization") != self._authorization:
            return web.Response(status=401)
        if verb in SENDS:
            return await self._send(verb, request)
        if verb in {"members", "facts"}:
            return await self._page(verb, request)
        return web.Response(status=404)

    async def _send(self, verb: str, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        fault = self._over_limit() or self._fault(verb)
        ref = ""
        if fault is None or fault.carried_out:
            self._count += 1
            ref = f"m{self._count}"
            if self.keep:
                self.messages[ref] = body
        self._record(verb, request, ref, fault)
        if fault is None:
            return web.Response(body=b'{"ref":"%b"}' % ref.encode(), headers=_JSON)
        return await self._fail(request, fault, b'{"ref":"%b"}' % ref.encode())

    def _record(self, verb: str, request: web.BaseRequest, ref: str, fault: Fault | None) -> None:
        headers = request.headers
        key, to = headers.get("loopback-key", ""), headers.get("loopback-to", "")
        status = 200 if fault is None else fault.status
        arrival = Arrival(time.monotonic(), time.time(), verb, key, to, ref, bool(ref), status)
        self.journal.append(arrival)
        if self._descriptor is not None:
            line = [arrival.monotonic, arrival.wall, verb, key, to, ref, arrival.carried_out, status]
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")

    async def _fail(self, request: web.BaseRequest, fault: Fault, good: bytes) -> web.StreamResponse:
        if fault.hangs:
            await self._stopping.wait()
        elif fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = dict(_JSON)
        if fault.retry_after is not None:
            headers["retry-after"] = fault.retry_after
        body = good if fault.status == 200 and fault.delay else fault.body
        return web.Response(status=fault.status, body=body, headers=headers)

    def _over_limit(self) -> Fault | None:
        if self.limit is None:
            return None
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= 1.0:
            self._recent.popleft()
        if len(self._recent) < self.limit:
            self._recent.append(now)
            return None
        self.violations += 1
        return Fault(status=429, retry_after="1") if self.enforce else None

    async def _page(self, what: str, request: web.BaseRequest) -> web.StreamResponse:
        fault = self._fault(what)
        if fault is not None and not (fault.status == 200 and fault.delay):
            return await self._fail(request, fault, b"{}")
        if fault is not None:
            await asyncio.sleep(fault.delay)
        start = int(request.query.get("cursor", "0"))
        items = (self.members if what == "members" else self.facts)[start : start + PAGE]
        return web.json_response({"items": items, "cursor": str(start + len(items))})

    # -- what tests ask --------------------------------------------------------------------------------------------

    def carried_out(self, verb: str | None = None) -> list[Arrival]:
        """Return what took effect, oldest first."""
        return [one for one in self.journal if one.carried_out and verb in {None, one.verb}]

    def shown(self, user: str, verb: str = "ask") -> list[tuple[str, Json]]:
        """Return the messages that *user* (or a place) got, with their references, oldest first."""
        return [(one.ref, json.loads(self.messages[one.ref])) for one in self.carried_out(verb) if one.to == user]

    # -- acting as members -----------------------------------------------------------------------------------------

    async def install(self, public_url: str) -> None:
        """Install the app: remember its route and ask it where events go."""
        self.route = public_url
        headers = {"authorization": self._authorization}
        async with self._http.post(f"{public_url}/connect", headers=headers) as response:
            response.raise_for_status()
            self.hook = (await response.json())["hook"]

    async def press(
        self, user: str, verb: str, values: Json | None = None, *, message: Json | None = None, event: str = ""
    ) -> Json:
        """Press *verb* on *message* (else the last one asked) as *user*, and return the reply; raises on refusal."""
        prompt = message if message is not None else self.shown(user)[-1][1]
        turn = {"user": user, "token": prompt["actions"][verb], "values": dict(values or {})}
        return await self._turn({**turn, "event": event or secrets.token_hex(8)})

    async def command(
        self, user: str, text: str, *, mentions: Json | None = None, place: Json | None = None, event: str = ""
    ) -> Json:
        """Type *text* as *user* and return the reply; *mentions* maps how the text writes an account to its id."""
        turn: dict[str, Any] = {"user": user, "command": text, "mentions": dict(mentions or {})}
        turn["event"] = event or secrets.token_hex(8)
        return await self._turn(turn if place is None else {**turn, "place": place})

    async def _turn(self, turn: Json) -> Json:
        headers = {"authorization": self._authorization}
        async with self._http.post(f"{self.route}/turns", json=turn, headers=headers) as response:
            response.raise_for_status()
            reply: Json = await response.json()
            return reply

    async def post_events(
        self,
        events: Sequence[Json],
        *,
        times: int = 1,
        shuffle: random.Random | None = None,
        at: datetime | None = None,
        at_once: int = 16,
    ) -> list[int]:
        """Send signed *events* to the hook, each *times* over, and return the statuses.

        An event's id is its `event` value, else its position. *at* is when they are sent, real time by default;
        when something happened is the event's own `at`, as old as a test likes.
        """
        batch = [(str(event.get("event", number)), event) for number, event in enumerate(events)] * times
        if shuffle is not None:
            shuffle.shuffle(batch)
        gate = asyncio.Semaphore(at_once)

        async def post(identifier: str, event: Json) -> int:
            body = json.dumps(event).encode()
            headers = sign(self.secret, body, identifier, at or datetime.now(UTC))
            async with gate, self._http.post(self.hook, data=body, headers={**_JSON, **headers}) as response:
                await response.read()
                return response.status

        return list(await asyncio.gather(*(post(identifier, event) for identifier, event in batch)))


Kind = Literal["participated", "interacted", "joined", "left", "reachable", "collect"]


def event(what: Kind, user: str, /, **values: Any) -> dict[str, Any]:
    """Write an event; `place="general"` becomes a channel, instants become text."""
    known = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    if isinstance(known.get("place"), str):
        known["place"] = {"ref": known["place"], "kind": "channel"}
    return {"type": what, "user": user, **known}


async def serve(port: int, journal: Path | None, limit: int | None, announce: Callable[[str], None]) -> None:
    """Serve until the task is cancelled."""
    async with LoopbackServer(port=port, journal_file=journal, limit=limit, keep=False) as server:
        announce(server.url)
        await asyncio.Event().wait()


def main() -> None:
    """Run the platform as a process of its own; it prints its address first."""
    import click

    @click.command()
    @click.option("--port", default=0, show_default=True, help="0 takes a free one.")
    @click.option("--journal", type=click.Path(path_type=Path), help="Append a line per arrival to this file.")
    @click.option("--limit", type=int, help="Calls per second that the platform allows.")
    def command(port: int, journal: Path | None, limit: int | None) -> None:
        asyncio.run(serve(port, journal, limit, click.echo))

    command()


if __name__ == "__main__":
    main()
