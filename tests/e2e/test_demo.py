"""The demo as a newcomer meets it: the command itself, and a small town that lives on the platforms' stand-ins."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from rich.console import Console

from tertulia.errors import Mistake
from tertulia.sandbox import demo, town
from tertulia.sandbox.life import Life
from tertulia.sandbox.organization import MODEL, PILOT, Size, inhabitants
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.storage import lock, tables
from tertulia.web import access, app

SEED = 27
"""Among eleven people of this seed, some live on each platform, some by mail alone, and one cannot be reached."""
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def living(folder: Path, size: Size) -> AsyncIterator[tuple[Town, Life, aiohttp.ClientSession]]:
    config = town.configuration(town.fresh_folder(folder), demo.free_port())
    place = await town.found(config, size=size, seed=SEED)
    life = Life(place)
    service = Service(place.runtime, tick=1.0, extend=demo.with_pages(life))
    life.ticker = service.ticker
    try:
        await service.start()
        await life.begin(SEED)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(config.public_url, cookie_jar=jar, headers=SAME_SITE) as browser:
            yield place, life, browser
    finally:
        await service.stop()
        await town.close(place)


async def rows(place: Town, query: Any) -> list[Any]:
    async with place.runtime.database.read() as tx:
        return list(await tx.execute(query))


async def read(browser: aiohttp.ClientSession, path: str, **form: str) -> str:
    async with browser.post(path, data=form) if form else browser.get(path) as page:
        assert page.status == 200, (path, page.status)
        return await page.text()


def test_the_command_lives_a_week_and_says_what_came_of_it(tmp_path: Path) -> None:
    (town.fresh_folder(tmp_path / "demo") / "tertulia.db").write_text("of an earlier demo")
    command = [sys.executable, "-m", "tertulia", "demo", "--exit", "--people", "3", "--weeks", "1", "--port", "0"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path / "demo")], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "3 invented people" in done.stdout
    for practice in ("check-in", "touch-point", "icebreaker"):
        assert re.search(rf"{practice} .* closed", done.stdout), done.stdout
    assert re.search(r"pulse\* .* (released|withheld)", done.stdout), done.stdout


def test_it_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(Mistake, match="name another folder with --data"):
        town.fresh_folder(tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_a_port_that_is_taken_is_said_before_anything_is_made() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Mistake, match=f"Port {port} cannot be used .*--port; 0 finds a free one"):
            demo.checked_port(port)
    assert demo.checked_port(port) == port
    assert demo.checked_port(0) > 0


def test_a_browser_is_opened_only_where_there_is_a_screen() -> None:
    assert not demo.has_screen("linux", {"BROWSER": "w3m"})
    assert demo.has_screen("linux", {"WAYLAND_DISPLAY": "wayland-0"})
    assert demo.has_screen("darwin", {})


def test_a_second_demo_does_not_empty_the_first_one_s_folder(tmp_path: Path) -> None:
    folder = town.fresh_folder(tmp_path / "demo")
    with lock.held(town.database_in(folder)), pytest.raises(Mistake, match="Another demo runs in"):
        town.end_of_other(folder)
    town.end_of_other(folder)


class Interrupting(io.StringIO):
    """Press Ctrl-C once the demo says where its page is."""

    def write(self, text: str) -> int:
        if "Open http" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


async def test_it_ends_in_order_in_the_middle_of_its_history(tmp_path: Path) -> None:
    said = Interrupting()
    options = demo.Options(folder=tmp_path / "demo", size=Size.of(2), weeks=50, browser=False)
    before = sys.getswitchinterval()
    try:
        await demo.run(options, Console(file=said))
    finally:
        sys.setswitchinterval(before)
    assert "2 invented people (seed 20260105)" in said.getvalue()
    assert said.getvalue().rstrip().endswith("the next demo begins anew.")
    town.end_of_other(options.folder)


def test_the_same_seed_invents_the_same_people() -> None:
    assert inhabitants(Size.of(50), 7) == inhabitants(Size.of(50), 7)
    assert inhabitants(Size.of(50), 7) != inhabitants(Size.of(50), 8)
    assert (MODEL.people, PILOT.people) == (240, 2820)
    pilot = inhabitants(PILOT, 7)
    assert len({one.resident.email for one in pilot}) == PILOT.people
    assert Counter(one.resident.worker_type for one in pilot) == {"employee": 798, "freelancer": 2022}
    assert {one.reached for one in pilot if one.resident.worker_type == "employee"} == {True}


async def test_people_are_asked_and_answer_on_their_own_platforms(tmp_path: Path) -> None:
    async with living(tmp_path / "demo", Size(employees=5, freelancers=6)) as (place, life, browser):
        await everybody_is_linked(place)
        async for _ in life.until(MONDAY + timedelta(days=3, hours=3)):
            pass
        assert set(life.arrived) == {stage.name for stage in place.stages}, "each stand-in carried something"
        assert life.answers.total() > 3
        assert not +life.missed, "what people press is taken"
        await nobody_answered_for_you(place)
        await the_start_page_leads_everywhere(place, browser)
        await time_goes_on_at_a_pace(place, life, browser)
        await production_has_none_of_it(place, browser)


async def everybody_is_linked(place: Town) -> None:
    """Who has a seat on a platform has an account there that was linked to the person by the directory."""
    linked = {(row.platform, row.person_id) for row in await rows(place, sa.select(tables.identity)) if row.person_id}
    for stage in place.stages:
        reached = {one.resident.email for one in place.inhabitants if one.reached}
        sitting = {place.people[email] for email in reached if stage.seats(email)}
        assert {person for platform, person in linked if platform == stage.name} >= sitting
        assert stage.name == place.mailbox.name or sitting
    ways = {one.resident.worker_type: [] for one in place.inhabitants}
    for one in place.inhabitants:
        ways[one.resident.worker_type].append(sum(bool(stage.seats(one.resident.email)) for stage in place.stages))
    assert min(ways["employee"]) >= 1, "everybody employed has an account"
    assert 0 in ways["freelancer"], "some freelancers have nothing but their mail"


async def nobody_answered_for_you(place: Town) -> None:
    mine = [row for row in await rows(place, sa.select(tables.response)) if row.person_id == place.people[place.you]]
    assert mine == []
    sent = sa.select(tables.delivery).where(tables.delivery.c.state == "sent", tables.delivery.c.purpose == "invite")
    by_person = {row.recipient: row.platform for row in await rows(place, sent)}
    assert by_person[place.people[place.you]] != place.mailbox.name, "you are asked where you have an account"


async def the_start_page_leads_everywhere(place: Town, browser: aiohttp.ClientSession) -> None:
    page = await read(browser, "/sandbox")
    assert "Wednesday, 07 January 2026" in page or "Thursday, 08 January 2026" in page
    assert "All of this is invented" in page
    for kind in ("member", "meeting host", "admin", "care responder", "plugin author"):
        assert f'<span class="badge">{kind}</span>' in page
    seats = re.findall(r'href="(http://127\.0\.0\.1:\d+/[^"]*)"', page)
    assert len(seats) > 6
    for seat in sorted(set(seats))[:12]:
        async with browser.get(seat.replace("&amp;", "&")) as shown:
            assert shown.status == 200, seat
    you, mate = place.inhabitants[0].resident, place.inhabitants[1].resident
    assert f"My data: {you.name}" in await read(browser, "/sandbox/sit", email=you.email, room="my")
    assert "Rounds of Everyone" in await read(browser, "/sandbox/sit", email=you.email, room="rounds")
    await read(browser, "/sandbox/sit", email=you.email, room="surveys")
    await read(browser, "/sandbox/sit", email=mate.email, room="care")
    assert f"My data: {mate.name}" in await read(browser, "/my"), "one sits as one person at a time"
    found = await read(browser, f"/sandbox?find={mate.team}+{mate.name.split()[0]}")
    assert mate.name in found
    freelancer = next(mail.recipient for mail in place.mailbox.messages() if mail.link)
    assert "Open as this member" in await read(browser, f"/sandbox/mail/{freelancer}")
    for form, status in (
        ({"email": "nobody@hub.example", "room": "my"}, 404),
        ({"email": you.email, "room": "x"}, 404),
    ):
        async with browser.post("/sandbox/sit", data=form) as refused:
            assert refused.status == status
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    before = place.clock.now()
    for path, form in (
        ("sit", {"email": you.email, "room": "my"}),
        ("clock", {"step": "day"}),
        ("pace", {"pace": "hour"}),
    ):
        async with browser.post(f"/sandbox/{path}", data=form, headers=foreign) as refused:
            assert refused.status == 403
    assert place.clock.now() == before


async def time_goes_on_at_a_pace(place: Town, life: Life, browser: aiohttp.ClientSession) -> None:
    passing = asyncio.create_task(life.keep_pace())
    try:
        before = place.clock.now()
        await read(browser, "/sandbox/pace", pace="minute")
        async with asyncio.timeout(60):
            while place.clock.now() == before:  # noqa: ASYNC110 - the clock is driven by the task above
                await asyncio.sleep(0.02)
        await read(browser, "/sandbox/pace", pace="stopped")
        assert life.pace == timedelta(0)
    finally:
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)


async def production_has_none_of_it(place: Town, browser: aiohttp.ClientSession) -> None:
    """Nothing but the demo adds the pages, and even then they answer in sandbox mode only."""
    plain = app.build(place.runtime)
    assert not [path for _, path, _ in access.matrix(plain) if "sandbox" in path]
    kept = place.runtime.config
    place.runtime.config = replace(kept, mode="production")
    try:
        for path in ("/sandbox", "/sandbox/now.json", "/sandbox/live.js", f"/sandbox/mail/{place.you}"):
            async with browser.get(path) as page:
                assert page.status == 404
        async with browser.post("/sandbox/sit", data={"email": place.you, "room": "my"}) as page:
            assert page.status == 404
            assert "Set-Cookie" not in page.headers
    finally:
        place.runtime.config = kept
