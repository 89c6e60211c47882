"""One pulse on the web, in Teams and by the link in Zoom's chat: answered in each, given back in each."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

import tertulia_teams
import tertulia_zoom
from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.services import releasing, returning, rounds
from tertulia.storage import tables
from tertulia.testing.world import Home, World, world
from tertulia.web.mailbox import Mailbox
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Message, Person
from tertulia_zoom.stand_in import ZoomServer

PROGRAM = """
[[practice]]
key = "pulse"
kind = "pulse"
title = "How are we doing?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=MONTHLY"
[practice.options]
instruments = ["recommendation", "satisfaction", "support"]
questions = 3
"""
TITLE = "How are we doing?"
IN_TEAMS, IN_ZOOM, BY_MAIL = ("Ana", "Ben"), ("Cara", "Dan"), ("Eve", "Fay")
GIVEN = {"field.recommendation.recommend": "9", "field.satisfaction.happy": "5", "field.support.need": "care"}


@dataclass
class Company:
    """Hold two people in Teams, two in Zoom's chat and two who have a mailbox only."""

    core: World
    home: Home
    teams: StandIn
    zoom: ZoomServer
    mailbox: Mailbox
    on_teams: dict[str, Person]
    on_zoom: dict[str, str]

    def card(self, name: str, words: str) -> Message | None:
        found = [one for one in self.teams.cards(self.on_teams[name]) if words in json.dumps(one.activity)]
        return found[-1] if found else None

    def said(self, name: str) -> list[dict[str, Any]]:
        return [one.content for one in self.zoom.town.chat.said(self.on_zoom[name])]

    def mails(self, name: str, words: str) -> list[str]:
        found = [mail.subject + "\n" + mail.text for mail in self.mailbox.messages_for(f"{name.lower()}@example.org")]
        return [text for text in found if words in text]


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    plugins = {"teams": tertulia_teams, "zoom": tertulia_zoom}
    async with (
        StandIn() as teams,
        ZoomServer() as zoom,
        world(f"sqlite:///{folder / 't.db'}", folder, plugins=plugins) as core,
    ):
        zoom.town.now = core.clock.now
        on_teams = {name: teams.tenant.add_person(name, f"{name.lower()}@example.org") for name in IN_TEAMS}
        on_zoom = {name: zoom.town.add_user(name, f"{name.lower()}@example.org") for name in IN_ZOOM}
        home, mailbox = await core.workspace(domains=["example.org"]), Mailbox()
        try:
            for name in (*IN_TEAMS, *IN_ZOOM, *BY_MAIL):
                await core.person(home, name, email=f"{name.lower()}@example.org", team="Ops")
            await core.enable(home, "web", dict(await mailbox.start()))
            await core.enable(home, "teams", teams.settings())
            await core.enable(home, "zoom", zoom.settings())

            async def known() -> bool:
                return [await core.reachable(home, one) for one in ("teams", "zoom")] == [2, 2]

            await core.until(known)
            for person in on_teams.values():
                await teams.install(person)
            await core.apply(home, PROGRAM)
            yield Company(core, home, teams, zoom, mailbox, on_teams, on_zoom)
        finally:
            await mailbox.stop()


async def answer_by_link(link: str) -> str:
    """Follow a personal link as a browser does, answer, and return the last page."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(link) as page:
            text = unescape(await page.text())
            where = page.url
        assert CONFIDENTIAL in " ".join(text.split())
        hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', text) for name in ("csrf", "key")}
        form = {name: found.group(1) for name, found in hidden.items() if found} | GIVEN
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with browser.post(where, data={**form, "verb": "answer"}, headers=headers) as page:
            assert page.status == 200
            return unescape(await page.text())


async def answer_in_teams(made: Company, name: str) -> None:
    card = made.card(name, TITLE)
    assert card is not None
    content = card.activity["attachments"][0]["content"]
    assert CONFIDENTIAL in json.dumps(content, ensure_ascii=False)
    verbs = {action.get("verb"): action for action in content["actions"]}
    inputs = {one["id"] for one in content["body"] if one["type"].startswith("Input.")}
    answers = {key.removeprefix("field."): value for key, value in GIVEN.items()}
    words = {one: answers[one.split(".", 1)[1]] for one in inputs if one.split(".", 1)[1] in answers}
    assert len(words) == 3
    person = made.on_teams[name]
    turn = await made.teams.press(person, made.teams.tenant.chat(person), card, verbs["answer"], words)
    assert turn.status == 200


async def test_a_pulse_is_answered_everywhere_and_given_back_everywhere(tmp_path: Path) -> None:
    async with company(tmp_path) as made:
        core, home = made.core, made.home
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: all(made.card(name, TITLE) for name in IN_TEAMS))
        await core.until(lambda: all(made.said(name) for name in IN_ZOOM))
        await core.until(lambda: all(made.mails(name, TITLE) for name in BY_MAIL))

        for name in IN_TEAMS:
            await answer_in_teams(made, name)
        links = []
        for name in IN_ZOOM:
            whole = json.dumps(made.said(name), ensure_ascii=False)
            assert CONFIDENTIAL in whole
            assert "recommend" not in whole, "Zoom's chat shows no word of the question"
            links += re.findall(r"http://127\.0\.0\.1:\d+/a/[\w-]+", whole)[:1]
        for name in BY_MAIL:
            (mail,) = made.mails(name, TITLE)
            assert CONFIDENTIAL in " ".join(mail.split())
            links += re.findall(r"http://127\.0\.0\.1:\d+/a/[\w-]+", mail)[:1]
        assert len(set(links)) == 4
        for link in links:
            last = await answer_by_link(link)
            assert "sealed without your name" in last
            assert "Light a candle" in last, "the last page of every survey offers the candle"
            assert "/sign-in" in last
        ana = made.on_teams["Ana"]
        await made.teams.say(ana, made.teams.tenant.chat(ana), "candle")
        await core.until(lambda: made.card("Ana", "andle") or "andle" in texts(made, ana))

        (row,) = [one for one in await core.rounds(home) if one.state == "open"]
        async with core.runtime.database.write() as tx:
            found = await rounds.find(tx, row.id)
            assert found is not None
            await returning.say(core.runtime, tx, found, "We look for somebody who listens.", actor="test")
            assert len((await tx.execute(sa.select(tables.ballot))).all()) == 6
            assert (await tx.execute(sa.select(tables.participation))).all() == []

        core.clock.advance(timedelta(hours=6))
        await core.until(lambda: all(made.card(name, "We look for somebody") for name in IN_TEAMS))
        await core.until(lambda: all("We look for somebody" in json.dumps(made.said(name)) for name in IN_ZOOM))
        await core.until(lambda: all(made.mails(name, "We look for somebody") for name in BY_MAIL))
        for name in BY_MAIL:
            (mail,) = made.mails(name, "We look for somebody")
            assert "At least 5 people answered." in mail
            assert f"/my/results/{row.id}" in mail
        async with core.runtime.database.read() as tx:
            published = await releasing.published(tx, home.organization, row.id)
            assert (await tx.execute(sa.select(tables.ballot))).all() == []
        assert {cell.answered for cell in published if cell.group.family == "company"} == {5}


def texts(made: Company, person: Person) -> str:
    chat = made.teams.tenant.chat(person)
    return json.dumps([one.activity for one in chat.messages.values() if one.sender is None], ensure_ascii=False)
