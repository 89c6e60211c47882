"""An organization with one workspace, for tests about people."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.runtime import Runtime
from tertulia.services import people
from tertulia.storage import tables
from tertulia.storage.database import Database, Tx
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


@pytest.fixture
def open_world(open_database: Callable[[], Any], tmp_path: Path) -> OpenWorld:
    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        async with open_database() as database:
            clock = DrivenClock(START)
            runtime = Runtime(
                config=cast(Any, None),
                database=database,
                vault=Vault({b"k001": bytes(32)}),
                keys=KeyStore(tmp_path / "keys"),
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

    return opened
