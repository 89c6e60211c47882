"""Every page of the router, with a lived town behind it, in a real browser.

Nothing that axe-core finds, nothing that a console complains of, everything reached and named by keyboard, and no
sideways scrolling on a phone. Pages are found as people find them: by following links from the start pages of each
role; a page that nobody finds fails the test unless `UNSEEN` says why.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urldefrag, urljoin, urlsplit

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from tertulia.domain.identifiers import Id
from tertulia.sandbox import demo, town
from tertulia.sandbox.life import Life
from tertulia.sandbox.organization import Size
from tertulia.sandbox.town import MONDAY, Town
from tertulia.service import Service
from tertulia.services import links, page_links, people, programs, rounds
from tertulia.storage import people as stored
from tertulia.testing import browser
from tertulia.testing.browser import Page
from tertulia.web import access, sessions
from tertulia.web.state import WALL

SEED = 27
CHECKS = Path(__file__).with_name("page_checks.js")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, NARROW, DESKTOP = 390, 320, 1280
"""Widths; the narrow one is a desktop page at 400 %: WCAG 2.2, 1.4.10."""
MACHINES = re.compile(r"/api/.*|/healthz|/readyz|/metrics|/hooks/.*|.*\.(?:js|css|json|csv|ics|parquet|png)")
"""What is no page: programs read it."""
UNSEEN = {
    r"/static/\{name\}": "style, icon and scripts are loaded with every page",
    r"/plugins/zoom/\w+/panel": "only Zoom's client holds it: tests/plugins/zoom/panel opens it there",
    r"/plugins/teams/\w+/tab": "only Teams holds it: tests/plugins/teams/test_tab.py opens it there",
    r"/my/entra|/sign-in/entra.*": "lead to Entra, which this town has not: tests/core/web/test_entra.py goes there",
    r"/my/gallery/lists/\{item\}": "is a file of links to music",
    r"/answer/\{round\}/pictures/\w+/\{item\}": "is a photo to guess: tests/core/web/test_guess_the_photo.py sees it",
    r"/sign-in/entra/return": "Entra leads there: tests/core/web/test_entra.py comes back to it",
}
"""Patterns of pages that are not opened here, with the reason."""
LINK = re.compile(r'(?:href|src)="([^"]+)"')
EXTRA = """
[[practice]]
key = "ask-us"
kind = "discussion"
title = "Ask the leadership"
open_for = "5d"
cadence = {{ rule = "FREQ=MONTHLY", start = "2026-01-19T10:00", time = "common" }}
options = {{ form = "leadership", moderators = ["{you}"] }}

[[practice]]
key = "pets"
kind = "sharing"
title = "Who lives with us"
open_for = "5d"
cadence = {{ rule = "FREQ=MONTHLY", start = "2026-01-19T10:00", time = "common" }}
options = {{ about = "pets", visibility = "workspace" }}

[[practice]]
key = "days"
kind = "celebration"
title = "Days to celebrate"
places = ["web:hall"]
open_for = "3d"
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-02-09T09:30", time = "local" }}
options = {{ occasions = ["birthday", "welcome"] }}
"""
"""Practices that the demo's program has not, for their pages."""


@dataclass
class Living:
    """Hold a town with its service."""

    place: Town
    life: Life
    app: web.Application

    @property
    def base(self) -> str:
        return self.place.runtime.config.public_url

    async def cookie(self, email: str) -> dict[str, str]:
        """Return a fresh session of a person."""
        runtime = self.place.runtime
        async with runtime.database.write() as tx:
            whose = (self.place.organization, self.place.people[email])
            secret = await sessions.open_for_member(runtime, tx, *whose, self.app[WALL].now())
        return {sessions.cookie_name(runtime.config): secret}


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Living]:
    config = town.configuration(town.fresh_folder(folder), demo.free_port())
    place = await town.found(config, size=Size(employees=5, freelancers=6), seed=SEED)
    life, apps = Life(place), []

    def extend(app: web.Application) -> None:
        apps.append(app)
        demo.with_pages(life)(app)

    service = Service(place.runtime, tick=1.0, extend=extend)
    life.ticker = service.ticker
    try:
        await service.start()
        await life.begin(SEED)
        yield Living(place, life, apps[0])
    finally:
        await service.stop()
        await town.close(place)


@dataclass
class Caller:
    """Send forms as a browser with one person's session does."""

    living: Living
    client: aiohttp.ClientSession
    cookies: dict[str, str]

    async def post(self, path: str, form: Mapping[str, str] | aiohttp.FormData) -> str:
        """Send a form; return where it leads, or its page."""
        page = await self.get("/my")
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token.group(1) if token else ""}
        url = self.living.base + path
        async with self.client.post(
            url, data=form, headers=headers, cookies=self.cookies, allow_redirects=False
        ) as answer:
            text = await answer.text()
        assert answer.status in (200, 303), f"{path} answers {answer.status}: {text}"
        return str(answer.headers.get("Location", text))

    async def get(self, path: str) -> str:
        """Return a page."""
        url = self.living.base + path
        async with self.client.get(url, cookies=self.cookies, allow_redirects=False) as answer:
            return await answer.text()


@dataclass
class Walk:
    """Follow links, and note which templates were reached and what is wrong with their pages."""

    base: str
    templates: Sequence[tuple[str, re.Pattern[str]]]
    client: aiohttp.ClientSession
    page: Page
    instances: int
    reached: set[str] = field(default_factory=set)
    wrong: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    opened: list[str] = field(default_factory=list)
    count: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def go(self, cookies: dict[str, str], starts: Sequence[str]) -> None:
        """Open, as whom the cookies say, what *starts* name and everything that links lead to."""
        await self.page.call("Network.clearBrowserCookies")
        for name, value in cookies.items():
            await self.page.cookie(name, value, self.base)
        known, todo = set(starts), list(starts)
        for path in todo:
            short = urlsplit(path).path
            template = next((name for name, pattern in self.templates if pattern.fullmatch(short)), short)
            # each role has a start page of its own
            if self.count[template] >= self.instances and path not in starts:
                continue
            for link in await self.follow(cookies, path, template):
                target = urldefrag(urljoin(self.base + path, link.replace("&amp;", "&"))).url
                if target.startswith(f"{self.base}/") and (short := target.removeprefix(self.base)) not in known:
                    known.add(short)
                    todo.append(short)

    async def follow(self, cookies: dict[str, str], path: str, template: str) -> list[str]:
        """Open what is at *path*, and return the links in it."""
        async with self.client.get(self.base + path, cookies=cookies, allow_redirects=False) as answer:
            text = await answer.text() if answer.content_type.startswith("text/html") else ""
        if answer.status >= 400 and path != "/nowhere":
            return []
        self.reached.add(template)
        self.count[template] += 1
        if text and answer.status != 303 and not any(re.fullmatch(one, path) for one in UNSEEN):
            await self.look(path)
        return [*LINK.findall(text), answer.headers.get("Location", "")]

    async def look(self, path: str) -> None:
        """Open a page and note what is wrong with it."""
        self.page.faults.clear()
        await self.page.go(self.base + path)
        self.opened.append(path)
        found = await inspected(self.page)
        # a browser itself complains of every page that is an error
        complaints = [one for one in self.page.faults if path != "/nowhere" or "404" not in one]
        self.wrong[path] += [*found, *complaints]


async def inspected(page: Page) -> list[str]:
    """Return what is wrong with the page that is open, wide, narrow, light and dark."""
    await page.media(prefers_color_scheme="light")
    found = [f"axe: {one}" for one in await page.run(f"checks.axe({TAGS})")]
    found += [f"no name: {one}" for one in await page.run("checks.nameless()")]
    # a date is several stops within one field
    stops = await page.run(
        "checks.listen() + 4 * document.querySelectorAll('input[type^=date], input[type=time]').length"
    )
    await asyncio.gather(*(page.press("Tab") for _ in range(stops)))
    found += await page.run("checks.walked()")
    await page.media(prefers_color_scheme="dark")
    found += [f"dark: {one}" for one in await page.run("checks.axe('color-contrast')")]
    for width in (PHONE, NARROW):
        await page.size(width, 844)
        found += [f"{width} px wide: {one}" for one in await page.run("checks.wide()")]
    found += [f"small: {one}" for one in await page.run("checks.small()")]
    await page.size(DESKTOP, 900)
    return found


def axe() -> str:
    """Return the script of axe-core."""
    spec = importlib.util.find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-core-python is not installed")
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def templates(app: web.Application) -> list[tuple[str, re.Pattern[str]]]:
    """Return the templates of all pages with a pattern for each, the more special ones first."""
    found = {path for method, path, _ in access.matrix(app) if method == "GET" and "{tail}" not in path}
    pages = {path for path in found if not MACHINES.fullmatch(path)}
    ordered = sorted(pages, key=lambda path: (path.count("{"), path))
    return [(path, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))) for path in ordered]


async def test_the_checks_find_what_is_wrong(tmp_path: Path) -> None:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    bad = (
        "<body style='min-width:500px'><a href=/x></a><button tabindex=-1>in</button>"
        "<button style='outline:none;width:9px'>a</button><p style='color:light-dark(#000,#222)'>text</p>"
        "<style>body{background:light-dark(#fff,#000)}button{padding:0}</style>"
        "<style>:root{color-scheme:light dark}*:focus{outline:none !important}</style>"
    )
    async with browser.browser(tmp_path) as opened:
        page = await opened.open("about:blank", width=DESKTOP)
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=axe() + CHECKS.read_text(encoding="utf-8"))
        await page.go(f"data:text/html,{quote(bad)}")
        found = "\n".join(await inspected(page))
    for words in ("axe: link-name", "no name: <a>", "not reached by Tab: <button> in", "focus not seen: <button> a"):
        assert words in found
    for words in (
        "the first stop is <a>",
        "dark: color-contrast",
        "390 px wide: 508 px in 390",
        "<button> a is 9 by",
    ):
        assert words in found


@pytest.mark.parametrize("instances", [1, pytest.param(3, marks=pytest.mark.campaign)])
async def test_every_page(instances: int, tmp_path: Path) -> None:
    if browser.found() is None:
        pytest.skip("chromium is not installed")
    script = axe() + CHECKS.read_text(encoding="utf-8")
    async with living(tmp_path / "demo") as lived, browser.browser(tmp_path) as opened, visits() as client:
        starts = await filled(lived, client)
        page = await opened.open("about:blank", width=DESKTOP)
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        walk = Walk(lived.base, templates(lived.app), client, page, instances)
        for cookies, paths in starts.values():
            await walk.go(cookies, paths)
            if instances > 1:
                walk.count.clear()
        unseen = {path for path, _ in walk.templates} - walk.count.keys() - walk.reached
        unseen = {path for path in unseen if not any(re.fullmatch(one, path) for one in UNSEEN)}
        faults = {path: sorted(set(found)) for path, found in walk.wrong.items() if found}
        assert not faults, "\n".join(f"{path}\n    " + "\n    ".join(found) for path, found in faults.items())
        assert not unseen, f"no link leads to {sorted(unseen)}"
        assert len(walk.opened) > 50


@asynccontextmanager
async def visits() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        yield client


async def filled(lived: Living, client: aiohttp.ClientSession) -> dict[str, tuple[dict[str, str], list[str]]]:
    """Live two weeks, write on every page, and return who looks from where."""
    place, runtime = lived.place, lived.place.runtime
    organization, workspace = place.organization, place.workspace
    async for _ in lived.life.until(MONDAY + timedelta(days=13)):
        pass
    async with runtime.database.write() as tx:
        text = town.program(place) + EXTRA.format(you=place.you)
        await programs.apply(runtime, tx, organization=organization, workspace=workspace, text=text, actor="test")
    async for _ in lived.life.until(MONDAY + timedelta(days=15, hours=14)):
        pass
    emails = [one.resident.email for one in place.inhabitants]
    async with runtime.database.write() as tx:
        for email, role in zip(emails[5:], ("host", "analyst"), strict=False):
            await people.grant(runtime, tx, organization, workspace, place.people[email], role, actor="test")
    you, responder, host, analyst, other = [
        Caller(lived, client, await lived.cookie(email))
        for email in (place.you, next(iter(place.phrases)), *emails[5:7], emails[4])
    ]
    written = [one for caller in (you, other) for one in await write(caller, caller is you)]
    home = f"/workspaces/{workspace}"
    async with runtime.database.read() as tx:
        pulse = next(
            one.id for one in await rounds.recent(tx, organization, workspace, 90) if one.practice == "pulse"
        )
    return {
        "you": (you.cookies, ["/my", home, "/workspaces", f"{home}/rounds/{pulse}/comments", *written]),
        "nobody": ({}, ["/", "/sandbox", "/sign-in", "/feedback", "/measures", *await addresses(lived, pulse)]),
        "responder": (responder.cookies, [f"{home}/care", f"/my/overview/{workspace}"]),
        "host": (host.cookies, [home]),
        "analyst": (analyst.cookies, [home]),
    }


async def addresses(lived: Living, pulse: Id) -> list[str]:
    """Return pages that letters and platforms lead to."""
    place, runtime = lived.place, lived.place.runtime
    async with runtime.database.write() as tx:
        until = runtime.clock.now() + timedelta(days=9)
        link = await links.make(runtime, tx, place.organization, place.people[place.you], pulse, until)
        home = await stored.workspace(tx, place.organization, place.workspace)
        you = await stored.person(tx, place.organization, place.people[place.you])
        assert home is not None
        assert you is not None
        own = await page_links.issue_for_console(runtime, tx, home, you, actor="test")
    found = [own.removeprefix(lived.base), link.removeprefix(lived.base), "/nowhere"]
    for live in runtime.installations.of(place.workspace):
        found += [f"/plugins/{live.plugin}/{live.id}{one.path}" for one in live.routes if one.method == "GET"]
    return found


async def write(caller: Caller, whole: bool) -> list[str]:
    """Write as a member does, and return the pages that this leads to."""
    place, found = caller.living.place, []
    page = await caller.get("/my/questions")
    forums = re.findall(r'name="round" value="(\w+)".*?name="use" value="(\w+)"', page, re.DOTALL)
    assert {use for _, use in forums} == {"ask", "vote"}
    for forum, use in forums if whole else ():
        found.append(await caller.post("/my/questions", {"round": forum, "use": use}))
    asked = next(forum for forum, use in forums if use == "ask")
    sent = [await caller.post("/my/questions", {"round": asked, "use": "ask"})]
    for _ in range(2):
        sent.append(await caller.post("/my/feedback", {"workspace": place.workspace}))
    for path in sent[:2]:
        await caller.post(path, {"text": "Why do meetings start before the sun?", "step": "send"})
    found.append(sent[2])
    if whole:
        found.append(await caller.post("/my/live", {"practice": f"{place.workspace}:quiz"}))
        responder = place.people[next(iter(place.phrases))]
        await caller.post("/my/candle/light", {"workspace": place.workspace, "responder": responder})
        found.append(await picture(caller))
    return found


async def picture(caller: Caller) -> str:
    """Share a picture, and return the page on which it was done."""
    page = await caller.get("/my/gallery")
    path = re.findall(r'href="(/answer/\w+/picture)"', page)[-1]
    drawn = io.BytesIO()
    Image.new("RGB", (120, 80), "teal").save(drawn, "PNG")
    form = aiohttp.FormData({"field.alt": "A cat", "field.words": "Otto", "field.agreed": "yes"})
    form.add_field("file", drawn.getvalue(), filename="otto.png", content_type="image/png")
    await caller.post(path, form)
    return path
