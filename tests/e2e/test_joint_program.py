"""One program lived on Teams, Zoom and Trello at once, over their stand-ins: asked once, and one digest."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import tertulia_teams
import tertulia_trello
import tertulia_zoom
from tertulia.domain.identifiers import Id
from tertulia.services import preferences
from tertulia.services.rounds import RoundRow
from tertulia.storage import tables
from tertulia.testing.world import Home, World, world
from tertulia.web.mailbox import Mailbox
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Conversation, Person
from tertulia_trello.stand_in import TrelloServer
from tertulia_zoom.stand_in import ZoomServer
from tertulia_zoom.stand_in.chat import Channel, Written

PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
ask = "both"
places = ["teams:{teams}", "zoom:{zoom}", {{ platform = "trello", ref = "{trello}", kind = "board" }}]
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
[practice.options]
ask = "life"
visibility = "workspace"

[[practice]]
key = "icebreaker"
kind = "icebreaker"
title = "Two minutes for each other"
ask = "both"
places = ["teams:{teams}", "zoom:{zoom}", {{ platform = "trello", ref = "{trello}", kind = "board" }}]
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
[practice.options]
visibility = "workspace"
"""
LIFE = "Something from life you like to share"
CHECK_IN, ICEBREAKER = "How is your day going?", "Two minutes for each other"
ON = {
    "Ana": ("teams", "zoom"),
    "Ben": ("teams", "zoom"),
    "Cara": ("trello",),
    "Dan": ("teams", "trello"),
    "Eve": ("zoom",),
    "Fay": ("teams", "zoom", "trello"),
}
"""Where each has an account."""
PREFER = {"Ana": "teams", "Ben": "zoom", "Dan": "teams", "Fay": "zoom"}
ASKED = {"Ana": "teams", "Ben": "zoom", "Cara": "web", "Dan": "teams", "Eve": "zoom", "Fay": "zoom"}
"""Where each is asked: there they prefer, or where alone they can be asked; Trello has no private channel."""


@dataclass
class Company:
    """Hold a workspace on three platforms, the stand-ins of these, and who is who on them."""

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
    team: Conversation
    channel: Channel
    board: str

    def asked(self, title: str) -> dict[str, Counter[str]]:
        """Count by person and platform how often a question was asked one to one."""
        found = {name: Counter[str]() for name in ON}
        for name, person in self.on_teams.items():
            found[name]["teams"] = sum(title in json.dumps(one.activity) for one in self.teams.cards(person))
        for name, user in self.on_zoom.items():
            found[name]["zoom"] = sum(title in json.dumps(one.content) for one in self.zoom.town.chat.said(user))
        for name in ON:
            found[name]["web"] = sum(
                title in mail.subject + mail.text for mail in self.mailbox.messages_for(mail_of(name))
            )
        return {name: +count for name, count in found.items()}

    def in_zoom(self, name: str, title: str) -> Written:
        said = self.zoom.town.chat.said(self.on_zoom[name])
        return [one for one in said if one.content.get("head", {}).get("text") == title][-1]

    def cards(self, title: str) -> list[str]:
        return [key for key, one in self.trello.town.cards.items() if one["name"].startswith(title)]

    def digests(self, words: str) -> dict[str, str]:
        """Return by platform what shows *words* where everybody reads along."""
        posted = [one.activity for one in self.team.messages.values() if one.sender is None]
        said = [one.content for one in self.zoom.town.chat.messages.values() if one.to == self.channel.jid]
        comments = [
            action["data"]["text"]
            for card in self.trello.town.cards
            for action in self.trello.town.card_actions(card)
            if action["type"] == "commentCard" and action["idMemberCreator"] == self.trello.town.own
        ]
        whole = {"teams": posted, "zoom": said, "trello": comments}
        texts = {name: [json.dumps(one, ensure_ascii=False) for one in parts] for name, parts in whole.items()}
        return {name: found[-1] for name, parts in texts.items() if (found := [one for one in parts if words in one])}

    async def round(self, kind: str) -> RoundRow:
        return next(row for row in await self.core.rounds(self.home) if (row.kind, row.state) == (kind, "open"))

    async def answered(self, kind: str) -> int:
        return (await self.core.progress(self.home, (await self.round(kind)).id)).answered

    async def rows(self, table: Any) -> list[Any]:
        async with self.core.runtime.database.read() as tx:
            return list(await tx.execute(sa.select(table)))

    async def answer_in_teams(self, name: str, title: str, **words: str) -> None:
        person = self.on_teams[name]
        (card,) = [one for one in self.teams.cards(person) if title in json.dumps(one.activity)]
        content = card.activity["attachments"][0]["content"]
        (button,) = [action for action in content["actions"] if action.get("verb") == "answer"]
        turn = await self.teams.press(person, self.teams.tenant.chat(person), card, button, words)
        assert turn.status == 200

    async def answer_in_zoom(self, name: str, message: Written, label: str, text: str) -> None:
        user, known = self.on_zoom[name], message.versions
        self.zoom.chatter.fill_in(user, message, label, text)
        await self.core.until(lambda: message.versions == known + 1)
        self.zoom.chatter.press(user, message, "Share")
        await self.core.until(lambda: message.versions == known + 2)


def mail_of(name: str) -> str:
    return f"{name.lower()}@example.org"


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
        on_teams = {n: teams.tenant.add_person(n, mail_of(n)) for n, where in ON.items() if "teams" in where}
        on_zoom = {n: zoom.town.add_user(n, mail_of(n)) for n, where in ON.items() if "zoom" in where}
        on_trello = {n: trello.town.member(n.lower(), n, mail_of(n)) for n, where in ON.items() if "trello" in where}
        (team,) = teams.tenant.add_team("Crew", ["General"], on_teams.values())
        channel = zoom.town.chat.add_channel("Crew", list(on_zoom.values()))
        board = trello.town.board("Crew", *on_trello.values())
        home, mailbox = await core.workspace(domains=["example.org"]), Mailbox()
        try:
            people = {name: await core.person(home, name, email=mail_of(name)) for name in ON}
            async with core.runtime.database.write() as tx:
                for name, platform in PREFER.items():
                    await preferences.set_channel(core.runtime, tx, home.organization, people[name], platform)
            await core.enable(home, "web", dict(await mailbox.start()))
            for plugin, settings in (
                ("teams", teams.settings()),
                ("zoom", zoom.settings()),
                ("trello", trello.settings()),
            ):
                await core.enable(home, plugin, settings)
            made = Company(
                core, home, teams, zoom, trello, mailbox, people, on_teams, on_zoom, on_trello, team, channel, board
            )
            await settle(made)
            yield made
        finally:
            await mailbox.stop()


async def settle(made: Company) -> None:
    core, home = made.core, made.home

    async def known() -> bool:
        reach = [await core.reachable(home, platform) for platform in ("teams", "zoom")]
        linked = [one for one in await made.rows(tables.identity) if one.platform == "trello" and one.person_id]
        return reach == [len(made.on_teams), len(made.on_zoom)] and len(linked) == len(made.on_trello)

    await core.until(known)
    await made.teams.install_in(made.team, next(iter(made.on_teams.values())))
    for person in made.on_teams.values():
        await made.teams.install(person)
    await core.apply(home, PROGRAM.format(teams=made.team.id, zoom=made.channel.jid, trello=made.board))
    await core.until(lambda: made.trello.town.webhooks and made.zoom.bot.url)


async def test_one_program_is_lived_on_three_platforms(tmp_path: Path) -> None:
    async with company(tmp_path) as made:
        core, trello = made.core, made.trello.town
        core.clock.advance(timedelta(hours=1, seconds=1))
        expected = {name: Counter({platform: 1}) for name, platform in ASKED.items()}
        for title in (CHECK_IN, ICEBREAKER):
            await core.until(lambda title=title: made.asked(title) == expected)
            await core.until(lambda title=title: made.cards(title))
        await core.until(lambda: {"teams", "zoom"} <= set(made.digests(CHECK_IN)))
        await asyncio.sleep(1.1)  # so long the intake remembers that the board was no place yet

        # Ana in Teams, Ben in Zoom, Cara on the card, Eve from Zoom's channel, Dan on the card and in Teams
        (card,) = made.cards(CHECK_IN)
        trello.comment(made.on_trello["Dan"], card, "life: First on the card")
        trello.comment(made.on_trello["Cara"], card, "life: From the board")
        await made.answer_in_teams("Ana", CHECK_IN, **{"long.life": "From Teams"})
        await made.answer_in_zoom("Ben", made.in_zoom("Ben", CHECK_IN), LIFE, "From Zoom")
        posting = next(
            one
            for one in made.zoom.town.chat.messages.values()
            if one.to == made.channel.jid and CHECK_IN in json.dumps(one.content)
        )
        made.zoom.chatter.press(made.on_zoom["Eve"], posting, "Answer")
        await core.until(lambda: made.asked(CHECK_IN)["Eve"]["zoom"] == 2)
        await made.answer_in_zoom("Eve", made.in_zoom("Eve", CHECK_IN), LIFE, "From the channel")

        async def five() -> bool:
            return await made.answered("check-in") == 5

        await core.until(five)
        await made.answer_in_teams("Dan", CHECK_IN, **{"long.life": "Now in Teams"})

        # the icebreaker: Fay in Zoom, then on the card; Cara on the card
        (card,) = made.cards(ICEBREAKER)
        await made.answer_in_zoom("Fay", made.in_zoom("Fay", ICEBREAKER), "Your answer", "A lake")
        trello.comment(made.on_trello["Cara"], card, "A mountain")
        trello.comment(made.on_trello["Fay"], card, "A lake, I say")

        async def both() -> bool:
            given = {row._mapping["values"].get("answer") for row in await made.rows(tables.response)}
            return await made.answered("icebreaker") == 2 and "A lake, I say" in given

        await core.until(both)
        assert await made.answered("check-in") == 5
        counted = Counter(
            (row.round_id, row.person_id) for row in await made.rows(tables.participation) if row.kind == "answered"
        )
        assert set(counted.values()) == {1}, "nobody counts twice, wherever they answered"
        assert len(counted) == 7

        core.clock.advance(timedelta(hours=6))
        for words in ("5 people checked in.", "2 people answered."):
            await core.until(lambda words=words: set(made.digests(words)) == {"teams", "zoom", "trello"})
        for digest in made.digests("5 people checked in.").values():
            for words in ("From Teams", "From Zoom", "From the board", "From the channel", "Now in Teams"):
                assert words in digest
            assert "First on the card" not in digest
        for digest in made.digests("2 people answered.").values():
            assert "A mountain" in digest
            assert "A lake, I say" in digest
        assert made.asked(ICEBREAKER) == expected, "nobody was asked again"
