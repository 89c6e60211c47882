"""A meeting whose participants have Zoom clients with the panel, the official library, and a real browser."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tertulia_zoom
from tertulia.domain.identifiers import Id
from tertulia.services import people
from tertulia.services.registry import Live
from tertulia.testing import browser
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH
from tertulia.testing.world import Home, World, world
from tertulia.web.mailbox import Mailbox
from tertulia_zoom.stand_in import Town, ZoomServer
from tertulia_zoom.stand_in.client import Clients
from tertulia_zoom.stand_in.entrance import Entrance
from tertulia_zoom.stand_in.state import Instance

SDK = "@zoom/appssdk@0.16.41"
STAFF = ("Hana Ito", "Ana Sousa", "Ben Okafor", "Cyd Moreau")
PROGRAM = """
[[practice]]
key = "warm-up"
kind = "icebreaker"
title = "Warm-up"
cadence = { rule = "FREQ=YEARLY", start = "2026-12-01T09:00" }
"""


@dataclass
class Gathering:
    """Hold a workspace with members who have Zoom accounts, one of whom hosts a meeting that is going on."""

    core: World
    home: Home
    live: Live
    server: ZoomServer
    clients: Clients
    instance: Instance
    users: dict[str, str]
    people: dict[str, Id]
    mailbox: Mailbox

    @property
    def panel(self) -> str:
        return f"{self.live.context.public_url}/panel"


OpenGathering = Callable[..., AbstractAsyncContextManager[Gathering]]


@asynccontextmanager
async def gathering(folder: Path, *, sdk: Path | None = None, absent: str = "Dee Novak") -> AsyncIterator[Gathering]:
    clock, mailbox = DrivenClock(EPOCH), Mailbox()
    town = Town(now=clock.now)
    mail = {name: f"{name.split()[0].lower()}@example.org" for name in (*STAFF, absent)}
    users = {name: town.add_user(name, mail[name]) for name in STAFF}
    number = town.add_meeting(users["Hana Ito"], "Weekly")
    server = ZoomServer(town=town)
    clients = Clients(server, sdk=sdk)
    Entrance(clients, number)
    post = await mailbox.start()
    url = f"sqlite:///{folder / 'tertulia.db'}"
    try:
        async with server, world(url, folder, clock=clock, plugins={"zoom": tertulia_zoom}) as core:
            home = await core.workspace(domains=["example.org"])
            persons = {name: await core.person(home, name, email=address) for name, address in mail.items()}
            async with core.runtime.database.write() as tx:
                host = (home.organization, home.workspace, persons["Hana Ito"], "host")
                await people.grant(core.runtime, tx, *host, actor="test")
            await core.enable(home, "web", post)
            live = await core.enable(home, "zoom", server.settings())
            await core.apply(home, PROGRAM)
            await core.until(lambda: core.reachable(home, "zoom"))
            instance = server.meetings.start(number)
            made = Gathering(core, home, live, server, clients, instance, users, persons, mailbox)
            clients.panel = made.panel
            yield made
    finally:
        await mailbox.stop()


@pytest.fixture
def open_gathering(tmp_path: Path) -> OpenGathering:
    @asynccontextmanager
    async def opened(**given: Any) -> AsyncIterator[Gathering]:
        async with gathering(tmp_path, **given) as made:
            yield made

    return opened


@pytest.fixture(scope="session")
def official_sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the official library, as it was published; npm keeps it, so that later runs are offline."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so the official @zoom/appssdk cannot be had")
    folder = tmp_path_factory.mktemp("appssdk")
    command = [npm, "pack", SDK, "--silent", "--prefer-offline", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm took too long to fetch @zoom/appssdk")
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        pytest.skip(f"npm cannot fetch {SDK}: no registry within reach")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist" / "sdk.module.js"


@pytest.fixture
def open_browser(tmp_path: Path) -> Callable[[], Any]:
    """Return what starts a browser; the test is skipped where there is none."""
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    return lambda: browser.browser(tmp_path)
