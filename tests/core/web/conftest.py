"""Two organizations on one service, served over real HTTP, with rounds of a named kind and of a survey."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel

from tertulia import bootstrap
from tertulia.capabilities import Answer, Fact, Raw, Subscription, Webhook
from tertulia.config import Config
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.people import Place
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.errors import Mistake, Refused
from tertulia.extension import PERSON, Access, Context, Prepared, RitualKind, RoundRequest, Route, Shared, Tally
from tertulia.hookspecs import hookimpl
from tertulia.runtime import Runtime
from tertulia.services import installations, links, opening, people, programs, rounds, tokens
from tertulia.services.rounds import RoundRow
from tertulia.storage import keys
from tertulia.storage.tables import round_table
from tertulia.testing.clock import DrivenClock
from tertulia.testing.databases import prepare
from tertulia.web import app, sessions
from tertulia.web.mailbox import Mailbox

START = datetime(2026, 3, 2, 7, tzinfo=UTC)  # a Monday
ROLES = ("owner", "admin", "host", "analyst", "responder")
OPTIONS = (Option(value="a", label="Alpha"), Option(value="b", label="Beta"))
POINTS = tuple(Option(value=str(point), label=str(point)) for point in range(1, 6))
FIELDS = (
    Field(key="one", kind="one", label="Choose one", options=OPTIONS),
    Field(key="many", kind="many", label="Choose some", options=OPTIONS),
    Field(key="scale", kind="scale", label="How much?", options=POINTS, ends=("not at all", "very much")),
    Field(key="short", kind="short", label="In a word", hint="One word is enough."),
    Field(key="long", kind="long", label="Tell more", required=True),
    Field(key="tick", kind="confirm", label="I mean it"),
)
PROGRAM = """\
[[practice]]
key = "ask"
kind = "question"
title = "Question of {name}"
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }}
open_for = "2d"

[[practice]]
key = "poll"
kind = "poll"
title = "Poll of {name}"
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }}
open_for = "2d"
"""


class Options(BaseModel):
    pass


@dataclass(frozen=True)
class Asking:
    name: str
    privacy: Privacy
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        return Prepared(content={"text": "What is new?"})

    def prompt(self, content: Json, language: str) -> Draft:
        return Draft(
            title="",
            body=Markup.literal(content["text"]),
            recorded="Kept with your name." if self.privacy == "named" else "Kept sealed.",
            fields=FIELDS,
            actions=(Action(verb="answer", label="Send", style="primary"),),
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        if not values.get("long"):
            raise Mistake("Tell more: the long text is empty.")
        return Given(values=dict(values))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        said = [f"{one.name}: {one.values.get('long')}" for one in given]
        return Draft(title="What was said", body=Markup.bullets(said), recorded="Shown to the workspace.")


class Kinds:
    @hookimpl
    def register_rituals(self) -> Iterable[RitualKind]:
        return (Asking("question", "named"), Asking("poll", "confidential"))


class Bell:
    """A webhook that rings when the secret is in its header."""

    name = "bell"

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        return Answer(body=raw.url.encode(), headers=(("X-Bell", "yes"),)) if raw.method == "HEAD" else None

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        if raw.headers.get("x-secret") not in subscription.secrets or raw.url.partition("?")[0] != subscription.url:
            raise Refused("wrong secret", 401)

    def event_id(self, raw: Raw) -> str:
        return raw.body.decode()

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        return True

    def facts(self, raw: Raw) -> Sequence[Fact]:
        return ()


class Panel:
    """A plugin with a webhook and a route of every access, which tells the workspace it belongs to."""

    @hookimpl
    def register_webhooks(self, context: Context) -> Iterable[Webhook]:
        return (Bell(),)

    @hookimpl
    def register_routes(self, context: Context) -> Iterable[Route]:
        async def tell(request: web.Request) -> web.Response:
            return web.Response(text=f"panel of {context.workspace} for {request.get(PERSON)}")

        async def named(request: web.Request) -> web.Response:
            return web.Response(text=request.match_info["name"])

        kinds: tuple[Literal["public", "verified", "link", "member", "sandbox"], ...]
        kinds = ("public", "verified", "link", "member", "sandbox")
        yield from (
            Route(method=method, path=f"/{kind}", handler=tell, access=Access(kind=kind, why="test"))
            for kind in kinds
            for method in ("GET", "POST")
        )
        hosts = Access(kind="role", roles=frozenset({"host"}), why="test")
        yield Route(method="GET", path="/role", handler=tell, access=hosts)
        public = Access(kind="public", why="test")
        yield Route(method="GET", path="/items/{name}", handler=named, access=public, frames=("teams.example",))
        vendor = ("https://res.vendor.example",)
        yield Route(method="GET", path="/scripted/{name}", handler=named, access=public, scripts=vendor)


class StillEngine:
    """Run nothing: these tests take the steps of a round themselves."""

    launched = True

    async def launch(self, work: object, *, executor: str, concurrency: int) -> None:
        pass

    async def stop(self) -> None:
        pass


@dataclass
class Tenant:
    name: str
    organization: Id
    workspace: Id
    persons: dict[str, Id] = field(default_factory=dict)
    rounds: dict[str, Id] = field(default_factory=dict)
    panel: Id = ""


@dataclass
class Visitor:
    """A browser: it keeps its cookie and sends what a browser sends with a form."""

    base: str
    client: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)
    page: str = ""

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self._send("GET", path, None, headers)

    async def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> aiohttp.ClientResponse:
        given = {"Sec-Fetch-Site": "same-origin", **headers}
        return await self._send("POST", path, {"csrf": self.field("csrf"), **(form or {})}, given)

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return found.group(1) if found else ""

    async def _send(
        self, method: str, path: str, form: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        sent = dict(headers)
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = self.base + path
        async with self.client.request(method, url, data=form, headers=sent, allow_redirects=False) as answer:
            text = await answer.text()
        for name, morsel in answer.cookies.items():
            if morsel.value:
                self.cookies[name] = morsel.value
            else:
                self.cookies.pop(name, None)
        if 'name="csrf"' in text:
            self.page = text
        return answer


@dataclass
class Site:
    runtime: Runtime
    clock: DrivenClock
    wall: DrivenClock
    app: web.Application
    base: str
    client: aiohttp.ClientSession
    mailbox: Mailbox
    tenants: dict[str, Tenant]

    def visitor(self) -> Visitor:
        return Visitor(self.base, self.client)

    async def member(self, tenant: Tenant, who: str) -> Visitor:
        """Return a browser with a member's session."""
        visitor = self.visitor()
        async with self.runtime.database.write() as tx:
            whose = (tenant.organization, tenant.persons[who])
            secret = await sessions.open_for_member(self.runtime, tx, *whose, self.wall.now())
        visitor.cookies[sessions.cookie_name(self.runtime.config)] = secret
        async with self.runtime.database.read() as tx:
            digest = links.digest(secret)
            session = sessions.Session(
                digest=digest, organization="", person="", round=None, fresh_until=None, expires=START
            )
        visitor.page = f'name="csrf" value="{sessions.csrf_token(self.runtime, session)}"'
        return visitor

    async def link(self, tenant: Tenant, who: str, practice: str = "ask") -> str:
        """Return the path of a new personal link."""
        async with self.runtime.database.write() as tx:
            url = await links.make(
                self.runtime,
                tx,
                tenant.organization,
                tenant.persons[who],
                tenant.rounds[practice],
                self.clock.now() + timedelta(days=9),
            )
        return url.removeprefix(self.runtime.config.public_url)

    async def follow(self, tenant: Tenant, who: str, practice: str = "ask") -> Visitor:
        """Return a browser that followed a personal link to the answer page."""
        visitor = self.visitor()
        answer = await visitor.get(await self.link(tenant, who, practice))
        await visitor.get(answer.headers["Location"])
        return visitor

    async def round(self, tenant: Tenant, practice: str) -> RoundRow:
        async with self.runtime.database.read() as tx:
            row = await rounds.find(tx, tenant.rounds[practice])
        assert row is not None
        return row


OpenSite = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    keys.new_keys(tmp_path / "keys")
    return Config(
        mode="sandbox",
        database_url=f"sqlite:///{tmp_path / 't.db'}",
        engine_url=f"sqlite:///{tmp_path / 'e.db'}",
        public_url="http://127.0.0.1:8080",
        host="127.0.0.1",
        port=0,
        keys_file=tmp_path / "keys",
        keystore=tmp_path / "rounds",
        plugins=frozenset(),
    )


@pytest.fixture
def open_site(config: Config) -> OpenSite:
    @asynccontextmanager
    async def opened(**changed: Any) -> AsyncIterator[Site]:
        clock, wall, mailbox = DrivenClock(START), DrivenClock(START), Mailbox()
        extra, engine = {"kinds": Kinds(), "panel": Panel()}, cast(Any, StillEngine())
        async with AsyncExitStack() as stack:
            made = replace(config, **changed)
            await prepare(made.database_url)
            runtime = await bootstrap.build(made, clock=clock, extra_plugins=extra, engine=engine)
            stack.push_async_callback(bootstrap.close, runtime)
            mail = await mailbox.start()
            stack.push_async_callback(mailbox.stop)
            tenants = {name: await _tenant(runtime, clock, name, mail) for name in ("Acme", "Zenith")}
            application = app.build(runtime, wall=wall, wait=0.0)
            server = TestServer(application)
            await server.start_server(access_log=None, keepalive_timeout=1.0)
            stack.push_async_callback(server.close)
            client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
            base = str(server.make_url("")).rstrip("/")
            yield Site(runtime, clock, wall, application, base, client, mailbox, tenants)

    return opened


async def _tenant(runtime: Runtime, clock: DrivenClock, name: str, mail: Json) -> Tenant:
    async with runtime.database.write() as tx:
        organization = await people.create_organization(runtime, tx, name=f"Canary{name}", actor="test")
        workspace = await people.create_workspace(runtime, tx, organization, name=f"Canary{name} space", actor="test")
        tenant = Tenant(name, organization, workspace)
        for who in ("member", *ROLES):
            given = {"name": f"Canary{name} {who}", "email": f"{who}@{name.lower()}.example"}
            tenant.persons[who] = await people.add_person(
                runtime, tx, organization, given, workspace=workspace, actor="test"
            )
            if who in ROLES:
                await people.grant(runtime, tx, organization, workspace, tenant.persons[who], who, actor="test")
        place = {"organization": organization, "workspace": workspace, "actor": "test"}
        await installations.enable(runtime, tx, plugin="web", settings=mail, **place)
        tenant.panel = await installations.enable(runtime, tx, plugin="panel", settings={}, **place)
        await programs.apply(runtime, tx, text=PROGRAM.format(name=f"Canary{name}"), **place)
    await runtime.installations.refresh()
    clock.set(START + timedelta(hours=3))
    async with runtime.database.write() as tx:
        query = sa.select(round_table.c.id).filter_by(organization_id=organization, state="planned")
        for identifier in (await tx.execute(query)).scalars().all():
            row = await rounds.find(tx, identifier)
            assert row is not None
            await opening.open_round(runtime, tx, row)
            tenant.rounds[row.practice] = row.id
    clock.set(START)
    return tenant


MakeToken = Callable[..., Awaitable[str]]


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass
class Caller:
    """Call the API as a program does: with a token, without cookies."""

    site: Any
    token: str
    workspace: str
    base: str

    async def __call__(
        self, method: str, path: str, document: Any = None, *, content: bytes | None = None, **headers: str
    ) -> Answered:
        """Call *path*, below the workspace where it does not begin with a slash."""
        url = path if path.startswith("/") else f"/api/v1/workspaces/{self.workspace}/{path}".rstrip("/")
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): it for name, it in headers.items()},
        }
        body: dict[str, Any] = {"data": content} if content is not None else {"json": document} if document else {}
        async with self.site.client.request(method, self.base + url, headers=sent, **body) as answer:
            return Answered(answer.status, answer.headers, await answer.json(content_type=None))


@pytest.fixture
def make_token() -> MakeToken:
    """Make a token of a tenant for one of its persons, with all scopes that person may have or with *scopes*."""

    async def made(
        site: Any, tenant: Any, who: str = "owner", scopes: Collection[str] | None = None, days: int = 30
    ) -> str:
        wanted = [one for one in tokens.SCOPES if who == "owner" or one != "read:audit"] if scopes is None else scopes
        async with site.runtime.database.write() as tx:
            _, text = await tokens.create(
                site.runtime,
                tx,
                organization=tenant.organization,
                workspace=tenant.workspace,
                person=tenant.persons[who],
                name=f"of {who}",
                scopes=wanted,
                days=days,
                now=site.wall.now(),
                actor="test",
            )
        return text

    return made


@pytest.fixture
def program(make_token: MakeToken) -> Callable[..., Awaitable[Caller]]:
    """Return a program with a token of a tenant."""

    async def made(site: Any, tenant: Any, who: str = "owner", scopes: Collection[str] | None = None) -> Caller:
        return Caller(site, await make_token(site, tenant, who, scopes), tenant.workspace, site.base)

    return made
