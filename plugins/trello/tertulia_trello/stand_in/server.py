"""Serve a town as Trello does: signed webhooks with retries, limits without headers, faults on request."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tertulia_trello.stand_in import api, pages
from tertulia_trello.stand_in.faults import LIMIT, Fault
from tertulia_trello.stand_in.sign_in import SignIn
from tertulia_trello.stand_in.state import Body, Missing, Town
from tertulia_trello.webhooks import SIGNATURE, signature

RETRIES = (30.0, 60.0, 120.0)
_JSON = {"content-type": "application/json"}
KEY_LIMIT, TOKEN_LIMIT, SECONDS = 300, 100, 10.0


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Hold one request that reached the stand-in, and what it was answered."""

    at: float
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    status: int
    answer: bytes
    carried_out: bool


@dataclass
class TrelloServer:
    """Be Trello: answer as it does, keep a journal, send webhooks, fail as scripted.

    *enforce* answers 429 above 100 requests in 10 s; what exceeds it is counted in `violations` anyway. *pace*
    shortens the pauses between the attempts of a webhook; after *disable_after* failures in a row it is switched off.
    """

    town: Town = field(default_factory=Town)
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    token: str = field(default_factory=lambda: "ATTA" + secrets.token_hex(36))
    enforce: bool = False
    pace: float = 0.001
    disable_after: int = 1000
    port: int = 0
    deaf: bool = False
    violations: int = 0
    journal: list[Arrival] = field(default_factory=list)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    choose: Callable[[str, str], Fault | None] | None = None

    def __post_init__(self) -> None:
        self.sign_in = SignIn(self.town)

    async def __aenter__(self) -> TrelloServer:
        self._script: deque[Fault | None] = deque()
        self._recent: deque[float] = deque()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/1/{tail:.*}", self._answer)
        pages.attach(app, self.town)
        self.sign_in.attach(app)
        # texts stand in the address, as Trello wants them
        options: dict[str, Any] = {"max_line_size": 65_536, "max_field_size": 65_536}
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, **options)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self.town.heard = self._tell
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        self.town.heard = None
        for task in list(self._deliveries):
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._http.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the stand-in listens."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the settings with which an installation reaches it."""
        given = {"api_key": self.key, "api_secret": self.secret, "token": self.token, "url": f"{self.url}/1"}
        here = {"workspace_id": self.town.workspace, "boards": list(self.town.boards), "create_list": True}
        client = {"oauth_client_id": self.sign_in.client, "oauth_client_secret": self.sign_in.secret}
        given |= {**client, "oauth_url": self.url}
        return {**given, **here, "allowed_hosts": ["api.trello.com"], **more}

    def script(self, *faults: Fault | None) -> None:
        """Let the next requests meet *faults*, one each; `None` lets one pass."""
        self._script.extend(faults)

    def carried_out(self, method: str | None = None, ending: str = "") -> list[Arrival]:
        """Return what changed something, oldest first."""
        writes = (one for one in self.journal if one.carried_out and one.method != "GET")
        return [one for one in writes if method in (None, one.method) and one.path.endswith(ending)]

    async def quiet(self) -> None:
        """Wait until all webhooks were told."""
        while self._deliveries:
            await asyncio.gather(*list(self._deliveries), return_exceptions=True)

    # -- requests --------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/1")
        body: Body = {}
        if request.can_read_body:
            body = await request.json()
        fault = self._over_limit() or self._fault(request.method, path)
        status, answer, done = 0, b"", False
        if fault is None or fault.carried_out:
            status, answer = await self._carry_out(request, path, body)
            done = status == 200
        if fault is not None:
            status = fault.status
            answer = fault.body
        self._note(request, path, body, status, answer, done)
        if fault is not None and fault.hangs:
            await self._stopping.wait()
        if status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = dict(_JSON) if answer[:1] in (b"{", b"[") else {"content-type": "text/plain"}
        if fault is not None and fault.retry_after is not None:
            headers["retry-after"] = fault.retry_after
        return web.Response(status=status, body=answer, headers=headers)

    def _note(
        self, request: web.Request, path: str, body: Body, status: int, answer: bytes, carried_out: bool
    ) -> None:
        self.journal.append(
            Arrival(
                at=time.monotonic(),
                method=request.method,
                path=path,
                query=dict(request.query),
                body=body,
                status=status,
                answer=answer,
                carried_out=carried_out,
            )
        )

    async def _carry_out(self, request: web.Request, path: str, body: Body) -> tuple[int, bytes]:
        member = self.sign_in.member_of(request.headers.get("authorization", ""))
        if member is not None and (request.method, path) == ("GET", "/members/me"):
            return 200, json.dumps({"id": member}).encode()
        expected = f'OAuth oauth_consumer_key="{self.key}", oauth_token="{self.token}"'
        if request.headers.get("authorization") != expected:
            return 401, b"invalid key"
        if (request.method, path) == ("POST", "/webhooks/"):
            return await self._make_webhook(request.query)
        found = api.operation(request.method, path)
        if found is None:
            return 404, b"Cannot find it"
        carry_out, ids = found
        try:
            call = api.Call(self.town, ids, request.query, body)
            return 200, json.dumps(carry_out(call)).encode()
        except Missing:
            return 404, b"The requested resource was not found."
        except (api.Invalid, ValueError) as invalid:
            return 400, str(invalid).encode()

    async def _make_webhook(self, query: Mapping[str, str]) -> tuple[int, bytes]:
        callback, model = query.get("callbackURL", ""), query.get("idModel", "")
        if any((one["callbackURL"], one["idModel"]) == (callback, model) for one in self.town.webhooks.values()):
            return 400, b"A webhook with that callback, model, and token already exists"
        if model not in self.town.boards:
            return 400, b"invalid value for idModel"
        try:
            async with self._http.head(callback, allow_redirects=False) as answer:
                there = answer.status == 200
        except (aiohttp.ClientError, ValueError):
            there = False
        if not there:
            return 400, b"URL (" + callback.encode() + b") did not return 200 status code"
        hook: Body = {
            "id": self.town.new_id(),
            "description": query.get("description", ""),
            "idModel": model,
            "callbackURL": callback,
            "active": True,
            "consecutiveFailures": 0,
            "firstConsecutiveFailDate": None,
        }
        self.town.webhooks[hook["id"]] = hook
        return 200, json.dumps(hook).encode()

    def _fault(self, method: str, path: str) -> Fault | None:
        if self._script:
            return self._script.popleft()
        return self.choose(method, path) if self.choose else None

    def _over_limit(self) -> Fault | None:
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= SECONDS:
            self._recent.popleft()
        self._recent.append(now)
        if len(self._recent) <= TOKEN_LIMIT:
            return None
        self.violations += 1
        return Fault(status=429, body=LIMIT) if self.enforce else None

    # -- webhooks --------------------------------------------------------------------------------------------------

    def _tell(self, action: Body) -> None:
        board = action["data"]["board"]["id"]
        for hook in [one for one in self.town.webhooks.values() if one["idModel"] == board and one["active"]]:
            task = asyncio.create_task(self._deliver(hook, action))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, hook: Body, action: Body) -> None:
        await asyncio.sleep(0)  # what is added to the action right after it happened belongs to it
        model = self.town.boards[hook["idModel"]]
        body = json.dumps({"action": action, "model": model, "webhook": dict(hook)}).encode()
        self.sent.append((hook["callbackURL"], body))
        for pause in (*RETRIES, None):
            status = await self._post(hook, body)
            if status == 410:
                self.town.webhooks.pop(hook["id"], None)
                return
            if 200 <= status < 300:
                hook.update(consecutiveFailures=0, firstConsecutiveFailDate=None)
                return
            if pause is not None:
                await asyncio.sleep(pause * self.pace)
        hook["consecutiveFailures"] += 1
        hook["firstConsecutiveFailDate"] = hook["firstConsecutiveFailDate"] or action["date"]
        if hook["consecutiveFailures"] >= self.disable_after:
            hook["active"] = False

    async def _post(self, hook: Body, body: bytes) -> int:
        if self.deaf:
            return 0
        signed = signature(self.secret, body, hook["callbackURL"]).decode()
        headers = {**_JSON, SIGNATURE: signed}
        try:
            async with self._http.post(hook["callbackURL"], data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
