"""The exact steps of somebody who tries the demo, in a real browser, by what the start page says and links alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.sandbox import demo, town
from tertulia.sandbox.life import Life
from tertulia.sandbox.organization import Size
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.storage import tables
from tertulia.testing import browser
from tertulia.testing.browser import Page

SEED = 27
PANEL = "/panel"


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[tuple[Town, Life]]:
    config = town.configuration(town.fresh_folder(folder), demo.free_port())
    place = await town.found(config, size=Size(employees=5, freelancers=11), seed=SEED)
    life = Life(place)
    service = Service(place.runtime, tick=1.0, extend=demo.with_pages(life))
    life.ticker = service.ticker
    try:
        await service.start()
        await life.begin(SEED)
        yield place, life
    finally:
        await service.stop()
        await town.close(place)


async def lived(life: Life, until: datetime) -> None:
    async for _ in life.until(until):
        pass


def click(found: str) -> str:
    """Press the element that an expression finds, once it is there and its page is whole."""
    return (
        f"(() => {{ const one = document.readyState === 'complete' ? {found} : null; "
        "if (!one || one.disabled) return false; one.click(); return true; })()"
    )


def write(found: str, words: str) -> str:
    """Write into the field that an expression finds, once it is there."""
    return f"(() => {{ const one = {found}; if (one) one.value = {json.dumps(words)}; return Boolean(one); }})()"


def link(words: str) -> str:
    """Press the first link or button with these words."""
    every = "[...document.querySelectorAll('a, button')]"
    return click(f"{every}.find((one) => one.innerText.trim() === {json.dumps(words)})")


def says(words: str) -> str:
    return f"document.body.innerText.includes({json.dumps(words)})"


def seat(heading: str) -> str:
    """Press the first button of the card with this heading on the start page."""
    every = "[...document.querySelectorAll('li.part')]"
    card = f"{every}.find((one) => one.querySelector('h3').textContent.includes({json.dumps(heading)}))"
    return click(f"{card}?.querySelector('a.button, button')")


def newest(title: str) -> str:
    """Find the newest message with these words: it stands at the end."""
    return f"[...document.querySelectorAll('article')].findLast((one) => one.innerText.includes({json.dumps(title)}))"


def field(label: str) -> str:
    """Find the field with this label."""
    every = "[...document.querySelectorAll('label')]"
    named = f"{every}.find((one) => one.textContent.trim().replace(/ \\(needed\\)$/, '') === {json.dumps(label)})"
    return f"document.getElementById({named}?.htmlFor)"


async def start(page: Page, place: Town) -> None:
    """Go back to the start page: our own pages lead there, from the stand-ins' one goes by the printed link."""
    away = await page.run("location.pathname !== '/sandbox'")
    if not away or not await page.run(link("demo: all invented")):
        await page.go(f"{place.runtime.config.public_url}/sandbox")
    await page.until(f"location.pathname === '/sandbox' && {says('The Hub, a synthetic organization')}")


async def test_one_tries_everything_from_the_start_page(tmp_path: Path) -> None:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    async with living(tmp_path / "demo") as (place, life), browser.browser(tmp_path) as opened:
        await lived(life, MONDAY + timedelta(weeks=1) + demo.TUESDAY_AFTERNOON)
        page = await opened.open(f"{place.runtime.config.public_url}/sandbox", width=1100)
        await page.until(says("All of this is invented"))
        await answer_a_check_in_as_a_teams_member(page, place)
        await start_an_icebreaker_as_a_zoom_host(page, place)
        await comment_on_a_ritual_card_on_trello(page, place)
        await open_a_candle_as_its_responder(page, place)
        await enable_a_plugin_for_a_workspace_as_an_admin(page, place)
        await read_a_published_pulse(page, place)
        await the_page_fits(page, place)
        assert life.visits is not None
        assert not +life.visits.missed
        await nobody_else_finds_a_candle(page, place)
        assert not [fault for fault in page.faults if "favicon" not in fault]


async def answer_a_check_in_as_a_teams_member(page: Page, place: Town) -> None:
    await start(page, place)
    await page.until(seat("Answer a check-in"))
    await page.until(says("How is the week going?"))
    card = newest("How is the week going?")
    await page.until(write(f"{card}?.querySelector('textarea')", "Trying the demo"))
    await page.until(click(f"[...{card}?.querySelectorAll('button')].find((one) => one.innerText === 'Share')"))
    await page.until(f"{card}?.innerText.includes('You can change it until')")
    mine = await responses(place)
    assert [row.platform for row in mine if "Trying the demo" in json.dumps(row._mapping["values"])] == ["teams"]


async def responses(place: Town) -> list[Any]:
    mine = tables.response.c.person_id == place.people[place.you]
    async with place.runtime.database.read() as tx:
        return list(await tx.execute(sa.select(tables.response).where(mine)))


async def wrote(place: Town, words: str) -> bool:
    return any(words in json.dumps(row._mapping["values"]) for row in await responses(place))


async def start_an_icebreaker_as_a_zoom_host(page: Page, place: Town) -> None:
    await start(page, place)
    await page.until(seat("Start an icebreaker"))
    await page.until(says("Zoom's stand-in"))
    chosen = await page.run("document.querySelector('select').selectedOptions[0].text")
    assert chosen == f"{place.inhabitants[0].resident.name} (host)"
    await page.until(link("Join the meeting"))
    await page.until(link("Apps: Tertulia"))
    await page.until(says("Start an icebreaker"), frame=PANEL)
    await page.until(link("Choose a question"), frame=PANEL)
    await page.until(link("Ask everybody"), frame=PANEL)
    await page.until("document.querySelector('.question')?.innerText", frame=PANEL)


async def comment_on_a_ritual_card_on_trello(page: Page, place: Town) -> None:
    await start(page, place)
    await page.until(seat("Comment on a ritual card"))
    cards = "[...document.querySelectorAll('article')]"
    card = f"{cards}.find((one) => one.querySelector('h3').textContent.startsWith('A question for the wall'))"
    await page.until(write(f"{card}?.querySelector('textarea')", "A lake in the morning"))
    await page.until(click(f"{card}?.querySelector('button.main')"))
    await page.until(says("A lake in the morning"))
    async with asyncio.timeout(60):
        while not await wrote(place, "A lake"):  # noqa: ASYNC110  # cards are read in the background
            await asyncio.sleep(0.05)
    assert {row.platform for row in await responses(place)} == {"teams", "trello"}


async def open_a_candle_as_its_responder(page: Page, place: Town) -> None:
    """Read the phrase on the start page and the name behind a candle that waits; there is one, lit by somebody."""
    for number, phrase in enumerate(place.phrases.values()):
        await start(page, place)
        await page.until(says(phrase))
        buttons = (
            "[...document.querySelectorAll('button')].filter((one) => one.innerText === 'Sit down as responder')"
        )
        await page.until(click(f"{buttons}[{number}]"))
        await page.until(says("For you alone"))
        if await page.run(says("Nothing waits for you.")):
            continue
        await page.until(write(field("Your key phrase"), phrase))
        await page.until(link("Open"))
        await page.until(says("That you read this is noted"))
        opened = await page.run("document.querySelector('section.candle h2').innerText")
        assert opened in {one.resident.name for one in place.inhabitants}
        return
    raise AssertionError("no candle waits for anybody")


async def nobody_else_finds_a_candle(page: Page, place: Town) -> None:
    """Somebody lit one, and no page of those who run the program has its reference, nor the log the member."""
    async with place.runtime.database.read() as tx:
        candles = list(await tx.execute(sa.select(tables.candle)))
    assert len(candles) == 2
    for room in ("Console", "Rounds", "Overview", "Recommendations", "Feedback", "My page"):
        await start(page, place)
        await page.until(link(room))
        await page.until("document.readyState === 'complete' && location.pathname !== '/sandbox'")
        shown = await page.run("document.documentElement.outerHTML")
        assert not [one.reference for one in candles if one.reference in shown]


async def enable_a_plugin_for_a_workspace_as_an_admin(page: Page, place: Town) -> None:
    """Read on the start page what to enter, enter it, try the connection, and see the question arrive a day later."""
    await start(page, place)
    known = "[...document.querySelectorAll('details')].find((one) => one.innerText.trim().startsWith('teams'))"
    read = f"[...{known}.querySelectorAll('dt')].map((one) => [one.textContent, one.nextElementSibling.textContent])"
    entries = dict(await page.until(read))
    assert {"App id", "App secret", "Tenant id", "Stand-in"} <= entries.keys()
    await page.until(seat("Enable a plugin"))
    await page.until(link("teams"))
    await page.until(says("not enabled in this workspace"))
    for label, value in entries.items():
        await page.until(write(field(label), value))
    await page.until(link("Save and enable"))
    await page.until(says("at work"))
    await page.until(link("Try the connection"))
    await page.until(says("The platform answers"))
    await start(page, place)
    await page.until(link("One day on"))
    await page.until(says("Wednesday, 14 January 2026"))
    await page.until("document.getElementById('lived').parentElement.hidden")
    await start(page, place)
    await page.until(seat("Answer a check-in"))
    await page.until(says("The Lab: what will you try today?"))


async def read_a_published_pulse(page: Page, place: Town) -> None:
    """Read figures of a release that happened, each with an interval and the number of answers."""
    await start(page, place)
    await page.until(seat("Read a published pulse"))
    await page.until(says("How are we doing?"))
    await page.until(click("document.querySelector('main a[href*=\"/surveys/\"]')"))
    await page.until(r"/(about \d+ of|\d+ %)[^]*at least \d+ answers/.test(document.body.innerText)")
    round_ = tables.round_table.c
    async with place.runtime.database.read() as tx:
        states = (await tx.execute(sa.select(round_.state).where(round_.practice == "pulse"))).scalars()
        assert "released" in set(states)


async def the_page_fits(page: Page, place: Town) -> None:
    """On a phone, in the dark: nothing but the tables scrolls sideways."""
    await page.size(390, 800)
    await page.theme(dark=True)
    await start(page, place)
    assert await page.run("document.documentElement.scrollWidth") <= 390
    assert await page.run("document.querySelectorAll('input:not([type=hidden]):not([id])').length") == 0
