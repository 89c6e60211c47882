"""One café round over three platforms and the web, in three time zones, from the introduction to who took part."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from icalendar import Calendar

from tertulia.domain.people import Actor
from tertulia.sandbox.drive import drive
from tertulia.services import answers, identities, sign_ups
from tertulia.services.prompts import open_ticket
from tertulia.storage import tables
from tertulia.testing.world import World, world
from tertulia.web.mailbox import Mailbox

PROGRAM = """
[[practice]]
key = "coffee"
kind = "cafe"
title = "Coffee"
join = "opt-in"
cadence = { rule = "FREQ=WEEKLY;INTERVAL=4;BYDAY=MO", start = "2026-01-05T09:30", time = "local" }
open_for = "24h"
options = { form = "within", size = 3 }
"""
ZONES = ("Europe/London", "Europe/Athens", "America/New_York")
TEAMS = ("chat", "meet", "board", "web")


async def members(core: World, home: Any) -> dict[str, str]:
    """Add three members in three zones for each platform; those of the board are asked by mail, too."""
    people = {}
    for team in TEAMS:
        for zone in ZONES:
            name = f"{team}-{zone.rpartition('/')[2].replace('_', '')}"
            mail = f"{name.lower()}@example.org"
            people[name] = await core.person(home, name, email=mail, zone=zone, team=team)
            if team == "web":
                continue
            async with core.runtime.database.write() as tx:
                actor = Actor(platform=team, realm="r", user=name)
                account = await identities.reachable(core.runtime, tx, home.organization, actor, {"to": name})
                how = (home.organization, account.id, people[name], "import")
                await identities.link(core.runtime, tx, *how, actor="test")
    return people


async def test_a_round_over_three_platforms_and_the_web(tmp_path: Path, square: Callable[..., Any]) -> None:
    squares = {"chat": square("chat", gathers=True), "meet": square("meet", gathers=True)}
    squares["board"] = square("board", gathers=True, asks=False)
    mailbox = Mailbox()
    mail = await mailbox.start()
    async with world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins=squares) as core:
        home = await core.workspace("Home")
        people = await members(core, home)
        for name in squares:
            await core.enable(home, name, {})
        await core.enable(home, "web", mail)
        await core.apply(home, PROGRAM)
        async with core.runtime.database.write() as tx:
            for person in people.values():
                await sign_ups.sign_up(core.runtime, tx, home.organization, home.workspace, "coffee", person)
        (planned,) = await core.rounds(home)
        await live(core, planned.opens_at + timedelta(hours=9))

        for name in ("chat", "meet"):
            calls = squares[name].survey.sent
            assert sorted(call.to.address["to"] for call in calls) == sorted(one for one in people if name in one)
        mailed = {one.recipient for one in mailbox.messages()}
        assert mailed == {f"{one.lower()}@example.org" for one in people if one.startswith(("board", "web"))}
        for name, square_ in squares.items():
            (gathered,) = [call for call in square_.ritual.sent if call.method == "gather"]
            assert len(gathered.group) == 3
            assert gathered.prompt.link is None
            assert gathered.prompt.actions == ()
            assert all(one in gathered.prompt.body.plain() for one in people if one.startswith(name))
            assert "(Athens)" in gathered.prompt.body.plain()

        await tick_times(core, squares, people)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            entries = await calendar_of(browser, mailbox, "web-athens@example.org")
        assert [str(entry["status"]) for entry in entries] == ["TENTATIVE"] * 3
        assert all(len({entry["uid"] for entry in entries}) == 3 for _ in entries)
        assert {entry.start.utcoffset() for entry in entries} == {timedelta(0)}
        await live(core, planned.opens_at + timedelta(days=6))
        titles = [call.prompt.title for call in squares["chat"].survey.sent]
        assert titles.count("Your café") == 3
        assert titles.count("Did you meet?") == 3
        subjects = [one.subject for one in mailbox.messages_for("board-london@example.org")]
        assert len(subjects) == 3

        await say_met(core, squares, mailbox, people)
        await live(core, planned.opens_at + timedelta(days=14))
        async with core.runtime.database.read() as tx:
            facts = (await tx.execute(tables.participation.select())).all()
            ties = (await tx.execute(tables.interaction.select())).all()
        assert sorted(fact.person_id for fact in facts) == sorted(people.values())
        assert {fact.round_id for fact in facts} == {planned.id}
        assert {fact.kind for fact in facts} == {"attended"}
        assert len(ties) == 4 * 3 * 2  # in each of four groups of three, both ways
    await mailbox.stop()


async def live(core: World, until: Any) -> None:
    async for _ in drive(core.runtime, core.clock, until):
        pass


async def press(core: World, call: Any, person: str, platform: str, values: Any) -> None:
    token = next(action.token for action in call.prompt.actions if action.verb == "answer")
    ticket = open_ticket(core.runtime.vault, token)
    reply = await answers.answer(core.runtime, ticket, person=person, platform=platform, values=values, key=None)
    assert reply.status == "taken", reply


async def tick_times(core: World, squares: Any, people: dict[str, str]) -> None:
    for name in ("chat", "meet"):
        for call in squares[name].survey.sent:
            (field,) = call.prompt.fields
            assert len(field.options) == 4
            await press(core, call, people[call.to.address["to"]], name, {"times": ["1"]})


async def say_met(core: World, squares: Any, mailbox: Mailbox, people: dict[str, str]) -> None:
    for name in ("chat", "meet"):
        for call in squares[name].survey.sent:
            if call.prompt.title == "Did you meet?":
                await press(core, call, people[call.to.address["to"]], name, {"met": "yes"})
    for mail in mailbox.messages():
        if "Did you meet?" in mail.subject or "Did you meet?" in mail.text:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
                page = await opened(browser, mail.link)
                form = {name: field(page, name) for name in ("csrf", "key")} | {"verb": "answer", "field.met": "yes"}
                action = re.search(r'action="(/answer/[0-9a-f]+)"', page)
                assert action is not None
                url = f"{core.runtime.config.public_url}{action[1]}"
                async with browser.post(url, data=form, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
                    assert answer.status == 200, await answer.text()


async def opened(browser: aiohttp.ClientSession, link: str | None) -> str:
    assert link is not None
    async with browser.get(link) as answer:
        assert answer.status == 200
        return await answer.text()


async def calendar_of(browser: aiohttp.ClientSession, mailbox: Mailbox, address: str) -> list[Any]:
    (mail,) = mailbox.messages_for(address)
    page = await opened(browser, mail.link)
    found = re.search(r'href="(/answer/[0-9a-f]+/calendar\.ics)"', page)
    assert found is not None
    base = str(mail.link).partition("/a/")[0]
    async with browser.get(base + found[1]) as answer:
        assert answer.content_type == "text/calendar"
        return list(Calendar.from_ical(await answer.read()).events)


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]
