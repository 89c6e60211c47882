"""The demo as a newcomer meets it: the command itself, and its pages while it lives."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp

from tertulia.sandbox import pages, town
from tertulia.sandbox.life import Life
from tertulia.sandbox.organization import residents
from tertulia.sandbox.town import Town
from tertulia.service import Service


def test_the_command_lives_a_week_and_says_what_came_of_it(tmp_path: Path) -> None:
    for _ in range(2):  # it starts from nothing again
        command = [sys.executable, "-m", "tertulia", "demo", "--exit", "--people", "6", "--port", "0"]
        done = subprocess.run(
            [*command, "--data", str(tmp_path / "demo")], capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert len(re.findall(r"daily .* closed", done.stdout)) == 5
        assert len(re.findall(r"icebreaker .* closed", done.stdout)) == 1
        assert len(re.findall(r"recommend\* .* released", done.stdout)) == 1


def test_it_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    command = [sys.executable, "-m", "tertulia", "demo", "--exit", "--port", "0", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "name another folder with --data" in done.stderr
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_the_same_seed_invents_the_same_people() -> None:
    assert list(residents(50, 7)) == list(residents(50, 7))
    assert list(residents(50, 7)) != list(residents(50, 8))
    assert len({resident.fields["email"] for resident in residents(500, 7)}) == 500


@asynccontextmanager
async def living(folder: Path, people: int) -> AsyncIterator[tuple[Town, Life, aiohttp.ClientSession]]:
    place = await town.found(town.configuration(town.fresh_folder(folder), _free_port()), count=people, seed=7)
    life = Life(place)
    service = Service(place.runtime, tick=0.01, extend=lambda app: pages.attach(app, life))
    try:
        await service.start()
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(place.runtime.config.public_url, cookie_jar=jar) as browser:
            yield place, life, browser
    finally:
        await service.stop()
        await town.close(place)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_one_sits_down_as_a_member_and_answers(tmp_path: Path) -> None:
    async with living(tmp_path / "demo", 5) as (place, life, browser):
        async with browser.get("/sandbox") as page:
            assert page.status == 200
            assert "Sunday, 04 January 2026" in await page.text()
        same_site = {"Sec-Fetch-Site": "same-origin"}
        async with browser.post("/sandbox/clock", data={"step": "day"}, headers=same_site) as page:
            assert page.status == 200
        async with asyncio.timeout(60):
            while life.busy:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await life.go_on(timedelta(hours=20))
        async with browser.get(f"/sandbox/mail/{place.you}") as page:
            text = await page.text()
        link = re.search(r'href="(http[^"]+/a/[^"]+)"', text)
        assert link is not None
        async with browser.get(link[1]) as page:
            assert page.status == 200
            assert "check-in" in (await page.text()).lower()
            assert "/a/" not in str(page.url)


async def test_the_clock_is_not_driven_from_another_site(tmp_path: Path) -> None:
    async with living(tmp_path / "demo", 2) as (place, _, browser):
        before = place.clock.now()
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        async with browser.post("/sandbox/clock", data={"step": "day"}, headers=headers) as page:
            assert page.status == 403
        assert place.clock.now() == before
