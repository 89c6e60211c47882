"""One café round over Teams, Zoom, Trello and the web, in three time zones, against the platforms' stand-ins."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
from icalendar import Calendar

import tertulia_teams
import tertulia_trello
import tertulia_zoom
from tertulia.domain.identifiers import Id
from tertulia.sandbox.drive import drive
from tertulia.services import sign_ups
from tertulia.storage import tables
from tertulia.testing.world import Home, World, world
from tertulia.web.mailbox import Mail, Mailbox
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Person
from tertulia_trello.stand_in import TrelloServer
from tertulia_zoom.stand_in import ZoomServer
from tertulia_zoom.stand_in.chat import Written

PROGRAM = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;INTERVAL=4;BYDAY=TU", start = "2026-01-06T10:00", time = "local" }
open_for = "24h"
options = { form = "within", size = 3 }
"""
ZONES = {"Lena": "Europe/London", "Aris": "Europe/Athens", "Nora": "America/New_York"}
TEAMS = ("Teams", "Zoom", "Trello", "Web")
NAMES = {team: [f"{name} {team}" for name in ZONES] for team in TEAMS}
TIMES, MET = "Which of these suit you? (your time)", "Did you meet?"


def mail_of(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.org"


@dataclass
class Company:
    """Hold a workspace whose teams each live on another platform."""

    core: World
    home: Home
    teams: StandIn
    zoom: ZoomServer
    trello: TrelloServer
    mailbox: Mailbox
    people: dict[str, Id]
    on_teams: dict[str, Person]
    on_zoom: dict[str, str]
    on_trello: dict[str, str]

    async def live(self, until: Any) -> None:
        async for _ in drive(self.core.runtime, self.core.clock, until):
            pass

    async def rows(self, table: Any) -> list[Any]:
        async with self.core.runtime.database.read() as tx:
            return list(await tx.execute(sa.select(table)))

    def cards(self, name: str, title: str) -> list[Any]:
        shown = self.teams.cards(self.on_teams[name])
        return [one for one in shown if title in json.dumps(one.activity) and '"answer"' in json.dumps(one.activity)]

    def said(self, name: str, title: str) -> list[Written]:
        said = self.zoom.town.chat.said(self.on_zoom[name])
        return [
            one for one in said if one.content.get("head", {}).get("text") == title and "select" in str(one.content)
        ]

    def mails(self, name: str, title: str) -> list[Mail]:
        return [one for one in self.mailbox.messages_for(mail_of(name)) if title in one.subject]


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    plugins = {"teams": tertulia_teams, "zoom": tertulia_zoom, "trello": tertulia_trello}
    async with (
        StandIn() as teams,
        ZoomServer() as zoom,
        TrelloServer() as trello,
        world(f"sqlite:///{folder / 't.db'}", folder, plugins=plugins) as core,
    ):
        zoom.town.now = trello.town.now = core.clock.now
        on_teams = {name: teams.tenant.add_person(name, mail_of(name)) for name in NAMES["Teams"]}
        on_zoom = {name: zoom.town.add_user(name, mail_of(name)) for name in NAMES["Zoom"]}
        on_trello = {
            name: trello.town.member(name.split()[0].lower(), name, mail_of(name)) for name in NAMES["Trello"]
        }
        board = trello.town.board("Cafés", *on_trello.values())
        home, mailbox = await core.workspace(domains=["example.org"]), Mailbox()
        try:
            people = {
                name: await core.person(home, name, email=mail_of(name), zone=ZONES[name.split()[0]], team=team)
                for team, names in NAMES.items()
                for name in names
            }
            await core.enable(home, "web", dict(await mailbox.start()))
            await core.enable(home, "teams", teams.settings())
            await core.enable(home, "zoom", zoom.settings(scheduler=next(iter(on_zoom.values()))))
            await core.enable(home, "trello", trello.settings(group_board=board))
            made = Company(core, home, teams, zoom, trello, mailbox, people, on_teams, on_zoom, on_trello)
            await settle(made)
            yield made
        finally:
            await mailbox.stop()


async def settle(made: Company) -> None:
    core, home = made.core, made.home

    async def known() -> bool:
        linked = [one.platform for one in await made.rows(tables.identity) if one.person_id]
        return [linked.count(platform) for platform in ("teams", "zoom", "trello")] == [3, 3, 3]

    await core.until(known)
    for person in made.on_teams.values():
        await made.teams.install(person)
    await core.apply(home, PROGRAM)
    async with core.runtime.database.write() as tx:
        for person in made.people.values():
            await sign_ups.sign_up(core.runtime, tx, home.organization, home.workspace, "coffee", person)
    await core.until(lambda: made.zoom.bot.url)


async def test_a_cafe_brings_people_together_on_four_ways_and_counts_each_once(tmp_path: Path) -> None:
    async with company(tmp_path) as made:
        (planned,) = await made.core.rounds(made.home)
        await made.live(planned.opens_at + timedelta(hours=9))
        introduced(made)
        for name in NAMES["Teams"]:
            await press(made, name, "Coffee", {"many.times": "1"})
        for name in NAMES["Zoom"]:
            await tick(made, name)
        entries = await calendar(made.mails("Aris Web", "Coffee")[0])
        assert [str(one["status"]) for one in entries] == ["TENTATIVE"] * 3
        assert {one.start.minute % 30 for one in entries} == {0}

        await made.live(planned.opens_at + timedelta(days=11))
        told = json.dumps([one.activity for one in made.teams.cards(made.on_teams["Lena Teams"])])
        assert "You meet" in told
        await say_met(made)
        await made.live(planned.opens_at + timedelta(days=20))
        facts = await made.rows(tables.participation)
        assert sorted(row.person_id for row in facts) == sorted(made.people.values())
        assert {(row.round_id, row.kind) for row in facts} == {(planned.id, "attended")}
        assert {row.platform for row in facts} == {"teams", "zoom", "web"}
        ties = [row for row in await made.rows(tables.interaction) if row.kind == "co-attendance"]
        assert len(ties) == 4 * 3 * 2
        assert not [one for one in made.zoom.journal if one.status >= 400]


def introduced(made: Company) -> None:
    """Everybody was told once, by name, on the own channel; and brought together where all share a platform."""
    for team, names in NAMES.items():
        for name in names:
            mates = [other for other in names if other != name]
            if team == "Teams":
                (card,) = made.cards(name, TIMES)
                shown = json.dumps(card.activity)
            elif team == "Zoom":
                said = [one.content for one in made.zoom.town.chat.said(made.on_zoom[name])]
                (content,) = [one for one in said if "Tell my group" in json.dumps(one)]
                shown = json.dumps(content)
            else:
                (mail,) = made.mails(name, "Coffee")
                shown = mail.text
            assert all(mate in shown for mate in mates)
            assert not any(
                other in shown for other_team in TEAMS if other_team != team for other in NAMES[other_team]
            )
    chats = [json.dumps(one.activity) for one in made.teams.cards(made.on_teams["Nora Teams"])]
    assert [one for one in chats if "introduced to each other" in one], "a link to the common chat"
    (card,) = [one for one in made.trello.town.cards.values() if "Coffee" in one["name"]]
    assert sorted(card["idMembers"]) == sorted(made.on_trello.values())
    assert len(made.zoom.town.meetings) == 1, "a meeting for the group on Zoom"


async def press(made: Company, name: str, title: str, words: dict[str, str]) -> None:
    person = made.on_teams[name]
    card = made.cards(name, title)[-1]
    content = card.activity["attachments"][0]["content"]
    (button,) = [action for action in content["actions"] if action.get("verb") == "answer"]
    turn = await made.teams.press(person, made.teams.tenant.chat(person), card, button, words)
    assert turn.status == 200


async def tick(made: Company, name: str) -> None:
    """Tick the second time that is offered, in Team Chat."""
    user = made.on_zoom[name]
    (message,) = [one for one in made.zoom.town.chat.said(user) if "Tell my group" in json.dumps(one.content)]
    boxes = [
        item["text"]
        for element in message.content["body"]
        if element["type"] == "actions"
        for item in element["items"]
        if item["text"].startswith("☐")
    ]
    known = message.versions
    made.zoom.chatter.press(user, message, boxes[1])
    await made.core.until(lambda: message.versions == known + 1)
    made.zoom.chatter.press(user, message, "Tell my group")
    await made.core.until(lambda: message.versions == known + 2)


async def say_met(made: Company) -> None:
    for name in NAMES["Teams"]:
        await press(made, name, MET, {"one.met": "yes"})
    for name in NAMES["Zoom"]:
        user = made.on_zoom[name]
        (message,) = made.said(name, MET)
        made.zoom.chatter.choose(user, message, MET, "Yes")
        await made.core.until(lambda message=message: message.versions == 2)
        made.zoom.chatter.press(user, message, "Tell")
        await made.core.until(lambda message=message: message.versions == 3)
    for name in (*NAMES["Trello"], *NAMES["Web"]):
        (mail,) = made.mails(name, MET)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            page, base = await opened(browser, mail)
            given = {one: value_of(page, one) for one in ("csrf", "key")} | {"verb": "answer", "field.met": "yes"}
            action = re.search(r'action="(/answer/[0-9a-f]+)"', page)
            assert action is not None
            async with browser.post(base + action[1], data=given, headers={"Sec-Fetch-Site": "same-origin"}) as reply:
                assert reply.status == 200


async def opened(browser: aiohttp.ClientSession, mail: Mail) -> tuple[str, str]:
    assert mail.link is not None
    async with browser.get(mail.link) as answer:
        assert answer.status == 200
        return await answer.text(), mail.link.partition("/a/")[0]


async def calendar(mail: Mail) -> list[Any]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        page, base = await opened(browser, mail)
        found = re.search(r'href="(/answer/[0-9a-f]+/calendar\.ics)"', page)
        assert found is not None
        async with browser.get(base + found[1]) as answer:
            return list(Calendar.from_ical(await answer.read()).events)


def value_of(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]
