"""An organization with one workspace, for tests about people."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from tertulia import rituals
from tertulia.config import Config
from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice, Program
from tertulia.domain.prompts import Reply
from tertulia.plugins import Plugins
from tertulia.runtime import Runtime
from tertulia.services import answers, people, rounds
from tertulia.services.prompts import Ticket
from tertulia.storage import programs, tables
from tertulia.storage.database import Database, Tx
from tertulia.storage.programs import StoredProgram
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class World:
    runtime: Runtime
    clock: DrivenClock
    database: Database
    organization: Id
    workspace: Id

    async def person(self, tx: Tx, name: str, *, member: bool = True, **fields: str) -> Id:
        given = {"name": name, "email": f"{name.lower()}@example.org", **fields}
        where = self.workspace if member else None
        return await people.add_person(self.runtime, tx, self.organization, given, workspace=where, actor="test")

    async def dump(self, tx: Tx, *but: sa.Table) -> dict[str, list[Any]]:
        found = {}
        for table in tables.metadata.sorted_tables:
            if table not in but:
                rows = await tx.execute(sa.select(table))
                found[table.name] = sorted((dict(row._mapping) for row in rows), key=repr)
        return found


OpenWorld = Callable[[], AbstractAsyncContextManager[World]]


def _config(folder: Path) -> Config:
    return Config(
        mode="sandbox",
        database_url="sqlite:///unused.db",
        engine_url="",
        public_url="http://127.0.0.1:8080",
        host="127.0.0.1",
        port=8080,
        keys_file=folder / "master",
        keystore=folder / "keys",
    )


@asynccontextmanager
async def world_in(database: Database, folder: Path) -> AsyncIterator[World]:
    clock = DrivenClock(START)
    runtime = Runtime(
        config=_config(folder),
        database=database,
        vault=Vault({b"k001": bytes(32)}),
        keys=KeyStore(folder / "keys"),
        clock=clock,
        entropy=secrets.token_bytes,
        plugins=cast(Any, None),
        limiter=cast(Any, None),
    )
    async with database.write() as tx:
        organization = await people.create_organization(
            runtime, tx, name="Acme", domains=["example.org"], actor="test"
        )
        workspace = await people.create_workspace(
            runtime, tx, organization, name="Madrid", zone="Europe/Madrid", language="es", actor="test"
        )
    yield World(runtime, clock, database, organization, workspace)


@pytest.fixture
def open_world(open_database: Callable[[], Any], tmp_path: Path) -> OpenWorld:
    """Open the world on each kind of database."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        async with open_database() as database, world_in(database, tmp_path) as world:
            yield world

    return opened


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[[Path], AbstractAsyncContextManager[World]]:
    """Make a world of its own in a folder, for a property that needs a fresh one for every example."""
    template = tmp_path / "template.db"
    engine = sa.create_engine(f"sqlite:///{template}")
    tables.metadata.create_all(engine)
    engine.dispose()

    @asynccontextmanager
    async def made(folder: Path) -> AsyncIterator[World]:
        shutil.copy(template, folder / "tertulia.db")
        database = Database.open(f"sqlite:///{folder / 'tertulia.db'}")
        try:
            async with world_in(database, folder) as world:
                yield world
        finally:
            await database.close()

    return made


@dataclass
class Stage(World):
    """A world with a program, in which rounds are opened by hand and people answer."""

    async def member(self, name: str, **fields: str) -> Id:
        async with self.database.write() as tx:
            return await self.person(tx, name, **fields)

    async def apply(self, *practices: Practice) -> None:
        stored = StoredProgram(
            program=Program(version=1, practices=practices), document="", applied_by="test", applied_at=START
        )
        async with self.database.write() as tx:
            await programs.add(tx, self.organization, self.workspace, stored)

    async def open_round(self, practice: Practice, **content: Any) -> Id:
        identifier, kind = self.runtime.new_id(), self.runtime.plugins.ritual(practice.kind)
        row = {"organization_id": self.organization, "id": identifier, "workspace_id": self.workspace}
        async with self.database.write() as tx:
            await tx.execute(
                tables.round_table.insert().values(
                    **row,
                    practice=practice.key,
                    kind=practice.kind,
                    program_version=1,
                    occurrence=identifier,
                    state="open",
                    opens_at=START,
                    closes_at=START + timedelta(hours=24),
                    confidential=kind.privacy == "confidential",
                    content=content,
                )
            )
        if kind.privacy == "confidential":
            self.runtime.keys.create(identifier)
        return identifier

    async def change_round(self, round_id: Id, **values: Any) -> None:
        async with self.database.write() as tx:
            await tx.execute(tables.round_table.update().filter_by(id=round_id).values(**values))

    async def answer(
        self, round_id: Id, person: Id, values: Any = None, verb: str = "answer", key: str | None = None, **more: Any
    ) -> Reply:
        ticket = Ticket(self.organization, self.workspace, round_id, more.get("ticket_of", person), verb)
        platform = more.get("platform", "web")
        return await answers.answer(
            self.runtime, ticket, person=person, platform=platform, values=values or {}, key=key
        )

    async def deliver(self, round_id: Id, lots: Sequence[tuple[str, str, str, str | None, str | None, int]]) -> Any:
        """Write so many deliveries of a purpose, target, state, platform and reason, and return the round."""
        whose = {"organization_id": self.organization, "round_id": round_id}
        async with self.database.write() as tx:
            for purpose, target, state, platform, reason, count in lots:
                made, now = self.runtime.new_id(), self.clock.now()
                timed = {"origin": now, "due": now, "size": count, "state": "done", "epoch": 0, "lease_until": 0}
                await tx.execute(tables.shard.insert().values(**whose, id=made, purpose=purpose, **timed))
                same = {
                    "shard_id": made,
                    "purpose": purpose,
                    "target": target,
                    "state": state,
                    "platform": platform,
                    "reason": reason,
                    "attempts": 1,
                    "next_at": 0.0,
                }
                rows = [{**whose, **same, "seq": seq, "recipient": self.runtime.new_id()} for seq in range(count)]
                await tx.execute(tables.delivery.insert(), rows)
            return await rounds.find(tx, round_id)

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        async with self.database.read() as tx:
            return [dict(row._mapping) for row in await tx.execute(sa.select(table))]


OpenStage = Callable[[], AbstractAsyncContextManager[Stage]]


@pytest.fixture
def open_stage(open_world: OpenWorld) -> OpenStage:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        async with open_world() as world:
            world.runtime.plugins = Plugins.load({"rituals": rituals}, builtin=False, allowed=frozenset())
            assert "rituals" not in world.runtime.plugins.faults
            yield Stage(world.runtime, world.clock, world.database, world.organization, world.workspace)

    return opened
