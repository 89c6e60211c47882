"""A town on the driven clock: an organization, platforms in memory, and members who answer what they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia import bootstrap
from tertulia.capabilities import Platform
from tertulia.config import Config
from tertulia.delivery.ticker import Ticker
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Actor
from tertulia.domain.prompts import Prompt, Reply
from tertulia.extension import Context
from tertulia.hookspecs import hookimpl
from tertulia.runtime import Runtime
from tertulia.sandbox.drive import drive, settled
from tertulia.services import answers, identities, installations, people, programs, sign_ups
from tertulia.services.prompts import open_ticket
from tertulia.storage import keys, tables, ties
from tertulia.testing.clock import DrivenClock
from tertulia.testing.engine import InlineEngine
from tertulia.testing.ports import Call, FakeRitualPort, FakeSurveyPort

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


class Square:
    """A platform in memory; its two ports record what they carry."""

    def __init__(self, name: str, *, gathers: bool = False, asks: bool = True):
        self.name = name
        self.survey = FakeSurveyPort() if asks else None
        self.ritual = FakeRitualPort(gathers=gathers)

    @hookimpl
    def register_platforms(self, context: Context) -> list[Platform]:
        return [Platform(name=self.name, survey=self.survey, ritual=self.ritual)]

    def letters(self) -> list[Call]:
        return self.survey.sent if self.survey is not None else []


@dataclass
class Town:
    """Hold one organization whose members live on one or several squares."""

    runtime: Runtime
    clock: DrivenClock
    organization: Id
    workspace: Id
    squares: Mapping[str, Square]
    people: dict[str, Id] = field(default_factory=dict)

    async def add(self, name: str, *, on: str = "square", **fields: str) -> Id:
        async with self.runtime.database.write() as tx:
            given = {"name": name, "email": f"{name.lower()}@example.org", **fields}
            person = await people.add_person(
                self.runtime, tx, self.organization, given, workspace=self.workspace, actor="test"
            )
            for platform in filter(None, on.split("+")):
                actor = Actor(platform=platform, realm="r", user=name)
                account = await identities.reachable(self.runtime, tx, self.organization, actor, {"to": name})
                await identities.link(self.runtime, tx, self.organization, account.id, person, "import", actor="test")
        self.people[name] = person
        return person

    async def apply(self, text: str) -> None:
        async with self.runtime.database.write() as tx:
            await programs.apply(
                self.runtime, tx, organization=self.organization, workspace=self.workspace, text=text, actor="test"
            )

    async def join(self, practice: str, *names: str) -> None:
        async with self.runtime.database.write() as tx:
            for name in names or self.people:
                where = (self.organization, self.workspace, practice, self.people[name])
                await sign_ups.sign_up(self.runtime, tx, *where)

    async def live(self, until: datetime, then: Callable[[datetime], object] | None = None) -> None:
        async for at in drive(self.runtime, self.clock, until):
            result = then(at) if then is not None else None
            if asyncio.iscoroutine(result):
                await result

    async def settle(self) -> None:
        await settled(self.runtime)

    def letters(self, name: str | None = None) -> list[Prompt]:
        """Return what was sent to somebody, or to all, oldest first."""
        calls = [call for square in self.squares.values() for call in square.letters()]
        return [
            call.prompt
            for call in calls
            if call.prompt is not None and call.to is not None and name in (None, call.to.address["to"])
        ]

    async def answer(self, name: str, values: Any = None, verb: str = "answer", letter: int = -1) -> Reply:
        """Press a button of what *name* was sent, the newest unless another is meant."""
        prompt = self.letters(name)[letter]
        token = next(action.token for action in prompt.actions if action.verb == verb)
        ticket = open_ticket(self.runtime.vault, token)
        return await answers.answer(
            self.runtime, ticket, person=self.people[name], platform="square", values=values or {}, key=None
        )

    def end(self, name: str) -> str:
        """Return under which name somebody is kept as an end of a tie."""
        return ties.end(self.runtime.vault, self.organization, self.people[name])

    async def rows(self, table: sa.Table, **where: Any) -> list[dict[str, Any]]:
        async with self.runtime.database.read() as tx:
            return [dict(row._mapping) for row in await tx.execute(sa.select(table).filter_by(**where))]

    async def rounds(self) -> list[dict[str, Any]]:
        return sorted(await self.rows(tables.round_table), key=lambda row: (row["opens_at"], row["occurrence"]))


@pytest.fixture
def square() -> type[Square]:
    """Return what makes a platform in memory, for towns with more than one."""
    return Square


OpenTown = Callable[..., AbstractAsyncContextManager[Town]]


@pytest.fixture
def open_town(tmp_path: Path) -> OpenTown:
    """Return an async context manager that opens a town on a Monday at midnight UTC."""

    @asynccontextmanager
    async def opened(
        *squares: Square, plugins: Mapping[str, object] | None = None, url: str | None = None
    ) -> AsyncIterator[Town]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        keys.new_keys(folder / "keys")
        config = Config(
            mode="sandbox",
            database_url=url or f"sqlite:///{folder / 'tertulia.db'}",
            engine_url="",
            public_url="http://127.0.0.1:1",
            host="127.0.0.1",
            port=0,
            keys_file=folder / "keys",
            keystore=folder / "rounds",
            plugins=frozenset(),
        )
        there = {square.name: square for square in squares or (Square("square"),)}
        clock = DrivenClock(MONDAY)
        runtime = await bootstrap.build(
            config, clock=clock, extra_plugins={**there, **(plugins or {})}, engine=InlineEngine()
        )
        async with runtime.database.write() as tx:
            organization = await people.create_organization(runtime, tx, name="Hub", actor="test")
            workspace = await people.create_workspace(runtime, tx, organization, name="All", actor="test")
            for name in there:
                where = {"organization": organization, "workspace": workspace, "plugin": name}
                await installations.enable(runtime, tx, settings={}, actor="test", **where)
        ticker = Ticker(runtime, "local", tick=0.005)
        await runtime.engine.launch(ticker.work(), executor="local", concurrency=4)
        ticking = asyncio.create_task(ticker.run())
        try:
            yield Town(runtime, clock, organization, workspace, there)
        finally:
            await ticker.drain()
            await ticking
            await runtime.engine.stop()
            await bootstrap.close(runtime)

    return opened
