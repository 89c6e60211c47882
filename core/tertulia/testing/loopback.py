"""A whole platform over real HTTP, for tests and benchmarks: hand this module to the core as a plugin.

`tertulia.testing.loopback_server` is the platform itself. The module shows the anatomy of a plugin, too: settings,
one client that turns every answer into a value or an error once, thin ports, a webhook and a route.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tertulia import (
    Access,
    Actor,
    Batch,
    Command,
    Context,
    Id,
    Interaction,
    Json,
    Member,
    OperatorError,
    OutcomeUnknown,
    Participation,
    Place,
    Platform,
    Prompt,
    Recipient,
    Ref,
    Reply,
    RetryLater,
    Route,
    Unreachable,
    Webhook,
    Window,
    hookimpl,
    parse_command,
)
from tertulia.testing.loopback_webhook import NAME, WEBHOOK, LoopbackWebhook, activity, member, place


class Settings(BaseModel):
    """Hold the settings of one installation; *rate* is calls per second that the limiter lets through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    secret: SecretStr
    allowed_hosts: list[str] = ["127.0.0.1"]
    realm: str = "realm"
    survey: Literal["native", "link", "no"] = "native"
    gathers: bool = False
    rate: int | None = Field(default=None, gt=0)
    burst: int = Field(default=1, gt=0)
    timeout: float = Field(default=10, gt=0)


class LoopbackClient:
    """Make calls; every answer becomes a value or one of the four errors here and nowhere else."""

    def __init__(self, context: Context):
        self._context = context
        self.settings: Settings = context.settings
        self._url = self.settings.url.rstrip("/")
        self._headers = {"authorization": f"Bearer {self.settings.secret.get_secret_value()}"}
        self._timeout = aiohttp.ClientTimeout(total=self.settings.timeout)
        self._limits: dict[str, tuple[Window, ...]] = {}
        if self.settings.rate is not None:
            self._limits[self.settings.realm] = (Window(self.settings.rate, 1.0, self.settings.burst),)

    async def send(self, verb: str, body: Json, *, key: str = "", to: str = "") -> Ref:
        """Carry *verb* out on the platform and return what it calls the message."""
        if self._limits:
            await self._context.limiter.acquire(self._limits)
        headers = {**self._headers, "loopback-key": key, "loopback-to": to}
        data = json.dumps(body).encode()
        answer = await self._call("POST", f"{self._url}/{verb}", headers, data=data)
        if not isinstance(answer.get("ref"), str):
            raise OutcomeUnknown("loopback answered without a reference")
        ref: Ref = answer["ref"]
        return ref

    async def read(self, path: str, cursor: str | None) -> Json:
        """Read a page; whatever went wrong may be tried again."""
        try:
            return await self._call("GET", f"{self._url}/{path}", self._headers, params={"cursor": cursor or "0"})
        except OutcomeUnknown as unknown:
            raise RetryLater(str(unknown)) from None

    async def _call(self, method: str, url: str, headers: Mapping[str, str], **options: Any) -> Json:
        try:
            async with self._context.http.request(
                method, url, headers=headers, timeout=self._timeout, **options
            ) as response:
                raw = await response.read()
        except aiohttp.ClientConnectorError:
            raise RetryLater("nothing answers at the platform's address") from None
        except (aiohttp.ClientError, TimeoutError):
            raise OutcomeUnknown("the connection was lost before an answer came") from None
        if response.status != 200:
            raise self._error(response)
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise OutcomeUnknown("the answer cannot be read")
        return answer

    def _error(self, response: aiohttp.ClientResponse) -> Exception:
        status = response.status
        if status == 429:
            after = retry_after(response.headers.get("retry-after"))
            return RetryLater("too many calls", after, everyone=self.settings.realm)
        if status in {403, 404, 410}:
            return Unreachable(f"the platform answered {status}")
        if status >= 500:
            return OutcomeUnknown(f"the platform answered {status}")
        return OperatorError(f"the platform answered {status}: check url and secret")


def retry_after(value: str | None) -> timedelta | datetime | None:
    """Read seconds, an ISO instant, or nothing."""
    if value is None:
        return None
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        pass
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def written(prompt: Prompt) -> dict[str, Any]:
    """Write a prompt in the platform's dialect."""
    return {
        "prompt": prompt.id,
        "version": prompt.version,
        "title": prompt.title,
        "body": prompt.body.plain(),
        "recorded": prompt.recorded,
        "fields": [
            {"key": field.key, "kind": field.kind, "options": [option.value for option in field.options]}
            for field in prompt.fields
        ],
        "actions": {action.verb: action.token for action in prompt.actions},
        "link": prompt.link,
    }


def written_reply(reply: Reply) -> dict[str, Any]:
    """Write a reply in the platform's dialect."""
    return {
        "status": reply.status,
        "text": reply.text.plain() if reply.text else None,
        "prompt": written(reply.prompt) if reply.prompt else None,
        "private": reply.private,
    }


class LoopbackRituals:
    """Carry rituals in channels."""

    def __init__(self, client: LoopbackClient):
        self._client = client

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Show *prompt* in *place*."""
        return await self._client.send("post", written(prompt), key=key, to=place.ref)

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was shown."""
        await self._client.send("refresh", {"ref": ref, **written(prompt)}, to=ref)

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """End it."""
        await self._client.send("close", {"ref": ref, **written(summary)}, to=ref)

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Bring a group together where the settings say so."""
        if not self._client.settings.gathers:
            return None
        users = [_user(recipient) for recipient in group]
        return await self._client.send("gather", {"users": users, **written(prompt)}, key=key, to=",".join(users))


class LoopbackSurveys:
    """Ask in private chats."""

    def __init__(self, client: LoopbackClient):
        self._client = client

    @property
    def confidential(self) -> Literal["native", "link", "no"]:
        """Say how a survey is asked."""
        return self._client.settings.survey

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Ask one person."""
        return await self._client.send("ask", written(prompt), key=key, to=_user(to))

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was asked."""
        await self._client.send("amend", {"ref": ref, **written(prompt)}, to=ref)

    async def withdraw(self, ref: Ref) -> None:
        """Take the question back."""
        await self._client.send("withdraw", {"ref": ref}, to=ref)


class LoopbackReplies:
    """Answer after the request."""

    def __init__(self, client: LoopbackClient):
        self._client = client

    async def reply(self, to: str, reply: Reply) -> None:
        """Send *reply*."""
        await self._client.send("reply", written_reply(reply), to=to)


class LoopbackRecords:
    """Read facts and accounts, page by page."""

    def __init__(self, client: LoopbackClient):
        self._client = client

    async def since(
        self, cursor: str | None, places: frozenset[Place]
    ) -> AsyncIterator[Batch[Participation | Interaction]]:
        """Yield the facts at *places* behind *cursor*."""
        async for items, behind in self._pages("facts", cursor):
            wanted = (item for item in items if place(item["place"]) in places)
            yield Batch(tuple(activity(self._client.settings.realm, item) for item in wanted), behind)

    async def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the accounts behind *cursor*."""
        async for items, behind in self._pages("members", cursor):
            yield Batch(tuple(member(self._client.settings.realm, item) for item in items), behind)

    async def _pages(self, path: str, cursor: str | None) -> AsyncIterator[tuple[list[Json], str]]:
        while True:
            page = await self._client.read(path, cursor)
            if not page["items"]:
                return
            cursor = str(page["cursor"])
            yield page["items"], cursor


def _user(recipient: Recipient) -> str:
    user = recipient.address.get("user")
    if not isinstance(user, str):
        raise Unreachable("the recipient has no account here")
    return user


class LoopbackRoutes:
    """Take bot turns and answer them in the same request."""

    def __init__(self, context: Context):
        self._context = context
        self._settings: Settings = context.settings

    async def turn(self, request: web.Request) -> web.StreamResponse:
        """Take an answer or a command, and answer with the reply."""
        self._check(request)
        body = await request.json()
        inbox, actor = self._context.inbox, Actor(platform=NAME, realm=self._settings.realm, user=body["user"])
        if "command" in body:
            where = place(body["place"]) if "place" in body else None
            mentions = {name: replace(actor, user=user) for name, user in body.get("mentions", {}).items()}
            parsed = parse_command(body["command"], mentions)
            command = Command(name=parsed.name, actor=actor, args=parsed.args, place=where)
            reply = await inbox.command(command, body["event"])
        else:
            reply = await inbox.answered(body["token"], actor, body["values"], body["event"])
        return web.json_response(written_reply(reply))

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Tell the platform where to send its events."""
        self._check(request)
        subscription = await self._context.subscribe(WEBHOOK, [self._settings.secret.get_secret_value()])
        return web.json_response({"hook": subscription.url})

    def _check(self, request: web.Request) -> None:
        expected = f"Bearer {self._settings.secret.get_secret_value()}"
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(errors="replace"), expected.encode()):
            raise web.HTTPUnauthorized(text="unknown token")


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the settings."""
    return Settings


@hookimpl
def register_platforms(context: Context) -> Iterable[Platform]:
    """Return the platform with all ports."""
    client = LoopbackClient(context)
    records = LoopbackRecords(client)
    return (
        Platform(
            name=NAME,
            ritual=LoopbackRituals(client),
            survey=LoopbackSurveys(client),
            replies=LoopbackReplies(client),
            participation=records,
            directory=records,
        ),
    )


@hookimpl
def register_webhooks(context: Context) -> Iterable[Webhook]:
    """Return the reader of events."""
    return (LoopbackWebhook(context.settings.realm),)


@hookimpl
def register_routes(context: Context) -> Iterable[Route]:
    """Return the turns and the connection."""
    routes = LoopbackRoutes(context)
    access = Access(kind="verified", why="the platform's token is checked")
    return (
        Route(method="POST", path="/turns", handler=routes.turn, access=access),
        Route(method="POST", path="/connect", handler=routes.connect, access=access),
    )
