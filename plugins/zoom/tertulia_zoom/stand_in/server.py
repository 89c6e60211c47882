"""Serve an invented account as Zoom does: tokens, operations, a journal of what came, and faults on request."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tertulia_zoom.stand_in import account_api, chat, operations, polls
from tertulia_zoom.stand_in.chat_page import ChatPage
from tertulia_zoom.stand_in.chatter import Chatter
from tertulia_zoom.stand_in.faults import Fault
from tertulia_zoom.stand_in.meetings import Meetings
from tertulia_zoom.stand_in.operations import Body, Call, Failed
from tertulia_zoom.stand_in.sender import Sender
from tertulia_zoom.stand_in.state import Town

LASTS = 3600
__all__ = ["Arrival", "ZoomServer", "account_api", "chat", "polls"]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Hold one request that reached the API, its path as it was sent, and what it was answered."""

    at: float
    method: str
    path: str
    template: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: bytes


@dataclass
class ZoomServer:
    """Be Zoom: answer as it does, keep a journal, send signed events, fail as scripted.

    *attach* are called with the application before it starts, so that pages can be added.
    """

    town: Town = field(default_factory=Town)
    server_client: tuple[str, str] = ("client_id_of_s2s", "secret-of-the-s2s-app")
    app_client: tuple[str, str] = ("client_id_of_app", "secret-of-the-general-app")
    robot: str = "v1standin@xmpp.zoom.us"
    secret: str = "signs-the-events"  # noqa: S105  an invented one
    port: int = 0
    attach: list[Callable[[web.Application], None]] = field(default_factory=list)
    journal: list[Arrival] = field(default_factory=list)
    tokens_given: Counter[str] = field(default_factory=Counter)
    choose: Callable[[str, str], Fault | None] | None = None
    panel: str = ""

    async def __aenter__(self) -> ZoomServer:
        self._script: deque[Fault | None] = deque()
        self._token_script: deque[Fault] = deque()
        self._tokens: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self.sender = Sender(self.secret)
        self.meetings = Meetings(self.town, self.sender)
        self.bot = Sender(self.secret)
        self.chatter = Chatter(self.town, self.bot)
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/oauth/token", self._token)
        app.router.add_route("*", "/v2/{tail:.*}", self._answer)
        app.router.add_put("/stand-in/addresses", self._addresses)
        ChatPage(self).attach(app)
        for attach in self.attach:
            attach(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        await self.sender.start()
        await self.bot.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        await self.sender.stop()
        await self.bot.stop()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where the stand-in listens."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **more: Any) -> Body:
        """Return the settings with which an installation reaches it."""
        server, app = self.server_client, self.app_client
        return {
            "server": {"account_id": self.town.account, "client_id": server[0], "client_secret": server[1]},
            "app": {"client_id": app[0], "client_secret": app[1], "robot_jid": self.robot},
            "webhook_secret": self.secret,
            "stand_in": self.url,
            **more,
        }

    def script(self, *faults: Fault | None) -> None:
        """Let the next API requests meet *faults*, one each; `None` lets one pass."""
        self._script.extend(faults)

    def script_tokens(self, *faults: Fault) -> None:
        """Let the next token requests meet *faults*."""
        self._token_script.extend(faults)

    def revoke_tokens(self) -> None:
        """Let no token that was given be good any more."""
        self._tokens.clear()

    def arrived(self, method: str, template: str) -> list[Arrival]:
        """Return the requests for one operation, oldest first."""
        return [one for one in self.journal if (one.method, one.template) == (method, template)]

    # -- tokens ----------------------------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if self._token_script:
            fault = self._token_script.popleft()
            return await self._misbehave(request, fault, fault.status, fault.body)
        form = await request.post()
        grant = str(form.get("grant_type", ""))
        kind = {"account_credentials": "server", "client_credentials": "chat"}.get(grant, "")
        client = self.server_client if kind == "server" else self.app_client
        basic = base64.b64encode(":".join(client).encode()).decode()
        foreign = kind == "server" and form.get("account_id") != self.town.account
        if not kind or foreign or request.headers.get("authorization") != f"Basic {basic}":
            return web.json_response(
                {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, status=400
            )
        self.tokens_given[kind] += 1
        token = f"{kind}.{self.town.text(24)}"
        self._tokens[token] = kind
        return web.json_response(
            {"access_token": token, "token_type": "bearer", "expires_in": LASTS, "scope": "all", "api_url": self.url}
        )

    async def _addresses(self, request: web.Request) -> web.Response:
        """Take where events and the bot's are to be sent, which people enter in the Marketplace at Zoom."""
        said = await request.json()
        for sender, name in ((self.sender, "events"), (self.bot, "bot")):
            url = str(said.get(name))
            if sender.url is None and url.startswith("http://127.0.0.1:"):
                sender.url = url
        panel = str(said.get("panel", ""))
        if not self.panel and panel.startswith("http://127.0.0.1:"):
            self.panel = panel
        return web.Response(status=204)

    # -- operations ------------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw_path = request.rel_url.raw_path.removeprefix("/v2")
        found = operations.find(request.method, raw_path)
        text = await request.text()
        try:
            body = json.loads(text) if text else {}
        except ValueError:
            body = {}
        fault = (
            self._script.popleft() if self._script else self.choose(request.method, raw_path) if self.choose else None
        )
        status, answer = 200, b""
        if fault is None or fault.carried_out:
            status, answer = self._carry_out(request, found, body)
        if fault is not None and not (fault.drips and status < 300):
            status, answer = fault.status, fault.body
        self._note(request, raw_path, found, body if text else None, status, answer)
        if fault is not None:
            return await self._misbehave(request, fault, status, answer)
        headers = {"content-type": "application/json"} if answer else {}
        return web.Response(status=status, body=answer, headers=headers)

    def _fault(self, method: str, path: str) -> Fault | None:
        if self._script:
            return self._script.popleft()
        return self.choose(method, path) if self.choose else None

    def _carry_out(
        self, request: web.Request, found: tuple[operations.Known, tuple[str, ...]] | None, body: Any
    ) -> tuple[int, bytes]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        kind = self._tokens.get(token)
        if kind is None:
            return 401, _failed(124, "Invalid access token.")
        if found is None:
            return 404, _failed(404, "Not Found.")
        known, ids = found
        if known.credentials != kind:
            return 401, _failed(4700, "Invalid access token, does not contain scopes.")
        try:
            status, answer = known.handler(Call(self.town, ids, dict(request.query), body))
        except Failed as failed:
            return failed.status, _failed(failed.code, failed.message)
        except (KeyError, TypeError, ValueError, AttributeError):
            return 400, _failed(300, "Validation Failed.")
        return status, b"" if answer is None else json.dumps(answer).encode()

    def _note(self, request: web.Request, path: str, found: Any, body: Any, status: int, answer: bytes) -> None:
        self.journal.append(
            Arrival(
                at=time.monotonic(),
                method=request.method,
                path=path,
                template=found[0].template if found else "",
                query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                status=status,
                answer=answer,
            )
        )

    async def _misbehave(self, request: web.Request, fault: Fault, status: int, answer: bytes) -> web.StreamResponse:
        if fault.hangs:
            await self._stopping.wait()
        if status == 0 or fault.hangs:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {"content-type": "application/json", **fault.headers}
        if not fault.drips:
            return web.Response(status=status, body=answer, headers=headers)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):
            for number in range(len(answer)):
                await response.write(answer[number : number + 1])
                await asyncio.sleep(1 / fault.drips)
                if self._stopping.is_set():
                    break
        return response


def _failed(code: int, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()
