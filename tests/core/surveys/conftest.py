"""A running survey round with some persons, on the test's database, with real keys and a clock that stands still."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json, new_id
from tertulia.services import rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Database
from tertulia.storage.tables import organization, round_table, workspace
from tertulia.surveys import ballots
from tertulia.surveys.keystore import KeyStore

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass
class Survey:
    """Hold an open survey round and what casts ballots in it."""

    database: Database
    runtime: Any
    round: Id
    persons: list[Id] = field(default_factory=lambda: [new_id() for _ in range(40)])

    async def cast(self, person: Id, values: Json, key: str | None = None) -> str:
        async with self.database.write() as tx:
            return await ballots.cast(self.runtime, tx, self.round, person, values, key)

    async def row(self) -> RoundRow:
        async with self.database.read() as tx:
            found = await rounds.find(tx, self.round)
        assert found is not None
        return found

    async def count(self) -> list[Json]:
        async with self.database.write() as tx:
            return await ballots.count_and_destroy(self.runtime, tx, await rounds.find(tx, self.round), self.persons)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.database.read() as tx:
            return [tuple(row) for row in await tx.execute(sa.text(query))]


OpenSurvey = Callable[[], AbstractAsyncContextManager[Survey]]


@pytest.fixture
def open_survey(open_database: Callable[[], Any], tmp_path: Path) -> OpenSurvey:
    """Return an async context manager that opens a database with one open survey round."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Survey]:
        async with open_database() as database:
            keys = KeyStore(tmp_path / "keys")
            clock = SimpleNamespace(time=NOON, now=lambda: clock.time)
            runtime = SimpleNamespace(database=database, keys=keys, clock=clock, entropy=secrets.token_bytes)
            survey = Survey(database, runtime, new_id())
            tenant, home = new_id(), new_id()
            async with database.write() as tx:
                await tx.execute(organization.insert().values(id=tenant, name="Ladle", domains=[], created_at=NOON))
                place = {"organization_id": tenant, "id": home, "name": "Kitchen", "zone": "UTC", "language": "en"}
                await tx.execute(workspace.insert().values(**place, message_budget=10, created_at=NOON))
                await tx.execute(
                    round_table.insert().values(
                        organization_id=tenant,
                        id=survey.round,
                        workspace_id=home,
                        practice="pulse",
                        kind="single-question",
                        program_version=1,
                        occurrence="2026-11-02T09:00:00",
                        state="open",
                        opens_at=NOON - timedelta(hours=3),
                        closes_at=NOON + timedelta(hours=21),
                        confidential=True,
                        content={},
                    )
                )
            keys.create(survey.round)
            yield survey

    return opened
