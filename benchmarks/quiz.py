"""`python -m benchmarks quiz`: one live quiz, played at once in a Teams channel, in Zoom's panel and on the web.

Everything goes over real HTTP: the plugins with the stand-ins of Teams and Zoom, the web with members' sessions. (A
card on a Trello board is read by everybody, so it takes no answer that only its giver may see: who lives on Trello
plays on the web.) What was said is noted here and compared with every board that anybody is shown.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

import tertulia_teams
import tertulia_zoom
from benchmarks import report
from benchmarks.setting import Databases, setting
from tertulia.domain.identifiers import Id
from tertulia.services import people
from tertulia.storage import tables
from tertulia.testing.world import Home, World, world
from tertulia.web import sessions
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Conversation, Message, Person
from tertulia_zoom.stand_in import ZoomServer
from tertulia_zoom.stand_in.client import Clients
from tertulia_zoom.stand_in.state import Instance

SEED = 20261122
DAY = "example.org"
PROGRAM = """
[[practice]]
key = "quiz"
kind = "quiz"
title = "Quiz"
places = ["teams:{channel}"]
cadence = {{ rule = "FREQ=YEARLY", start = "2027-03-09T09:30" }}
options = {{ questions = {questions}, teams = 4, seconds = 300 }}
"""
COLUMNS = ("players, database", "way", "answers", "p50 ms", "p99 ms", "most ms", "boards seen", "wrong")
WAYS = ("teams", "zoom", "web")
CONNECTIONS = 1000
SAME = {"Sec-Fetch-Site": "same-origin"}
WAIT = 300.0


@dataclass
class Player:
    """Hold one player: how they play, what they said last to each question, and how they answer."""

    name: str
    way: str
    person: Id
    shown: bool
    said: dict[int, tuple[int, bool]] = field(default_factory=dict)


@dataclass
class Game:
    """Hold a quiz that is played."""

    core: World
    home: Home
    teams: StandIn
    zoom: ZoomServer
    clients: Clients
    instance: Instance
    channel: Conversation
    panel: str
    http: aiohttp.ClientSession
    players: list[Player]
    questions: int
    on_teams: Mapping[str, Person]
    spread: float = 0.0
    session: Id = ""
    passes: dict[str, tuple[str, str]] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    boards: int = 0
    wrong: list[str] = field(default_factory=list)

    async def rows(self, table: sa.Table) -> list[Any]:
        """Return all rows of a table."""
        async with self.core.runtime.database.read() as tx:
            return list((await tx.execute(sa.select(table))).all())

    async def asked(self) -> Sequence[Any]:
        """Return the questions as the round keeps them, with the right answers."""
        found = [row.content for row in await self.rows(tables.round_table) if "questions" in (row.content or {})]
        return list(found[0]["questions"])

    def expected(self, asked: Sequence[Any], after: int) -> set[str]:
        """Return the leader board's lines after *after* questions, by what was acknowledged."""
        points = {
            one.name: sum(
                number <= after and choice == asked[number - 1]["right"] for number, (choice, _) in one.said.items()
            )
            for one in self.players
            if [number for number in one.said if number <= after] and one.shown
        }
        ranked = {name: 1 + sum(other > mine for other in points.values()) for name, mine in points.items()}
        best = sorted(points, key=lambda name: (-points[name], name))
        return {f"{ranked[name]}. {name}: {points[name]}" for name in best if ranked[name] <= 10}

    def check(self, shown: str, asked: Sequence[Any], after: int) -> None:
        """Compare a board that somebody was shown with what was said."""
        self.boards += 1
        plain = re.sub(r"<[^>]+>", "\n", shown).replace("&#39;", "'")
        lines = {re.sub(r":\s+", ": ", line) for line in re.findall(r"\d+\. Player \d+ \w+:\s+\d+", plain)}
        if lines != self.expected(asked, after):
            self.wrong.append(f"after {after}: {sorted(lines ^ self.expected(asked, after))[:4]}")
        hidden = {one.name for one in self.players if not one.shown}
        if hidden & set(re.findall(r"Player \d+ \w+", plain)):
            self.wrong.append(f"after {after}: somebody is named who did not choose it")


@asynccontextmanager
async def game(players: int, questions: int, folder: Path, url: str) -> AsyncIterator[Game]:
    """Set a quiz up: a third of the players in each place, all of them members of one workspace."""
    plugins = {"teams": tertulia_teams, "zoom": tertulia_zoom}
    # ours are given up before the service closes them: what it closes while a request is on its way is reset
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=5)
    async with (
        StandIn() as teams,
        world(url, folder, plugins=plugins) as core,
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        zoom = ZoomServer()
        clients = Clients(zoom)
        zoom.town.now = core.clock.now
        async with zoom:
            yield await _set_up(players, questions, core, teams, zoom, clients, http)


async def _set_up(
    players: int,
    questions: int,
    core: World,
    teams: StandIn,
    zoom: ZoomServer,
    clients: Clients,
    http: aiohttp.ClientSession,
) -> Game:
    home = await core.workspace(domains=[DAY])
    names = {f"Player {number:03d} {WAYS[number % 3]}": WAYS[number % 3] for number in range(players)}
    mails = {name: f"{name.lower().replace(' ', '.')}@{DAY}" for name in names}
    persons = {name: await core.person(home, name, email=mail) for name, mail in mails.items()}
    host = await core.person(home, "Hana", email=f"hana@{DAY}")
    on_teams = {name: teams.tenant.add_person(name, mails[name]) for name, way in names.items() if way == "teams"}
    on_zoom = {name: zoom.town.add_user(name, mails[name]) for name, way in names.items() if way == "zoom"}
    on_zoom["Hana"] = zoom.town.add_user("Hana", f"hana@{DAY}")
    (channel,) = teams.tenant.add_team("Crew", ["General"], on_teams.values())
    number = zoom.town.add_meeting(on_zoom["Hana"], "Weekly")
    async with core.runtime.database.write() as tx:
        await people.grant(core.runtime, tx, home.organization, home.workspace, host, "host", actor="bench")
    await core.enable(home, "teams", teams.settings())
    live = await core.enable(home, "zoom", zoom.settings())
    await _until_linked(core, teams, len(on_teams) + len(on_zoom))
    await teams.install_in(channel, next(iter(on_teams.values())))
    await core.apply(home, PROGRAM.format(channel=channel.id, questions=questions))
    made = Game(
        core=core,
        home=home,
        teams=teams,
        zoom=zoom,
        clients=clients,
        instance=zoom.meetings.start(number),
        channel=channel,
        panel=f"{live.context.public_url}/panel",
        http=http,
        players=_players(names, persons),
        questions=questions,
        on_teams=on_teams,
    )
    clients.panel = made.panel
    for name, user in on_zoom.items():
        await _enter(made, name, user)
    await _sign_in(made)
    return made


def _players(names: Mapping[str, str], persons: Mapping[str, Id]) -> list[Player]:
    """Make the players, a fifth of whom choose to be shown."""
    drawn = random.Random(SEED)
    return [Player(name, way, persons[name], drawn.random() < 0.2) for name, way in names.items()]


async def _until_linked(core: World, teams: StandIn, many: int) -> None:
    """Wait until so many accounts belong to somebody, and Teams knows where the bot is."""

    async def known() -> bool:
        async with core.runtime.database.read() as tx:
            linked = sa.select(sa.func.count()).select_from(tables.identity).where(tables.identity.c.person_id != "")
            return bool(teams.endpoint and (await tx.execute(linked)).scalar_one() == many)

    await core.until(known, WAIT)


async def _enter(made: Game, name: str, user: str) -> None:
    """Open the panel of somebody in the meeting."""
    person = made.clients.join(made.instance, user)
    body = {"context": made.clients.context(person), "meeting": made.instance.number}
    async with made.http.post(f"{made.panel}/enter", json=body) as answer:
        made.passes[name] = (await answer.json())["pass"], person.stay.device


async def _sign_in(made: Game) -> None:
    """Give each player on the web a session, as a code by mail does."""
    runtime = made.core.runtime
    async with runtime.database.write() as tx:
        for one in made.players:
            if one.way == "web":
                whose = (made.home.organization, one.person)
                secret = await sessions.open_for_member(runtime, tx, *whose, datetime.now(UTC))
                made.cookies[one.name] = {sessions.cookie_name(runtime.config): secret}


async def act(made: Game, name: str, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Do what a panel asks."""
    token, _ = made.passes[name]
    headers = {"authorization": f"Bearer {token}"}
    async with made.http.post(f"{made.panel}/{what}", json=dict(body), headers=headers) as answer:
        told: dict[str, Any] = await answer.json()
    if answer.status != 200:
        raise AssertionError(f"{what}: {answer.status} {told}")
    return told


async def news(made: Game, name: str) -> dict[str, Any]:
    """Return all that a panel is shown now."""
    return await act(made, name, "news", {"seat": made.passes[name][1], "seen": 0, "key": ""})


async def page(made: Game, one: Player) -> str:
    """Return the page that a player on the web sees."""
    url = f"{made.core.runtime.config.public_url}/my/live/{made.session}"
    async with made.http.get(url, cookies=made.cookies[one.name]) as answer:
        text = await answer.text()
    if answer.status != 200:
        raise AssertionError(f"page: {answer.status}")
    found = re.search(r'name="csrf" value="([^"]*)"', text)
    made.tokens[one.name] = found[1] if found else made.tokens.get(one.name, "")
    return text


async def play(made: Game) -> None:
    """Hold the whole quiz, and compare what is kept with what was said."""
    told = await act(made, "Hana", "start", {"practice": "quiz"})
    made.session = str(told["session"])
    await act(made, "Hana", "ask", {})
    asked, drawn = await made.asked(), random.Random(SEED + 1)
    for number in range(1, made.questions + 1):
        await _question(made, asked, number, drawn)
        if number < made.questions:
            await act(made, "Hana", "question", {"number": number + 1})
    await act(made, "Hana", "end", {})
    await _kept(made)


async def _question(made: Game, asked: Sequence[Any], number: int, drawn: random.Random) -> None:
    card = await _posted(made, number)
    on_web = [one for one in made.players if one.way == "web"]
    on_zoom = [one for one in made.players if one.way == "zoom"]
    await asyncio.gather(*(page(made, one) for one in on_web), *(news(made, one.name) for one in on_zoom))
    playing = [one for one in made.players if drawn.random() < 0.95]
    right = asked[number - 1]["right"]
    plans = [(one, right if drawn.random() < 0.6 else drawn.randrange(4), drawn.random()) for one in playing]
    looking = asyncio.create_task(_look(made, asked, number - 1, [*on_web[:2], *on_zoom[:2]]))
    await asyncio.gather(*(_answer(made, one, number, choice, card, chance) for one, choice, chance in plans))
    await looking
    await act(made, "Hana", "reveal", {"number": number})
    await _look(made, asked, number, [*on_web[:3], *on_zoom[:3]])


async def _posted(made: Game, number: int) -> Message:
    """Wait until the question stands in the channel."""

    def cards() -> list[Message]:
        wanted = f"Question {number} of {made.questions}"
        return [one for one in made.teams.shown(made.channel) if wanted in json.dumps(one.activity)]

    await made.core.until(cards, WAIT)
    return cards()[0]


async def _answer(made: Game, one: Player, number: int, choice: int, card: Message, chance: float) -> None:
    """Answer; some press twice, and some change their mind."""
    if made.spread:
        # people read first, each in their own time
        await asyncio.sleep(made.spread * ((chance * 7919) % 1))
    await _send(made, one, number, choice, card)
    if chance < 0.1:
        await _send(made, one, number, choice, card)
    elif chance < 0.2:
        await _send(made, one, number, (choice + 1) % 4, card)


async def _send(made: Game, one: Player, number: int, choice: int, card: Message) -> None:
    begun = time.perf_counter()
    ways = {"teams": _by_card, "zoom": _by_panel, "web": _by_page}
    await ways[one.way](made, one, number, choice, card)
    made.taken[one.way].append((time.perf_counter() - begun) * 1000)
    one.said[number] = choice, one.shown


async def _by_card(made: Game, one: Player, number: int, choice: int, card: Message) -> None:
    content = card.activity["attachments"][0]["content"]
    (button,) = [action for action in content["actions"] if action.get("verb") == "answer"]
    words = {f"one.q{number}": str(choice), "confirm.shown": "true" if one.shown else "false"}
    turn = await made.teams.press(made.on_teams[one.name], made.channel, card, button, words)
    if turn.status != 200:
        raise AssertionError(f"card: {turn.status}")


async def _by_panel(made: Game, one: Player, number: int, choice: int, card: Message) -> None:
    values = {f"q{number}": str(choice), **({"shown": True} if one.shown else {})}
    key = f"{one.name}:{number}:{choice}"
    body = {"seat": made.passes[one.name][1], "verb": "answer", "values": values, "key": key}
    told = await act(made, one.name, "answer", body)
    if told["status"] not in ("taken", "changed"):
        raise AssertionError(f"panel: {told}")


async def _by_page(made: Game, one: Player, number: int, choice: int, card: Message) -> None:
    form = {"csrf": made.tokens[one.name], "key": f"{one.name}:{number}:{choice}", "verb": "answer"}
    form |= {f"field.q{number}": str(choice), **({"field.shown": "yes"} if one.shown else {})}
    url = f"{made.core.runtime.config.public_url}/my/live/{made.session}"
    own = {"cookies": made.cookies[one.name], "headers": SAME}
    async with made.http.post(url, data=form, allow_redirects=False, **own) as answer:
        if answer.status != 303:
            raise AssertionError(f"page: {answer.status}")


async def _look(made: Game, asked: Sequence[Any], after: int, players: Sequence[Player]) -> None:
    """Look at the boards of some players, everywhere, and compare each with what was said."""
    for one in players:
        if one.way == "web":
            shown = (await page(made, one)).partition('id="board"')[2]
        else:
            summary = (await news(made, one.name)).get("summary")
            shown = summary["text"] if summary else ""
        if after:
            made.check(shown, asked, after)
        elif shown:
            made.wrong.append("a board before the first question has closed")


async def _kept(made: Game) -> None:
    """Compare what is kept in the end with what was said; each person has one answer, and took part once."""
    (root,) = [row.id for row in await made.rows(tables.round_table) if row.occurrence.startswith("host:")]
    answers = [row for row in await made.rows(tables.response) if row.round_id == root]
    kept = {row.person_id: dict(row._mapping["values"]) for row in answers}
    said = {
        one.person: {f"q{n}": str(choice) for n, (choice, _) in one.said.items()} for one in made.players if one.said
    }
    for person in kept.keys() | said.keys():
        found = {key: value for key, value in kept.get(person, {}).items() if re.fullmatch(r"q\d+", key)}
        if found != said.get(person):
            made.wrong.append(f"kept {found}, said {said.get(person)}")
    facts = [row.person_id for row in await made.rows(tables.participation) if row.kind == "answered"]
    if sorted(facts) != sorted(said):
        made.wrong.append(f"{len(facts)} took part, {len(said)} played")


async def measure(players: int, databases: Databases, *, questions: int, spread: float) -> None:
    """Print how soon answers were taken, and how many boards were seen and how many of them were wrong.

    All answer a question within *spread* seconds; at 0 all at the same instant.
    """
    rows: list[tuple[str, ...]] = []
    for kind in databases.kinds:
        with setting(kind, databases) as where:
            async with game(players, questions, where.folder, where.database_url) as made:
                made.spread = spread
                await play(made)
                rows += result(made, f"{players:,}, {kind}")
    report.show(f"live quiz, each question answered within {spread:g} s", COLUMNS, rows)


def result(made: Game, label: str) -> list[tuple[str, ...]]:
    """Return the lines of the table."""
    everywhere = [one for way in WAYS for one in made.taken[way]]
    found = []
    for way, taken in (*made.taken.items(), ("all", everywhere)):
        spread = (report.number(report.percentile(taken, share)) for share in (0.5, 0.99, 1.0))
        found.append((label, way, str(len(taken)), *spread, str(made.boards), str(len(made.wrong))))
    return found
