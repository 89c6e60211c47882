"""A workspace with a toy platform, for tests of what comes in and what goes out."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from tertulia.capabilities import (
    Answer,
    Answered,
    Collect,
    Command,
    Fact,
    Keep,
    Left,
    Platform,
    Raw,
    Reachable,
    Subscription,
    Webhook,
    Withdrawn,
)
from tertulia.config import Config
from tertulia.delivery import intake
from tertulia.delivery.outbox import Sender
from tertulia.delivery.processing import Processor
from tertulia.domain.identifiers import Id, Json, new_id
from tertulia.domain.markup import Markup
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Cadence, Practice, Program
from tertulia.domain.prompts import Action, Draft, Field, Given, Privacy
from tertulia.errors import Refused
from tertulia.extension import Context, Prepared, RitualKind, RoundRequest, Shared, Tally, Window
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.services import identities, installations, people
from tertulia.services.installations import Installations, Live
from tertulia.services.prompts import Ticket, seal_ticket
from tertulia.storage import programs, tables
from tertulia.storage.database import Database, Tx
from tertulia.storage.programs import StoredProgram
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock
from tertulia.testing.ports import (
    FakeDirectoryPort,
    FakeParticipationPort,
    FakeReplyPort,
    FakeRitualPort,
    FakeSurveyPort,
)

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
SECRET = "the toy's secret"


def actor(user: str) -> Actor:
    return Actor(platform="toy", realm="realm", user=user)


def place(ref: str) -> Place:
    return Place(platform="toy", ref=ref, kind="channel")


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@dataclass
class ToyWebhook:
    """Read events that are signed with HMAC; *broken* lets the parser fail."""

    name: str = "events"
    broken: bool = False
    read: int = 0

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        return Answer(body=raw.query["challenge"].encode()) if "challenge" in raw.query else None

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        if raw.headers.get("toy-crash"):
            raise KeyError("what a stranger sent")
        expected = {sign(raw.body, subscription.url, secret) for secret in subscription.secrets}
        if raw.headers.get("toy-signature") not in expected:
            raise Refused("the signature does not match", 401)

    def event_id(self, raw: Raw) -> str:
        return str(json.loads(raw.body)["id"])

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        at = {fact["place"] for fact in json.loads(raw.body)["facts"] if "place" in fact}
        return not at or bool(at & {known.ref for known in places})

    def facts(self, raw: Raw) -> Sequence[Fact]:
        self.read += 1
        if self.broken:
            raise ValueError(raw.body.decode())
        return [fact(stated) for stated in json.loads(raw.body)["facts"]]


def fact(stated: Mapping[str, Any]) -> Fact:
    who = actor(stated["who"])
    where = place(stated["place"]) if "place" in stated else None
    match stated["type"]:
        case "participation":
            assert where is not None
            started = datetime.fromisoformat(stated["at"])
            ended = instant(stated.get("ended"))
            return Participation(actor=who, place=where, kind=stated["kind"], started=started, ended=ended)
        case "interaction":
            at = datetime.fromisoformat(stated["at"])
            target, weight = actor(stated["target"]), stated["weight"]
            return Interaction(source=who, target=target, kind=stated["kind"], at=at, weight=weight, place=where)
        case "answered":
            return Answered(token=stated["token"], actor=who, values=stated["values"], reply_to=stated.get("to"))
        case "command":
            return Command(name=stated["name"], actor=who, args=tuple(stated.get("args", ())), reply_to="chat")
        case "reachable":
            return Reachable(actor=who, address=stated["address"])
        case "left":
            return Left(actor=who)
        case "keep":
            return Keep(key=stated["key"], value=stated["value"])
        case "withdrawn":
            return Withdrawn(platform=stated["platform"], realm="realm", due=NOW + timedelta(days=10))
        case _:
            assert where is not None
            return Collect(place=where, after=timedelta(minutes=stated["after"]))


def sign(body: bytes, url: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), url.encode() + body, sha256).hexdigest()


class NoOptions(BaseModel):
    """A kind without options."""


@dataclass
class ToyKind:
    """Ask one text."""

    name: str
    privacy: Privacy
    options: type[BaseModel] = NoOptions

    def prepare(self, request: RoundRequest) -> Prepared:
        return Prepared(content={})

    def prompt(self, content: Json, language: str) -> Draft:
        text = Field(key="text", kind="short", label="How?")
        return Draft(
            title="How?",
            body=Markup.literal("How are you?"),
            recorded="Kept.",
            fields=(text,),
            actions=(Action(verb="answer", label="Send"),),
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        return Given(values={"text": str(values.get("text"))})

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        return None


@dataclass(eq=False)
class ToyPlugin:
    webhook: ToyWebhook = field(default_factory=ToyWebhook)
    ritual: FakeRitualPort = field(default_factory=FakeRitualPort)
    survey: FakeSurveyPort = field(default_factory=FakeSurveyPort)
    replies: FakeReplyPort = field(default_factory=FakeReplyPort)
    participation: FakeParticipationPort = field(default_factory=lambda: FakeParticipationPort(size=2))
    directory: FakeDirectoryPort = field(default_factory=lambda: FakeDirectoryPort(size=2))

    @hookimpl
    def register_platforms(self, context: Context) -> Iterable[Platform]:
        return (
            Platform(
                name="toy",
                ritual=self.ritual,
                survey=self.survey,
                replies=self.replies,
                participation=self.participation,
                directory=self.directory,
            ),
        )

    @hookimpl
    def register_webhooks(self, context: Context) -> Iterable[Webhook]:
        return (self.webhook,)

    @hookimpl
    def register_rituals(self) -> Iterable[RitualKind]:
        return (ToyKind("check-in", "named"), ToyKind("pulse", "confidential"))


class Unlimited:
    """Let everything pass, and note the penalties."""

    def __init__(self) -> None:
        self.penalties: list[tuple[str, float]] = []

    async def acquire(self, limits: Mapping[str, Sequence[Window]]) -> None:
        return

    async def penalty(self, key: str, seconds: float) -> None:
        self.penalties.append((key, seconds))


PROGRAM = Program(
    version=1,
    practices=tuple(
        Practice(
            key=key,
            kind=kind,
            title=title,
            cadence=Cadence(rule="FREQ=DAILY", start="2026-11-02T09:00:00"),
            places=(place("carried"),),
        )
        for key, kind, title in (("daily", "check-in", "Daily check-in"), ("mood", "pulse", "Mood"))
    ),
)


@dataclass
class Station:
    runtime: Runtime
    clock: DrivenClock
    toy: ToyPlugin
    limiter: Unlimited
    organization: Id
    workspace: Id
    live: Live
    subscription: Subscription
    persons: dict[str, Id] = field(default_factory=dict)
    processor: Processor = field(init=False)

    def __post_init__(self) -> None:
        self.processor = Processor(self.runtime, back_off=(0.0, 0.0))

    @property
    def database(self) -> Database:
        return self.runtime.database

    def raw(self, event: str, *facts: Mapping[str, Any], **headers: str) -> Raw:
        body = json.dumps({"id": event, "facts": list(facts)}).encode()
        signature = sign(body, self.subscription.url)
        given = {"toy-signature": signature, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return Raw(method="POST", url=self.subscription.url, headers=given, body=body, query={})

    async def send(self, event: str, *facts: Mapping[str, Any]) -> None:
        answer = await intake.receive(self.runtime, self.live, self.subscription.id, self.raw(event, *facts))
        assert answer.status == 200

    async def process(self) -> int:
        return await self.processor.drain()

    async def deliver(self) -> int:
        return await Sender(self.runtime).drain() + await Sender(self.runtime, alerts=True).drain()

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        async with self.database.read() as tx:
            found = await tx.execute(sa.select(table).where(table.c.organization_id == self.organization))
            return [dict(row._mapping) for row in found]

    async def due(self, table: sa.Table) -> None:
        """Let all leases and back-offs of a table have passed."""
        async with self.database.write() as tx:
            await tx.execute(table.update().values(next_at=0.0))

    async def person(self, name: str, *, member: bool = True) -> Id:
        """Add a person with an account on the toy platform."""
        async with self.database.write() as tx:
            workspace = self.workspace if member else None
            fields = {"name": name, "email": f"{name}@example.org"}
            found = await people.add_person(
                self.runtime, tx, self.organization, fields, workspace=workspace, actor="test"
            )
            identity = await identities.reachable(self.runtime, tx, self.organization, actor(name), {"chat": name})
            await identities.link(self.runtime, tx, self.organization, identity.id, found, "import", actor="test")
        self.persons[name] = found
        return found

    async def place(self, ref: str) -> None:
        async with self.database.write() as tx:
            row = {"organization_id": self.organization, "id": new_id(), "workspace_id": self.workspace}
            await tx.execute(
                tables.place.insert().values(**row, platform="toy", ref=ref, kind="channel", origin="program")
            )

    async def program(self, program: Program = PROGRAM) -> None:
        stored = StoredProgram(program=program, document="", applied_by="test", applied_at=NOW)
        async with self.database.write() as tx:
            await programs.add(tx, self.organization, self.workspace, stored)

    async def round(
        self,
        practice: str = "daily",
        *,
        opens: datetime = NOW - timedelta(hours=3),
        closes: datetime = NOW + timedelta(hours=21),
        state: str = "open",
    ) -> Id:
        kind = "check-in" if practice == "daily" else "pulse"
        identifier = new_id()
        row = {"organization_id": self.organization, "id": identifier, "workspace_id": self.workspace}
        async with self.database.write() as tx:
            await tx.execute(
                tables.round_table.insert().values(
                    **row,
                    practice=practice,
                    kind=kind,
                    program_version=1,
                    occurrence=opens.isoformat(),
                    state=state,
                    opens_at=opens,
                    closes_at=closes,
                    confidential=kind == "pulse",
                    content={},
                )
            )
        if kind == "pulse":
            self.runtime.keys.create(identifier)
        return identifier

    def token(self, round_id: Id, person: Id | None, verb: str = "answer", organization: Id | None = None) -> str:
        ticket = Ticket(organization or self.organization, self.workspace, round_id, person, verb)
        return seal_ticket(self.runtime.vault, ticket)


OpenStation = Callable[[], AbstractAsyncContextManager[Station]]


@pytest.fixture
def open_station(open_database: Callable[[], Any], database_url: str, tmp_path: Path) -> OpenStation:
    """Return an async context manager that opens a new organization with the toy plugin enabled."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Station]:
        async with open_database() as database:
            clock, toy, limiter = DrivenClock(NOW), ToyPlugin(), Unlimited()
            runtime = Runtime(
                config=_config(database_url, tmp_path),
                database=database,
                vault=Vault({b"k001": bytes(32)}),
                keys=KeyStore(tmp_path / "keys"),
                clock=clock,
                entropy=secrets.token_bytes,
                plugins=Plugins.load({"toy": toy}, builtin=False, allowed=frozenset()),
                limiter=limiter,
            )
            runtime.installations = Installations(runtime)
            async with database.write() as tx:
                organization, workspace, installation = await _enabled(runtime, tx)
            await runtime.installations.refresh()
            live = runtime.installations.get(installation)
            assert live is not None, runtime.installations.faults
            subscription = await live.context.subscribe("events", [SECRET])
            try:
                yield Station(runtime, clock, toy, limiter, organization, workspace, live, subscription)
            finally:
                await runtime.installations.close()

    return opened


async def _enabled(runtime: Runtime, tx: Tx) -> tuple[Id, Id, Id]:
    organization = await people.create_organization(
        runtime, tx, name=f"Acme {new_id()}", domains=["example.org"], actor="test"
    )
    workspace = await people.create_workspace(
        runtime, tx, organization, name="Madrid", zone="Europe/Madrid", language="es", actor="test"
    )
    installation = await installations.enable(
        runtime, tx, organization=organization, workspace=workspace, plugin="toy", settings={}, actor="test"
    )
    return organization, workspace, installation


def _config(database_url: str, folder: Path) -> Config:
    return Config(
        mode="sandbox",
        database_url=database_url,
        engine_url=f"sqlite:///{folder / 'engine.db'}",
        public_url="http://127.0.0.1:8080",
        host="127.0.0.1",
        port=8080,
        keys_file=folder / "master",
        keystore=folder / "keys",
    )


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that waits until an async condition holds, for a few seconds of real time."""

    async def wait(condition: Callable[[], Any]) -> None:
        until = time.monotonic() + 60
        while not await condition():
            assert time.monotonic() < until, "it did not happen"
            await asyncio.sleep(0.02)

    return cast(Callable[[Callable[[], Any]], Any], wait)
