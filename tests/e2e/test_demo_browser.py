"""What somebody does who tries the demo, in a real browser: from the start page to each place where one sits down."""

from __future__ import annotations

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
    place = await town.found(config, size=Size(employees=5, freelancers=6), seed=SEED)
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


def seat(label: str) -> str:
    """Follow the first link to a seat: that is yours."""
    every = "[...document.querySelectorAll('a.leave')]"
    return click(f"{every}.find((one) => one.textContent.startsWith({json.dumps(label)}))")


def says(words: str) -> str:
    return f"document.body.innerText.includes({json.dumps(words)})"


async def start(page: Page, place: Town) -> None:
    await page.call("Page.navigate", url=f"{place.runtime.config.public_url}/sandbox")
    await page.until(says("The Hub, a synthetic organization"))


async def test_one_tries_everything_from_the_start_page(tmp_path: Path) -> None:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    async with living(tmp_path / "demo") as (place, life), browser.browser(tmp_path) as opened:
        await lived(life, MONDAY + timedelta(days=1, hours=18))
        page = await opened.open(f"{place.runtime.config.public_url}/sandbox", width=1100)
        await page.until(says("The Hub, a synthetic organization"))
        await answer_a_check_in_as_a_teams_member(page, place)
        await start_an_icebreaker_as_a_zoom_host(page, place)
        await lived(life, MONDAY + timedelta(days=2, hours=18))
        await comment_on_a_ritual_card_on_trello(page, place, life)
        await lived(life, MONDAY + timedelta(days=7))
        await read_a_published_pulse(page, place)
        await the_page_fits(page, place)
        assert not [fault for fault in page.faults if "favicon" not in fault]


async def answer_a_check_in_as_a_teams_member(page: Page, place: Town) -> None:
    await page.until(seat("Teams"))
    await page.until(says("How is the week going?"))
    await page.until(write("document.querySelector('form.card textarea')", "Trying the demo"))
    await page.until(link("Share"))
    await page.until(says("You can change it until"))
    mine = await responses(place)
    assert [row.platform for row in mine if "Trying the demo" in json.dumps(row._mapping["values"])] == ["teams"]


async def responses(place: Town) -> list[Any]:
    mine = tables.response.c.person_id == place.people[place.you]
    async with place.runtime.database.read() as tx:
        return list(await tx.execute(sa.select(tables.response).where(mine)))


async def start_an_icebreaker_as_a_zoom_host(page: Page, place: Town) -> None:
    await start(page, place)
    await page.until(seat("Zoom meeting"))
    await page.until(says("Zoom's stand-in"))
    chosen = await page.run("document.querySelector('select').selectedOptions[0].text")
    assert chosen == f"{place.inhabitants[0].resident.name} (host)"
    await page.until(link("Join the meeting"))
    await page.until(link("Apps: Tertulia"))
    await page.until(says("Start an icebreaker"), frame=PANEL)
    await page.until(link("Choose a question"), frame=PANEL)
    await page.until(link("Ask everybody"), frame=PANEL)
    await page.until("document.querySelector('.question')?.innerText", frame=PANEL)


async def comment_on_a_ritual_card_on_trello(page: Page, place: Town, life: Life) -> None:
    await start(page, place)
    await page.until(seat("Trello"))
    await page.until(says("Two minutes for each other"))
    cards = "[...document.querySelectorAll('article')]"
    card = f"{cards}.find((one) => one.querySelector('h3').textContent.startsWith('Two minutes'))"
    await page.until(write(f"{card}?.querySelector('textarea')", "A lake in the morning"))
    await page.until(click(f"{card}.querySelector('button.main')"))
    await page.until(says("A lake in the morning"))
    await life.go_on(timedelta(minutes=1))
    taken = [json.dumps(row._mapping["values"]) for row in await responses(place) if row.platform == "trello"]
    assert any("A lake in the morning" in one for one in taken)


async def read_a_published_pulse(page: Page, place: Town) -> None:
    await start(page, place)
    await page.until(link("Published surveys"))
    await page.until(says("How are we doing?"))
    await page.until(click("document.querySelector('main .list a')"))
    await page.until(says("answered"))


async def the_page_fits(page: Page, place: Town) -> None:
    """On a phone, in the dark: nothing but the tables scrolls sideways."""
    await page.size(390, 800)
    await page.theme(dark=True)
    await start(page, place)
    assert await page.run("document.documentElement.scrollWidth") <= 390
    assert await page.run("document.querySelectorAll('input:not([type=hidden]):not([id])').length") == 0
