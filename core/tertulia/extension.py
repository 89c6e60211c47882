"""What a plugin is given, and the typed objects that its hooks return besides platforms and webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import aiohttp
from aiohttp import web
from pydantic import BaseModel

from tertulia.capabilities import Inbox, Subscription
from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.people import Role
from tertulia.domain.prompts import Draft, Given, Privacy
from tertulia.domain.surveys import Item
from tertulia.live import LiveRounds


class Store(Protocol):
    """Keep small values sealed, for one installation; a plugin never sees another's."""

    async def get(self, key: str) -> Any:
        """Return the JSON value under *key*, or `None`."""
        ...

    async def put(self, key: str, value: Any) -> None:
        """Keep a JSON value under *key*."""
        ...

    async def put_new(self, key: str, value: Any) -> bool:
        """Keep a JSON value under *key* unless there is one, and tell whether it was kept.

        Of several workers that ask at once one alone is told so: what may be done once is done by that one.

        .. versionadded:: 0.1
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget *key*; an unknown one is no error."""
        ...

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, Any]]:
        """Yield the pairs whose key starts with *prefix*, in key order."""
        ...


@dataclass(frozen=True)
class Window:
    """Allow *count* calls in any *seconds*; a *burst* of them may come at once, the rest is spread evenly."""

    count: int
    seconds: float
    burst: int = 1


class Limiter(Protocol):
    """Share a platform's rate limits among all workers."""

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        """Wait until one call fits all windows of all keys (tenant, conversation, token, endpoint class)."""
        ...

    async def penalty(self, key: str, seconds: float) -> None:
        """Let nobody pass *key* for that long: the platform said so."""
        ...


class Context(Protocol):
    """Be all that a plugin gets of one installation."""

    @property
    def plugin(self) -> str:
        """The plugin's name."""
        ...

    @property
    def installation(self) -> Id:
        """The installation's id."""
        ...

    @property
    def workspace(self) -> Id:
        """The workspace that enabled the plugin."""
        ...

    @property
    def settings(self) -> Any:
        """The plugin's own settings, an instance of what `register_settings` returned."""
        ...

    @property
    def store(self) -> Store:
        """The installation's sealed store."""
        ...

    @property
    def http(self) -> aiohttp.ClientSession:
        """A session that reaches only the hosts named by the settings' `allowed_hosts`, https, no redirects."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock rounds live by."""
        ...

    @property
    def limiter(self) -> Limiter:
        """The rate limiter shared by all workers."""
        ...

    @property
    def inbox(self) -> Inbox:
        """Where facts go in."""
        ...

    @property
    def live(self) -> LiveRounds:
        """Live rounds in this workspace."""
        ...

    @property
    def public_url(self) -> str:
        """Where this installation's routes are mounted, without a trailing slash."""
        ...

    def page(self, title: str, body: Markup, *, status: int = 200) -> web.Response:
        """Render a page in the house style."""
        ...

    async def subscribe(self, webhook: str, secrets: Sequence[str]) -> Subscription:
        """Return the installation's subscription for *webhook*, made on first use, with these secrets."""
        ...

    async def unsubscribe(self, webhook: str) -> None:
        """Forget the subscription; its path answers 404 from then on."""
        ...


AccessKind: TypeAlias = Literal["public", "verified", "link", "member", "role", "sandbox", "token"]


@dataclass(frozen=True, kw_only=True)
class Access:
    """State who may call a route.

    `public` anyone; `verified` the handler checks a signature or token itself; `link` whoever holds a personal link
    or its cookie; `member` a person with a fresh session; `role` one with any of *roles* in the route's workspace;
    `sandbox` only while the sandbox runs; `token` whoever shows a token of the JSON API that has *scope*, made by a
    person with any of *roles*: the core's own routes only. *why* is a short reason, printed in the matrix.
    """

    kind: AccessKind
    why: str
    roles: frozenset[Role] = frozenset()
    scope: str = ""


PERSON = web.RequestKey("person", str)
"""Under this key a request holds the id of the person whose session the route's `Access` asked for."""
FORM_TOKEN = web.RequestKey("form_token", str)
"""What a form of such a route must send back as its field `csrf`, or a script as the header `X-CSRF-Token`."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """Serve what must answer in the same request: bot turns, panels, tabs.

    *path* is below the installation's own `public_url`. *frames* lists the hosts that may frame the answer, *scripts*
    the origins other than our own whose scripts the page may load: a platform's own library for its frames.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    frames: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


class Sandbox(Protocol):
    """Stand in for a platform on loopback; started in sandbox mode only."""

    @property
    def name(self) -> str:
        """The plugin's name."""
        ...

    async def start(self) -> Json:
        """Start serving and return the settings an installation needs to use it."""
        ...

    async def stop(self) -> None:
        """Stop serving."""
        ...


@dataclass(frozen=True, kw_only=True)
class RoundRequest:
    """Hold what a ritual kind needs to prepare a round.

    *used* are the items its group has seen, oldest first; *turn* is how many rounds of the practice came before.
    *closes_at* (UTC) is when nothing is taken any more, `None` where a host ends the round. *page* is where members
    find their own page on the web.
    """

    practice: str
    options: Any
    occurrence: str
    group_size: int
    seed: int
    used: tuple[str, ...] = ()
    turn: int = 0
    closes_at: datetime | None = None
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Hold a round's content (JSON, kept with the round) and the items to remember for its group."""

    content: Json
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Hold one answer for a summary; *name* is `None` where the kind is confidential."""

    values: Json
    name: str | None = None
    team: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Hold the figures of a closed round; passes are counted, never named.

    *counted* is what a kind that is `Counted` counted of everybody's answers.
    """

    invited: int
    answered: int
    passed: int
    counted: Json = field(default_factory=dict)


class RitualKind(Protocol):
    """Define a kind of ritual or survey: pure functions from content to prompts and back.

    `confidential` kinds are surveys: their answers become ballots, and `summary` sees them without names.
    """

    @property
    def name(self) -> str:
        """The name that a program's `kind` refers to."""
        ...

    @property
    def privacy(self) -> Privacy:
        """Whether answers carry their giver's name."""
        ...

    @property
    def options(self) -> type[BaseModel]:
        """The model of a practice's `options` table in the program."""
        ...

    def prepare(self, request: RoundRequest) -> Prepared:
        """Choose what this round asks."""
        ...

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the question; actions carry verbs only, the core seals the tokens."""
        ...

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Check what was given; raises `Mistake` with a sentence for the person who answered."""
        ...

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show what came of it; `None` where there is nothing to show."""
        ...


@runtime_checkable
class Itemised(Protocol):
    """A confidential kind that says what its answers are counted by; its figures are then published as cells.

    Without this the core counts the fields of one choice, and words the results itself.
    """

    def items(self, content: Json) -> Sequence[Item]:
        """Return the items of a round; each one's key is the field's that asks it."""
        ...

    def results(self, content: Json, whole: Mapping[str, Json], tally: Tally, language: str) -> Draft | None:
        """Say what is published of everybody: by item, about how many answered, and about how many gave what.

        An item is missing where nothing may be told of it.
        """
        ...


@runtime_checkable
class Personal(Protocol):
    """A kind that asks each person something else: their *share* of the round's content.

    Where a person has no share, `prompt` and `accept` are used. The *share* handed in is one that the core kept or
    drew for the person; it is never what a client sent.
    """

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show what the person with *share* is asked."""
        ...

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Check what was given; raises `Mistake` with a sentence for the person who answered."""
        ...


@runtime_checkable
class Sampled(Personal, Protocol):
    """A personal kind whose shares are drawn: each person is asked a part, and nobody's history is needed for it."""

    def share(self, content: Json, draw: bytes) -> Json:
        """Return the share of the person with *draw*, 32 bytes of a keyed hash that stay the same for a year.

        Its text `block`, where it has one, is the part of the audience by which an `Item` with `blocks` is counted.
        """
        ...


@runtime_checkable
class Paced(Protocol):
    """A kind that asks nobody twice within *pause*, on no platform and in no practice; all paced kinds count."""

    @property
    def pause(self) -> timedelta:
        """How long nobody is asked again."""
        ...

    def in_turn(self, content: Json, draw: bytes, week: int) -> bool:
        """Tell whether the person with *draw*, as in `Sampled.share`, is asked by a round opening in ISO *week*."""
        ...


Groups: TypeAlias = tuple[tuple[Id, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Tell plugins that something happened; *subject* is an id, *detail* holds no personal content."""

    name: Literal["round.opened", "round.closed", "round.cancelled", "installation.enabled", "installation.disabled"]
    workspace: Id
    subject: Id
    at: datetime
    detail: Json = field(default_factory=dict)
