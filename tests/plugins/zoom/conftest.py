"""A Zoom account on loopback, and the plugin connected to it, without the core or with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import tertulia_zoom
from tertulia import Place, Platform
from tertulia.domain.identifiers import Id
from tertulia.services.people import declare_place
from tertulia.services.registry import Live
from tertulia.storage import tables
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.world import Home, World, world
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import Desk, desk
from tertulia_zoom.stand_in import Town, ZoomServer

NAMES = ("Ana Sousa", "Ben Okafor", "Chen Wei")


@dataclass
class Bench:
    """Hold a stand-in, the plugin's platform on it, and who has an account."""

    server: ZoomServer
    town: Town
    context: FakeContext
    desk: Desk
    platform: Platform
    clock: DrivenClock
    users: tuple[str, ...]
    number: str


@asynccontextmanager
async def bench(start: datetime = EPOCH, **more: Any) -> AsyncIterator[Bench]:
    clock = DrivenClock(start)
    town = Town(now=clock.now)
    users = tuple(town.add_user(name, f"{name.split()[0].lower()}@example.org") for name in NAMES)
    number = town.add_meeting(users[0], "Weekly")
    async with ZoomServer(town=town) as server:
        settings = Settings.model_validate(server.settings(**{"timeout": 20, **more}))
        async with FakeContext(settings=settings, plugin="zoom", clock=clock) as context:
            (platform,) = tertulia_zoom.register_platforms(context)
            yield Bench(server, town, context, desk(context), platform, clock, users, number)


@pytest.fixture
def open_bench() -> Any:
    return bench


PROGRAM = """
[[practice]]
key = "weekly-icebreaker"
kind = "icebreaker"
title = "Two minutes for each other"
ask = "each"
places = [{{ platform = "zoom", ref = "{number}", kind = "meeting" }}]
open_for = "4h"

[practice.cadence]
start = "2027-01-04T10:00"
rule = "FREQ=WEEKLY"
time = "common"
zone = "UTC"
"""


@dataclass
class Village:
    """Hold a workspace whose members have Zoom accounts, and one of whose practices registered a meeting."""

    core: World
    home: Home
    live: Live
    server: ZoomServer
    town: Town
    users: tuple[str, ...]
    number: str
    people: dict[str, Id]

    @property
    def clock(self) -> DrivenClock:
        return self.core.clock

    async def rows(self, table: Any) -> list[Any]:
        async with self.core.runtime.database.read() as tx:
            return list(await tx.execute(sa.select(table)))

    async def handled(self) -> None:
        """Wait until everything that came in is processed."""
        await self.server.sender.quiet()

        async def nothing_waits() -> bool:
            return all(row.state == "done" for row in await self.rows(tables.inbox))

        await self.core.until(nothing_waits)


@asynccontextmanager
async def village(url: str, folder: Path, **settings: Any) -> AsyncIterator[Village]:
    clock = DrivenClock(EPOCH)
    town = Town(now=clock.now)
    mail = {name: f"{name.split()[0].lower()}@example.org" for name in NAMES}
    users = tuple(town.add_user(name, mail[name]) for name in NAMES)
    number = town.add_meeting(users[0], "Weekly")
    plugins = {"zoom": tertulia_zoom}
    async with ZoomServer(town=town) as server, world(url, folder, clock=clock, plugins=plugins) as core:
        home = await core.workspace(domains=["example.org"])
        people = {name: await core.person(home, name, email=mail[name]) for name in NAMES}
        live = await core.enable(home, "zoom", server.settings(**settings))
        await core.apply(home, PROGRAM.format(number=number))
        async with core.runtime.database.write() as tx:
            here = Place(platform="zoom", ref=number, kind="meeting")
            await declare_place(core.runtime, tx, home.organization, home.workspace, here)
        server.sender.url = (await live.context.subscribe("events", [server.secret])).url
        await core.until(lambda: core.reachable(home, "zoom"))
        yield Village(core, home, live, server, town, users, number, people)


@pytest.fixture
def open_village() -> Any:
    return village
