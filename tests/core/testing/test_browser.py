"""The driver of a real browser hears what the browser complains of, and its keys do what a keyboard does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia.testing import browser
from tertulia.testing.browser import Page

QUIET = "<!doctype html><title>q</title><link rel=icon href=data:,><a href=#a>one</a><button>two</button><input>"
PAGES = {
    "quiet": QUIET,
    "blocked": f"{QUIET}<script>document.title = 'ran'</script>",
    "absent": f"{QUIET}<img src=/nowhere alt=''>",
    "warns": f"{QUIET}<script src=/warns.js></script>",
    "throws": f"{QUIET}<script src=/throws.js></script>",
}
SCRIPTS = {"warns.js": "console.warn('careful')", "throws.js": "throw new Error('broken')"}


async def serve(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name in SCRIPTS:
        return web.Response(text=SCRIPTS[name], content_type="text/javascript")
    if name not in PAGES:
        raise web.HTTPNotFound
    policy = {"Content-Security-Policy": "script-src 'self'"}
    return web.Response(text=PAGES[name], content_type="text/html", headers=policy)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Page, str]]:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    app = web.Application()
    app.router.add_get("/{name}", serve)
    async with TestServer(app) as server, browser.browser(folder) as made:
        page = await made.open("about:blank")
        yield page, str(server.make_url("/"))


async def test_a_page_tells_what_its_consoles_complain_of(tmp_path: Path) -> None:
    told = {"blocked": "Content Security Policy", "absent": "404", "warns": "careful", "throws": "broken"}
    async with opened(tmp_path) as (page, base):
        await page.go(f"{base}quiet")
        assert page.faults == []
        for name, words in told.items():
            page.faults.clear()
            await page.go(base + name)
            assert any(words in fault for fault in page.faults), (name, page.faults)
            assert await page.run("document.title") == "q"


async def test_keys_go_where_the_focus_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as (page, base):
        await page.go(f"{base}quiet")
        await page.press("Tab", 2)
        assert await page.run("document.activeElement.textContent") == "two"
        await page.press("Tab", shift=True)
        await page.press("Enter")
        await page.until("location.hash === '#a'")
        await page.press("Tab", 2)
        await page.write("Grüße")
        await page.press("!")
        assert await page.run("document.querySelector('input').value") == "Grüße!"


async def test_a_page_is_shown_as_media_features_say(tmp_path: Path) -> None:
    async with opened(tmp_path) as (page, base):
        await page.go(f"{base}quiet")
        await page.media(prefers_color_scheme="dark", forced_colors="active")
        for feature in ("(prefers-color-scheme: dark)", "(forced-colors: active)"):
            assert await page.run(f"matchMedia('{feature}').matches")
        await page.size(390, 500)
        assert await page.run("innerWidth") == 390
        await page.picture(tmp_path / "page.png", whole=True)
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
