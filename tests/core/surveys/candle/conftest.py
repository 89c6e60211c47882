"""A workspace with a member, her manager, two responders and an owner, each reached by mail."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.services import people
from tertulia.storage import tables
from tertulia.storage.database import Database
from tertulia.storage.vault import Vault
from tertulia.surveys.candle import alerts, life, reading
from tertulia.surveys.candle.life import Candle
from tertulia.surveys.candle.wishes import Wishes
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROLES = {"rosa": "responder", "dan": "responder", "olga": "owner"}


@dataclass
class House:
    runtime: Runtime
    clock: DrivenClock
    organization: Id
    workspace: Id
    persons: dict[str, Id] = field(default_factory=dict)
    phrases: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.runtime.database

    async def person(self, name: str, **fields: str) -> Id:
        async with self.database.write() as tx:
            given = {"name": f"{name.capitalize()} Canary", "email": f"{name}@example.org", **fields}
            self.persons[name] = await people.add_person(
                self.runtime, tx, self.organization, given, workspace=self.workspace, actor="test"
            )
        return self.persons[name]

    async def grant(self, name: str, role: str) -> None:
        async with self.database.write() as tx:
            whose = (self.organization, self.workspace, self.persons[name], role)
            await people.grant(self.runtime, tx, *whose, actor="test")

    async def key(self, name: str) -> str:
        async with self.database.write() as tx:
            self.phrases[name] = await life.renew_key(self.runtime, tx, self.organization, self.persons[name])
        return self.phrases[name]

    async def lead(self, led: str, leader: str) -> None:
        row = {"organization_id": self.organization, "person_id": self.persons[led]}
        async with self.database.write() as tx:
            await tx.execute(tables.reporting_line.insert().values(**row, manager_id=self.persons[leader]))

    async def light(
        self, name: str = "ana", responder: str = "rosa", *, key: str = "k1", pass_on: bool = True, **wished: Any
    ) -> str:
        async with self.database.write() as tx:
            return await life.light(
                self.runtime,
                tx,
                self.organization,
                self.workspace,
                self.persons[name],
                responder=self.persons.get(responder, responder),
                pass_on=pass_on,
                chosen=Wishes(**wished),
                key=key,
            )

    async def mine(self, name: str = "ana") -> list[Candle]:
        async with self.database.read() as tx:
            return await life.mine(self.runtime, tx, self.organization, self.persons[name])

    async def withdraw(self, candle: Id, name: str = "ana") -> None:
        async with self.database.write() as tx:
            await life.withdraw(self.runtime, tx, self.organization, self.persons[name], candle)

    async def open(self, name: str = "rosa", phrase: str | None = None) -> list[reading.Opened]:
        async with self.database.write() as tx:
            whose = (self.organization, self.workspace, self.persons[name])
            return await reading.open_all(self.runtime, tx, *whose, phrase or self.phrases[name])

    async def take_up(self, candle: Id, to: str, name: str = "rosa") -> None:
        async with self.database.write() as tx:
            whose = (self.organization, self.workspace, self.persons[name])
            await reading.take_up(self.runtime, tx, *whose, candle, to)

    async def waiting(self, name: str) -> list[reading.Waiting]:
        async with self.database.read() as tx:
            return await reading.addressed(tx, self.organization, self.workspace, self.persons[name])

    async def drive(self, to: datetime) -> None:
        self.clock.set(to)
        while await alerts.advance_due(self.runtime):
            pass

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        async with self.database.read() as tx:
            return [dict(row._mapping) for row in await tx.execute(sa.select(table))]

    async def alerts(self) -> list[tuple[str, str]]:
        """Return whom each alert goes to, and everything that it says."""
        accounts = {row["id"]: row["user"] for row in await self.rows(tables.identity)}
        found = []
        for row in await self.rows(tables.outbox):
            payload = self.runtime.vault.open_json(row["sealed"], "outbox", row["organization_id"], row["id"])
            assert row["purpose"] == "alert"
            prompt = payload["prompt"]
            said = " ".join(span["text"] for block in prompt["body"]["blocks"] for span in block["spans"])
            found.append((accounts[payload["identity"]].split("@")[0], f"{prompt['title']}. {said}"))
        return sorted(found)


OpenHouse = Callable[[], AbstractAsyncContextManager[House]]


@asynccontextmanager
async def house_in(database: Database, folder: Path) -> AsyncIterator[House]:
    """Furnish an empty database."""
    clock = DrivenClock(MONDAY)
    carrier = SimpleNamespace(id="f" * 32, platforms={"web": SimpleNamespace(survey=object())})
    runtime = Runtime(
        config=cast(Any, SimpleNamespace(public_url="https://tertulia.example")),
        database=database,
        vault=Vault({b"k001": bytes(32)}),
        keys=KeyStore(folder / "keys"),
        clock=clock,
        entropy=secrets.token_bytes,
        plugins=cast(Any, None),
        limiter=cast(Any, None),
    )
    runtime.installations = cast(Any, SimpleNamespace(of=lambda workspace: [carrier]))
    async with database.write() as tx:
        owner = await people.create_organization(runtime, tx, name="Acme", domains=["example.org"], actor="test")
        home = await people.create_workspace(runtime, tx, owner, name="Madrid", zone="UTC", actor="test")
    house = House(runtime, clock, owner, home)
    for name in ("ana", "lea", *ROLES):
        await house.person(name)
    for name, role in ROLES.items():
        await house.grant(name, role)
        clock.set(clock.now().replace(second=clock.now().second + 1))
    for name in ("rosa", "dan"):
        await house.key(name)
    await house.lead("ana", "lea")
    yield house


@pytest.fixture
def open_house(make_house: Callable[[Path], AbstractAsyncContextManager[House]], tmp_path: Path) -> OpenHouse:
    """Open a house on SQLite, where the kind of database does not matter."""
    return lambda: make_house(tmp_path)


@pytest.fixture
def open_everywhere(open_database: Callable[[], Any], tmp_path: Path) -> OpenHouse:
    """Open a house on each kind of database."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[House]:
        async with open_database() as database, house_in(database, tmp_path) as house:
            yield house

    return opened


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make all tables once, in a file to copy."""
    template = tmp_path_factory.mktemp("house") / "template.db"
    engine = sa.create_engine(f"sqlite:///{template}")
    tables.metadata.create_all(engine)
    engine.dispose()
    return template


@pytest.fixture
def make_house(empty_database: Path) -> Callable[[Path], AbstractAsyncContextManager[House]]:
    """Make a house of its own in a folder, on SQLite, for a property that needs many."""

    @asynccontextmanager
    async def made(folder: Path) -> AsyncIterator[House]:
        shutil.copy(empty_database, folder / "tertulia.db")
        database = Database.open(f"sqlite:///{folder / 'tertulia.db'}")
        try:
            async with house_in(database, folder) as house:
                yield house
        finally:
            await database.close()

    return made
