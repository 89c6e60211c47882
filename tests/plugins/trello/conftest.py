"""A small Trello on loopback, and the plugin's ports connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

import tertulia_trello
from tertulia import Platform
from tertulia.domain.identifiers import Id
from tertulia.sandbox.members import read_form
from tertulia.services import codes
from tertulia.services.registry import Live
from tertulia.storage import tables
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.world import Home, World, world
from tertulia.web.mailbox import Mailbox
from tertulia_trello.config import Settings
from tertulia_trello.stand_in import Town, TrelloServer

NOWHERE = "http://127.0.0.1:9"
"""Where webhooks of a bench lead: nobody listens, and everything but webhooks works all the same."""


@dataclass
class Bench:
    """Hold a stand-in, the plugin's platform on it, and who is on its board."""

    server: TrelloServer
    town: Town
    context: FakeContext
    platform: Platform
    clock: DrivenClock
    board: str
    ana: str
    ben: str
    carla: str


@asynccontextmanager
async def bench(start: datetime = EPOCH, **more: Any) -> AsyncIterator[Bench]:
    clock = DrivenClock(start)
    town = Town(now=clock.now)
    ana, ben, carla = (town.member(name, name.title()) for name in ("ana", "ben", "carla"))
    board = town.board("Everyone", ana, ben, carla)
    async with TrelloServer(town=town) as server:
        settings = Settings.model_validate(server.settings(**{"timeout": 20, **more}))
        async with FakeContext(settings=settings, plugin="trello", clock=clock, origin=NOWHERE) as context:
            (platform,) = tertulia_trello.register_platforms(context)
            yield Bench(server, town, context, platform, clock, board, ana, ben, carla)


@pytest.fixture
def open_bench() -> Any:
    return bench


PROGRAM = """
[[practice]]
key = "weekly-icebreaker"
kind = "icebreaker"
title = "Two minutes for each other"
ask = "both"
places = [{{ platform = "trello", ref = "{board}", kind = "board" }}]
open_for = "4h"

[practice.cadence]
start = "2026-01-05T10:00"
rule = "FREQ=DAILY"
time = "common"
zone = "UTC"
"""
NAMES = ("Ana", "Ben", "Carla", "Dora")


@dataclass
class Village:
    """Hold a workspace whose members have mail and a board."""

    core: World
    home: Home
    live: Live
    server: TrelloServer
    town: Town
    mailbox: Mailbox
    board: str
    people: dict[str, Id]
    accounts: dict[str, str]

    async def card(self) -> str:
        """Wait for the round's card and return it."""

        def cards() -> list[str]:
            return [
                key for key, one in self.town.cards.items() if one["name"].startswith("Two") and not one["closed"]
            ]

        await self.core.until(cards)
        await asyncio.sleep(1.1)  # so long the intake remembers that the board was no place yet
        return cards()[0]

    async def link(self, name: str, card: str) -> None:
        """Link an account: a code from the person's own page, commented by the account."""
        async with self.core.runtime.database.write() as tx:
            code = await codes.issue(self.core.runtime, tx, self.home.organization, self.people[name], "link")
        before = len(self.town.reactions)
        self.town.comment(self.accounts[name], card, f"@tertulia link {code}")
        await self.core.until(lambda: len(self.town.reactions) > before)

    async def answer_by_web(self, name: str, text: str) -> None:
        """Follow the link in the newest mail and send the form."""
        mails = self.mailbox.messages_for(f"{name.lower()}@example.org")
        link = mails[-1].link
        assert link is not None
        origin = self.core.runtime.config.public_url
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as browser:
            async with browser.get(link) as page:
                form = read_form(await page.text())
            filled = form.hidden | dict.fromkeys(form.texts, text) | {"verb": "answer"}
            async with browser.post(origin + form.action, data=filled) as reply:
                assert reply.status == 200

    async def responses(self) -> list[Any]:
        async with self.core.runtime.database.read() as tx:
            return list(await tx.execute(sa.select(tables.response)))


@asynccontextmanager
async def village(
    url: str, folder: Path, *, listed: bool = False, program: str = PROGRAM, grouped: bool = False, **settings: Any
) -> AsyncIterator[Village]:
    clock = DrivenClock(EPOCH)
    town = Town(now=clock.now)
    mail = {name: f"{name.lower()}@example.org" if listed else None for name in NAMES}
    accounts = {name: town.member(name.lower(), name, mail[name]) for name in NAMES}
    board = town.board("Everyone", *accounts.values())
    mailbox = Mailbox()
    plugins = {"trello": tertulia_trello}
    async with TrelloServer(town=town) as server, world(url, folder, clock=clock, plugins=plugins) as core:
        try:
            home = await core.workspace(domains=["example.org"])
            people = {n: await core.person(home, n, email=f"{n.lower()}@example.org") for n in NAMES}
            await core.enable(home, "web", dict(await mailbox.start()))
            settings |= {"group_board": board} if grouped else {}
            live = await core.enable(home, "trello", server.settings(**settings))
            await core.apply(home, program.format(board=board))
            yield Village(core, home, live, server, town, mailbox, board, people, accounts)
        finally:
            await mailbox.stop()


@pytest.fixture
def open_village() -> Any:
    return village
