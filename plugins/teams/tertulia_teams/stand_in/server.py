"""The stand-in: all of Microsoft's hosts on one loopback port, a journal, scripted faults, people who act."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tertulia import Json
from tertulia_teams.config import CLOUDS
from tertulia_teams.stand_in.activities import Activity, Writer
from tertulia_teams.stand_in.connector_api import ConnectorApi, Refusal
from tertulia_teams.stand_in.faults import Api, Fault, Script, too_many
from tertulia_teams.stand_in.graph_api import GraphApi
from tertulia_teams.stand_in.login_api import LoginApi
from tertulia_teams.stand_in.tenant import Conversation, Meeting, Message, Person, Tenant

APP = "5a0e3c1e-6d0b-4a5c-9a0a-0d9d1f6b7c01"
TENANT = "0b9f3f52-5b9a-4ac3-a7b8-6c1f60c5a902"
SECRET = "stand-in-secret-of-no-value"  # noqa: S105  a stand-in's secret protects nothing
CATALOG = "c2b5d8b0-0f5e-4a63-9d7e-8a2f4a6e1d03"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Hold a request to one of Microsoft's hosts and its answer; *to* is the conversation or the user."""

    monotonic: float
    api: Api
    method: str
    path: str
    to: str
    status: int
    carried_out: bool
    content_type: str
    body: bytes
    answer: bytes


@dataclass(frozen=True)
class Turn:
    """Hold what the bot answered to an activity."""

    status: int
    body: bytes
    activity: Activity

    def json(self) -> Any:
        """Return the answer's JSON."""
        return json.loads(self.body) if self.body else None


class StandIn:
    """Be Microsoft for one tenant and one bot.

    *limit* is requests per second that the connector allows; what exceeds it is counted in `violations` and answered
    429. Every request is kept in `journal` where *keep*, with its body.
    """

    def __init__(self, *, port: int = 0, limit: int | None = None, keep: bool = True):
        self.tenant = Tenant(id=TENANT, app=APP, catalog=CATALOG)
        self.faults, self.journal = Script(), list[Arrival]()
        self.sent: list[Turn] = []
        self.violations = 0
        self.endpoint = ""
        self._port, self._limit, self._keep = port, limit, keep
        self._recent: deque[float] = deque()
        self._extensions: list[Callable[[web.Application], None]] = []

    async def __aenter__(self) -> StandIn:
        app = web.Application(middlewares=[self._edge], client_max_size=4 * 1024 * 1024)
        self._stopping = asyncio.Event()
        app.router.add_put("/stand-in/endpoint", self._take_endpoint)
        for extend in self._extensions:
            extend(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        # the APIs name their own address, so the port comes first
        sock = _listening(self._port)
        self._port = sock.getsockname()[1]
        self._add_apis(app)
        await self._runner.setup()
        await web.SockSite(self._runner, sock).start()
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        await self._http.close()
        await self._runner.cleanup()

    def extend(self, extension: Callable[[web.Application], None]) -> None:
        """Serve more than Microsoft does, such as the page where one sits as a member."""
        self._extensions.append(extension)

    @property
    def url(self) -> str:
        """Return where the stand-in listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def service_url(self) -> str:
        """Return the connector's address, as activities name it."""
        return f"{self.url}/connector/"

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the settings with which an installation reaches this stand-in."""
        return {"app_id": APP, "app_secret": SECRET, "tenant_id": TENANT, "stand_in": self.url, **more}

    def arrivals(self, api: Api, method: str | None = None) -> list[Arrival]:
        """Return what one of the hosts was asked and carried out, oldest first."""
        return [one for one in self.journal if one.api == api and one.carried_out and method in {None, one.method}]

    def shown(self, conversation: Conversation, *, to: Person | None = None) -> list[Message]:
        """Return the bot's messages that stand in a conversation now, oldest first."""
        return [
            one
            for one in conversation.messages.values()
            if not one.deleted and one.sender is None and (one.only is None or (to and one.only == to.mri))
        ]

    def cards(self, person: Person) -> list[Message]:
        """Return the bot's messages in a person's own chat."""
        return self.shown(self.tenant.chat(person))

    # -- acting as people ------------------------------------------------------------------------------------------

    async def install(self, person: Person) -> None:
        """Add the app to a person, as they or an admin do."""
        person.has_app, person.blocked = True, False
        chat = self.tenant.chat(person)
        bot = {"id": f"28:{APP}", "name": "Tertulia"}
        if self.endpoint:
            await self.post(self.writer.members(chat, person, added=True, who=[bot]))
            await self.post(self.writer.installation("add", chat, person))

    async def uninstall(self, person: Person) -> None:
        """Remove the app from a person."""
        person.has_app = False
        await self.post(self.writer.installation("remove", self.tenant.chat(person), person))

    async def install_in(self, channel: Conversation, person: Person) -> None:
        """Add the app to a channel's team; a bot hears of it in the team's own conversation."""
        for one in self.tenant.conversations.values():
            one.has_app = one.has_app or one.team == channel.team
        bot = {"id": f"28:{APP}", "name": "Tertulia"}
        await self.post(self.writer.members(channel, person, added=True, who=[bot]))
        await self.post(self.writer.installation("add", channel, person))

    async def press(
        self,
        person: Person,
        conversation: Conversation,
        message: Message,
        action: Json,
        inputs: Mapping[str, str] | None = None,
        *,
        older: bool = False,
    ) -> Turn:
        """Press a button of a card; a card that comes back replaces the old one. *older*: as an old client does."""
        given = dict(inputs or {}) if action.get("associatedInputs") != "none" else {}
        if older:
            return await self.post(self.writer.submit(conversation, person, message.id, action, given))
        turn = await self.post(self.writer.execute(conversation, person, message.id, action, given))
        answer = turn.json() if turn.status == 200 else None
        if isinstance(answer, dict) and answer.get("type") == CARD:
            replaced = {**message.activity, "attachments": [{"contentType": CARD, "content": answer["value"]}]}
            if conversation.kind == "personal":
                message.activity, message.versions = replaced, message.versions + 1
            else:
                message.views[person.id] = replaced
        return turn

    async def say(
        self,
        person: Person,
        conversation: Conversation,
        text: str,
        mentions: Sequence[Person] = (),
        thread: str = "",
        *,
        addressed: bool = True,
    ) -> Turn:
        """Write a message to the bot, in a shared place by mention, or beside it where it is not *addressed*."""
        identifier = self.tenant.next_id()
        activity = {"type": "message", "text": text}
        said = Message(id=identifier, activity=activity, sender=person.id, thread=thread)
        conversation.messages[identifier] = said
        written = self.writer.message(conversation, person, identifier, text, mentions, thread, addressed=addressed)
        return await self.post(written)

    async def react(self, person: Person, conversation: Conversation, message: Message, kind: str = "like") -> Turn:
        """React to a message of the bot."""
        return await self.post(self.writer.reaction(conversation, person, message.id, kind))

    async def meet(self, meeting: Meeting, people: Sequence[Person], start: datetime, end: datetime) -> None:
        """Hold a meeting: it starts, people come and go, it ends, and Graph gets its report."""
        await self.post(self.writer.meeting("Start", meeting, start))
        await self.post(self.writer.presence("Join", meeting, people))
        await self.post(self.writer.presence("Leave", meeting, people))
        await self.post(self.writer.meeting("End", meeting, end))
        meeting.reports.append((start, end, [(person.id, start, end) for person in people]))

    async def post(self, activity: Activity, *, token: str | None = None) -> Turn:
        """Send an activity to the bot, with a genuine token unless another is given."""
        genuine = token or self.login.connector_token(self.service_url)
        headers = {"authorization": f"Bearer {genuine}"}
        async with self._http.post(self.endpoint, json=activity, headers=headers) as response:
            turn = Turn(response.status, await response.read(), activity)
        if self._keep:
            self.sent.append(turn)
        return turn

    # -- being Microsoft -------------------------------------------------------------------------------------------

    def _add_apis(self, app: web.Application) -> None:
        self.writer = Writer(self.tenant, self.service_url)
        self.login = LoginApi(url=self.url, cloud=CLOUDS["public"], tenant=TENANT, app=APP, secret=SECRET)
        self.connector = ConnectorApi(self.tenant, self.service_url)
        graph = GraphApi(self.tenant, self.url, self.install)
        app.add_routes([*self.login.routes(), *self.connector.routes(), *graph.routes()])

    async def _take_endpoint(self, request: web.Request) -> web.Response:
        url = str((await request.json())["url"])
        # a bot has one endpoint: a second workspace that uses it does not take it over, a service that moved does
        if urlsplit(url).netloc != urlsplit(self.endpoint).netloc:
            self.endpoint = url
        return web.json_response({})

    @web.middleware
    async def _edge(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        api = _api(request.path)
        if api is None:
            return await handler(request)
        body = await request.read()
        fault = self._over_limit(api) or self.faults.take(api, f"{request.method} {request.raw_path}")
        answer = None
        if fault is None or fault.carried_out:
            answer = await self._carried_out(api, request, handler)
        self._record(api, request, body, fault, answer)
        if fault is not None:
            return await self._fail(request, fault, answer)
        assert answer is not None  # noqa: S101  for the type checker
        return answer

    async def _carried_out(
        self, api: Api, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.Response:
        scope = {"connector": CLOUDS["public"].scope, "graph": CLOUDS["public"].graph_scope}.get(api)
        if scope is not None and not self.login.holds(request.headers.get("authorization"), scope):
            return web.json_response({"error": {"code": "Unauthorized", "message": "no such token"}}, status=401)
        try:
            answer = await handler(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        except web.HTTPException as error:
            return web.json_response({"error": {"code": "NotFound", "message": error.reason}}, status=error.status)
        if not isinstance(answer, web.Response):
            raise TypeError("the stand-in answers whole")
        return answer

    def _record(
        self, api: Api, request: web.Request, body: bytes, fault: Fault | None, answer: web.Response | None
    ) -> None:
        info = request.match_info
        to = info.get("conversation") or info.get("user") or ""
        good = answer is not None and answer.status < 400
        status = fault.status if fault is not None else answer.status if answer is not None else 0
        said = answer.body if answer is not None and isinstance(answer.body, bytes) else b""
        kept = (body, said) if self._keep else (b"", b"")
        path = request.raw_path
        self.journal.append(
            Arrival(time.monotonic(), api, request.method, path, to, status, good, request.content_type, *kept)
        )

    async def _fail(self, request: web.Request, fault: Fault, good: web.Response | None) -> web.StreamResponse:
        if fault.hangs:
            await self._stopping.wait()
        elif fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.status == 200 and fault.body is None and good is not None:
            return good
        headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
        if fault.body is not None:
            return web.Response(
                status=fault.status, body=fault.body, headers=headers, content_type="application/json"
            )
        error = {"error": {"code": fault.code, "message": fault.code}}
        return web.json_response(error, status=fault.status, headers=headers)

    def _over_limit(self, api: Api) -> Fault | None:
        if self._limit is None or api != "connector":
            return None
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= 1.0:
            self._recent.popleft()
        if len(self._recent) < self._limit:
            self._recent.append(now)
            return None
        self.violations += 1
        return too_many(1)


CARD = "application/vnd.microsoft.card.adaptive"


def _api(path: str) -> Api | None:
    first = path.split("/", 2)[1]
    known: dict[str, Api] = {
        "connector": "connector",
        "graph": "graph",
        "login": "login",
        "identity": "login",
        "bot": "metadata",
    }
    return known.get(first)


def _listening(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
