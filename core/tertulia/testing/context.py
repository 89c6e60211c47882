"""A whole context without the core: what a plugin's unit tests hand to its hooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

import aiohttp
from aiohttp import web

from tertulia.capabilities import Command, Subscription
from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member, Place
from tertulia.domain.prompts import Prompt, Reply
from tertulia.domain.rounds import SESSION, SessionState
from tertulia.errors import Refused
from tertulia.extension import Counts, Window
from tertulia.testing.clock import DrivenClock
from tertulia.testing.samples import sample_prompt

EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""A Monday morning; where fakes start unless told otherwise."""


class FakeStore:
    """Keep values in memory, as JSON, so that what a real store would refuse is refused here."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> Any:
        """Return the value under *key*, or `None`."""
        return json.loads(self.values[key]) if key in self.values else None

    async def put(self, key: str, value: Any) -> None:
        """Keep *value*."""
        self.values[key] = json.dumps(value)

    async def delete(self, key: str) -> None:
        """Forget *key*."""
        self.values.pop(key, None)

    async def scan(self, prefix: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the pairs whose key starts with *prefix*."""
        for key in sorted(key for key in self.values if key.startswith(prefix)):
            yield key, json.loads(self.values[key])


@dataclass
class FakeLimiter:
    """Let everyone pass at once and record who asked."""

    acquired: list[dict[str, tuple[Window, ...]]] = field(default_factory=list)
    penalties: list[tuple[str, float]] = field(default_factory=list)

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Record the windows."""
        self.acquired.append({key: tuple(windows) for key, windows in limits.items()})

    async def penalty(self, key: str, seconds: float) -> None:
        """Record the pause."""
        self.penalties.append((key, seconds))


@dataclass(frozen=True, kw_only=True)
class Received:
    """Hold one call of the inbox: its name, its key where it has one, and its other arguments."""

    name: str
    key: str | None
    value: Any


@dataclass
class FakeInbox:
    """Take facts in memory, each key once, and answer with *reply* (set it to script the answer)."""

    reply: Reply = field(default_factory=lambda: Reply(status="taken", text=Markup.literal("Thank you.")))
    received: list[Received] = field(default_factory=list)
    _replies: dict[str, Reply] = field(default_factory=dict)

    def _take(self, name: str, key: str | None, value: Any) -> bool:
        if key is not None and any(one.key == key and one.name == name for one in self.received):
            return False
        self.received.append(Received(name=name, key=key, value=value))
        return True

    async def answered(self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None) -> Reply:
        """Record an answer; the same key answers as before."""
        self._take("answered", key, {"token": token, "actor": actor, "values": dict(values), "reply_to": reply_to})
        return self._replies.setdefault(key, self.reply)

    async def command(self, command: Command, key: str) -> Reply:
        """Record a command; the same key answers as before."""
        self._take("command", key, command)
        return self._replies.setdefault(key, self.reply)

    async def participated(self, facts: Sequence[Participation], key: str) -> None:
        """Record participation."""
        self._take("participated", key, tuple(facts))

    async def interacted(self, facts: Sequence[Interaction], key: str) -> None:
        """Record ties."""
        self._take("interacted", key, tuple(facts))

    async def joined(self, member: Member, key: str) -> None:
        """Record an account that appeared."""
        self._take("joined", key, member)

    async def left(self, actor: Actor, key: str) -> None:
        """Record an account that went."""
        self._take("left", key, actor)

    async def reachable(self, actor: Actor, address: Json | None) -> None:
        """Record how to write to an account."""
        self._take("reachable", None, (actor, address))

    async def page(self, actor: Actor) -> str:
        """Return a link that leads nowhere, and record for whom."""
        self._take("page", None, actor)
        return f"https://tertulia.example/sign-in/{actor.user}"


@dataclass
class FakeLive:
    """Run live sessions in memory, by the core's own table of states."""

    sessions: dict[Id, list[Counts]] = field(default_factory=dict)

    async def start(self, place: Place, host: Actor, practice: str, options: Json) -> Id:
        """Open a session in the lobby."""
        session = f"{len(self.sessions):032x}"
        self.sessions[session] = [Counts(state="lobby", present=0, answered=0, passed=0)]
        return session

    async def advance(self, session: Id, host: Actor, state: str) -> Counts:
        """Take the session on, or refuse."""
        known = self.sessions[session]
        if state not in SESSION[known[-1].state]:
            raise Refused(f"a session cannot go from {known[-1].state} to {state}", 409)
        known.append(Counts(state=cast("SessionState", state), present=0, answered=0, passed=0))
        return known[-1]

    async def prompt(self, session: Id, actor: Actor | None = None) -> Prompt:
        """Show a sample question, the same to everybody."""
        return sample_prompt()

    async def watch(self, session: Id) -> AsyncIterator[Counts]:
        """Yield what the session has been through so far."""
        for counts in tuple(self.sessions[session]):
            yield counts


@dataclass(kw_only=True)
class FakeContext:
    """Be a context without the core; `async with` gives it an HTTP session for loopback servers.

    The session knows no allow-list: the real one refuses hosts that the settings do not name.
    """

    settings: Any = None
    plugin: str = "example"
    installation: Id = "1" * 32
    workspace: Id = "2" * 32
    store: FakeStore = field(default_factory=FakeStore)
    clock: Clock = field(default_factory=lambda: DrivenClock(EPOCH))
    limiter: FakeLimiter = field(default_factory=FakeLimiter)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    live: FakeLive = field(default_factory=FakeLive)
    origin: str = "https://tertulia.example"
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> FakeContext:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> Literal[False]:
        if self._http is not None:
            await self._http.close()
        return False

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session; there is one inside `async with` only."""
        if self._http is None:
            raise RuntimeError("enter the context first: async with FakeContext(…) as context")
        return self._http

    @property
    def public_url(self) -> str:
        """Where routes would be mounted."""
        return f"{self.origin}/plugins/{self.plugin}/{self.installation}"

    def page(self, title: str, body: Markup, *, status: int = 200) -> web.Response:
        """Render a bare page."""
        head = Markup.literal(title).html()
        return web.Response(text=f"<!doctype html>{head}{body.html()}", status=status, content_type="text/html")

    async def subscribe(self, webhook: str, secrets: Sequence[str]) -> Subscription:
        """Return the subscription for *webhook*, with these secrets."""
        known = self.subscriptions.get(webhook)
        identifier = known.id if known else f"{len(self.subscriptions) + 3:032x}"
        url = f"{self.origin}/hooks/{self.plugin}/{identifier}"
        made = Subscription(id=identifier, name=webhook, url=url, secrets=tuple(secrets))
        self.subscriptions[webhook] = made
        return made

    async def unsubscribe(self, webhook: str) -> None:
        """Forget the subscription."""
        self.subscriptions.pop(webhook, None)
