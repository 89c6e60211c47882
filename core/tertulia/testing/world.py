"""The real core on a database of its own, with the plugins a test gives it and a clock it drives.

::

    async with world(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, plugins={"postbox": my_plugin}) as core:
        home = await core.workspace("Home", domains=["example.org"])
        ana = await core.person(home, "Ana", email="ana@example.org")
        live = await core.enable(home, "postbox", {"url": stand_in.url, …})
        await core.apply(home, PROGRAM)
        await core.until(lambda: core.reachable(home, "postbox"))
        core.clock.advance(timedelta(hours=1))
        await core.until(lambda: stand_in.letters)
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from tertulia import bootstrap
from tertulia.config import Config
from tertulia.delivery.engine import Engine
from tertulia.domain.identifiers import Id, Json
from tertulia.runtime import Runtime
from tertulia.service import Service
from tertulia.services import installations, people, programs
from tertulia.services import rounds as round_services
from tertulia.services.registry import Live
from tertulia.services.rounds import Progress, RoundRow
from tertulia.storage import keys
from tertulia.storage import people as stored
from tertulia.storage.tables import delivery, response
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH
from tertulia.testing.databases import prepare
from tertulia.testing.engine import InlineEngine

ACTOR = "test"
_SENT = (
    sa.select(delivery.c.purpose, delivery.c.state, sa.func.count())
    .where(delivery.c.round_id == sa.bindparam("round"))
    .group_by(delivery.c.purpose, delivery.c.state)
)
_GIVEN = (
    sa.select(response.c.passed, sa.func.count())
    .where(response.c.round_id == sa.bindparam("round"))
    .group_by(response.c.passed)
)


@dataclass(frozen=True)
class Home:
    """Name a workspace and its organization."""

    organization: Id
    workspace: Id


@dataclass
class World:
    """Hold a running service and make what a test needs through the core's own services."""

    runtime: Runtime
    service: Service
    clock: DrivenClock

    async def organization(self, name: str = "Example", *, domains: Collection[str] = ()) -> Id:
        """Create an organization; accounts with a directory e-mail on *domains* link by themselves."""
        async with self.runtime.database.write() as tx:
            return await people.create_organization(self.runtime, tx, name=name, domains=domains, actor=ACTOR)

    async def workspace(
        self, name: str = "Home", *, organization: Id | None = None, domains: Collection[str] = (), zone: str = "UTC"
    ) -> Home:
        """Create a workspace, in an organization of its own unless one is given."""
        owner = organization or await self.organization(f"{name} organization", domains=domains)
        async with self.runtime.database.write() as tx:
            made = await people.create_workspace(self.runtime, tx, owner, name=name, zone=zone, actor=ACTOR)
        return Home(owner, made)

    async def person(self, home: Home, name: str, **fields: str | None) -> Id:
        """Add a member; *fields* as an import file has them: email, zone, team, …"""
        async with self.runtime.database.write() as tx:
            return await people.add_person(
                self.runtime, tx, home.organization, {"name": name, **fields}, workspace=home.workspace, actor=ACTOR
            )

    async def enable(self, home: Home, plugin: str, settings: Json | None = None) -> Live:
        """Enable a plugin, let it take effect and return it; raises with its fault where it cannot be built."""
        async with self.runtime.database.write() as tx:
            made = await installations.enable(
                self.runtime,
                tx,
                organization=home.organization,
                workspace=home.workspace,
                plugin=plugin,
                settings=settings,
                actor=ACTOR,
            )
        await installations.take_effect(
            self.runtime, organization=home.organization, installation=made, change="installation.enabled"
        )
        live = self.runtime.installations.get(made)
        if live is None:
            raise AssertionError(self.runtime.installations.faults.get(made, f"{plugin} is not live"))
        return live

    async def disable(self, home: Home, live: Live) -> None:
        """Disable a plugin and let it take effect."""
        async with self.runtime.database.write() as tx:
            await installations.disable(
                self.runtime,
                tx,
                organization=home.organization,
                workspace=home.workspace,
                plugin=live.plugin,
                actor=ACTOR,
            )
        await installations.take_effect(
            self.runtime, organization=home.organization, installation=live.id, change="installation.disabled"
        )

    async def apply(self, home: Home, program: str) -> None:
        """Apply a program document; its rounds are scheduled."""
        async with self.runtime.database.write() as tx:
            await programs.apply(
                self.runtime,
                tx,
                organization=home.organization,
                workspace=home.workspace,
                text=program,
                actor=ACTOR,
            )

    async def rounds(self, home: Home) -> list[RoundRow]:
        """Return the workspace's rounds, newest first."""
        async with self.runtime.database.read() as tx:
            return await round_services.recent(tx, home.organization, home.workspace)

    async def progress(self, home: Home, round_id: Id) -> Progress:
        """Return how a round stands, in exact counts, which no page shows of a survey or of a few people."""
        async with self.runtime.database.read() as tx:
            progress = await round_services.progress(tx, home.organization, round_id)
            sent = await tx.execute(_SENT, {"round": round_id})
            given = dict(tuple(row) for row in await tx.execute(_GIVEN, {"round": round_id}))
        if progress is None:
            raise AssertionError(f"there is no round {round_id}")
        deliveries: dict[str, dict[str, int]] = {}
        for purpose, state, count in sent:
            deliveries.setdefault(purpose, {})[state] = count
        if progress.round.confidential:
            return replace(progress, deliveries=deliveries, guarded=False)
        answered, passed = given.get(False, 0), given.get(True, 0)
        return replace(progress, deliveries=deliveries, answered=answered, passed=passed, guarded=False)

    async def reachable(self, home: Home, platform: str) -> int:
        """Count the members whom *platform* can write to."""
        async with self.runtime.database.read() as tx:
            members = await stored.members(tx, home.organization, home.workspace)
            known = await stored.identities(tx, home.organization, [member.id for member in members])
        return sum(
            any(one.actor.platform == platform and one.reachable and one.address for one in identities)
            for identities in known.values()
        )

    async def until(self, condition: Callable[[], object | Awaitable[object]], seconds: float = 60) -> None:
        """Wait until *condition*, which may be a coroutine function, holds; in real time."""
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if await result if inspect.isawaitable(result) else result:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing came of it within {seconds:g} s")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def world(
    database_url: str,
    folder: Path,
    *,
    clock: DrivenClock | None = None,
    plugins: Mapping[str, object] | None = None,
    allowed: frozenset[str] | None = frozenset(),
    engine: Engine | None = None,
    serves: bool = True,
) -> AsyncIterator[World]:
    """Run the core in sandbox mode on *database_url*, keys and secrets in *folder*.

    *plugins* are modules or objects by name; of the installed plugins only those *allowed* load, `None` for all.
    The engine is in memory unless one is given.
    """
    driven = clock or DrivenClock(EPOCH)
    keys_file = folder / "world-keys"
    if not keys_file.exists():
        keys.new_keys(keys_file)
    config = _config(database_url, folder, keys_file, allowed)
    await prepare(database_url)
    runtime = await bootstrap.build(config, clock=driven, extra_plugins=plugins, engine=engine or InlineEngine())
    try:
        service = Service(runtime, serves=serves, tick=0.02)
        try:
            await service.start()
            yield World(runtime, service, driven)
        finally:
            await service.stop()
    finally:
        await bootstrap.close(runtime)


def _config(database_url: str, folder: Path, keys_file: Path, allowed: frozenset[str] | None) -> Config:
    port = _free_port()
    embedded = database_url.startswith("sqlite")
    return Config(
        mode="sandbox",
        database_url=database_url,
        engine_url=f"sqlite:///{folder / 'world-engine.db'}" if embedded else database_url,
        public_url=f"http://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        keys_file=keys_file,
        keystore=folder / "world-rounds",
        plugins=allowed,
    )


def _free_port() -> int:
    # links name the port, so it must be known before the server listens
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
