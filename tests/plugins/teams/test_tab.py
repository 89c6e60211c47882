"""The personal tab: who is in front of it, what is shown there, and all of it in a real browser's frame."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import tertulia_teams
from tertulia import Actor, Markup, Prompt, Refused, Reply
from tertulia.testing.context import FakeContext
from tertulia.testing.samples import sample_prompt
from tertulia.testing.world import Home, World, world
from tertulia_teams import tab_page
from tertulia_teams.config import Settings
from tertulia_teams.stand_in.page import Page
from tertulia_teams.stand_in.server import APP, TENANT, StandIn
from tertulia_teams.stand_in.tenant import Person
from tertulia_teams.tab import DIGEST, FRAMES, LIBRARY, tab_routes
from tertulia_teams.texts import phrase

Make: TypeAlias = Callable[..., Any]
PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"

[[practice]]
key = "mood"
kind = "single-question"
title = "Mood"
open_for = "6h"
[practice.options]
question = "How do you feel at work this week?"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""
HOST = "tertulia.example"


class Desk:
    """Hold a tab over HTTP, and a stand-in that signs people in."""

    def __init__(self, stand_in: StandIn, context: FakeContext, client: Any):
        self.stand_in, self.context, self._client = stand_in, context, client
        self.ana = stand_in.tenant.add_person("Ana", "ana@example.org")

    def token(self, person: Person | None = None, **claims: Any) -> str:
        who = person or self.ana
        return self.stand_in.login.person_token(who.id, claims.pop("aud", f"api://{HOST}/{APP}"), **claims)

    async def post(self, path: str, given: object = None, token: str | None = None, **more: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}", **more}
        async with self._client.post(path, json=given or {}, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status == 200 else None


@asynccontextmanager
async def desk(**more: Any) -> AsyncIterator[Desk]:
    async with StandIn() as stand_in:
        settings = Settings.model_validate(stand_in.settings(**more))
        async with FakeContext(settings=settings, plugin="teams") as context:
            app = web.Application(client_max_size=1024 * 1024)
            for route in tab_routes(context):
                app.router.add_route(route.method, route.path, route.handler)
            async with TestClient(TestServer(app, host="127.0.0.1")) as client:
                yield Desk(stand_in, context, client)


async def test_only_the_person_in_front_of_the_tab_is_served() -> None:
    other = "00000000-8888-4777-8666-555555555555"
    issuer = "https://login.microsoftonline.com/common/v2.0"
    async with desk() as tab:
        v1: dict[str, Any] = {"iss": f"https://sts.windows.net/{TENANT}/"}
        good = [tab.token(), tab.token(aud=APP), tab.token(**v1), tab.token(scp="openid access_as_user")]
        assert [(await tab.post("/tab/questions", token=one))[0] for one in good] == [200] * 4
        bad = {
            "none": "",
            "garbage": "a.b.c",
            "the connector's": tab.stand_in.login.connector_token(tab.stand_in.service_url),
            "for another app": tab.token(aud=other),
            "for another host": tab.token(aud=f"api://evil.example/{APP}"),
            "of another tenant": tab.token(tid=other),
            "by another issuer": tab.token(iss=issuer),
            "an app's own": tab.token(scp=None, roles=["User.Read.All"]),
            "another scope": tab.token(scp="User.Read access_as_users"),
            "without a person": tab.token(oid=None),
            "expired": tab.token(exp=1_700_000_000),
            "not yet in force": tab.token(nbf=4_000_000_000),
        }
        for path in ("/tab/questions", "/tab/answer", "/tab/link"):
            got = {name: (await tab.post(path, token=one))[0] for name, one in bad.items()}
            assert got == dict.fromkeys(bad, 401), path
        asked = [one.value for one in tab.context.inbox.received]
        assert asked == [Actor(platform="teams", realm=TENANT, user=tab.ana.id)] * 4


async def test_what_is_open_is_shown_in_the_members_language() -> None:
    async with desk() as tab:
        status, answer = await tab.post("/tab/questions", **{"Accept-Language": "es-MX,es;q=0.9"})
        assert (status, phrase("nothing", "es") in answer["html"]) == (200, True)
        closes = datetime(2026, 1, 5, 16, tzinfo=UTC)
        tab.context.inbox.open = (replace(sample_prompt(), closes=closes, language="de"),)
        _, answer = await tab.post("/tab/questions", **{"Accept-Language": "de"})
        html = answer["html"]
        assert phrase("until", "de") in html
        assert 'datetime="2026-01-05T16:00+00:00"' in html
        for field in sample_prompt().fields:
            assert f'name="{field.kind}.{field.key}"' in html
        for action in sample_prompt().actions:
            assert f'value="{action.token}"' in html


async def test_an_answer_is_taken_for_the_person_of_the_token() -> None:
    async with desk() as tab:
        data = {"one.going": "3", "many.days": "mon,tue%2C", "confirm.sure": "true", "long.word": "", "x": 1}
        status, answer = await tab.post("/tab/answer", {"token": "sealed", "key": "k1", "data": data})
        assert (status, answer["taken"]) == (200, True)
        (taken,) = [one for one in tab.context.inbox.received if one.name == "answered"]
        assert taken.value["actor"].user == tab.ana.id
        assert taken.value["values"] == {"going": "3", "days": ["mon", "tue,"], "sure": True}
        await tab.post("/tab/answer", {"token": "sealed", "key": "k1", "data": {}})
        assert len([one for one in tab.context.inbox.received if one.name == "answered"]) == 1
        tab.context.inbox.reply = Reply(status="refused", text=Markup.literal("<b>Pick one</b>"))
        _, answer = await tab.post("/tab/answer", {"token": "sealed", "key": "k2", "data": data})
        assert answer == {"taken": False, "html": tab_page.note("<b>Pick one</b>")}
        assert "<b>" not in answer["html"]


@pytest.mark.parametrize(
    "given",
    [{}, {"token": 1, "key": "k"}, {"token": "t"}, {"token": "t", "key": ""}, {"token": "t", "key": "k" * 65}],
)
async def test_a_strange_answer_is_not_taken(given: dict[str, Any]) -> None:
    async with desk() as tab:
        status, answer = await tab.post("/tab/answer", {"data": [], **given})
        assert (status, answer["taken"]) == (200, False)
        assert tab.context.inbox.received == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"[" * 9_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413),
    ],
)
async def test_a_strange_body_is_refused(body: bytes, kind: str, status: int) -> None:
    async with desk() as tab:
        headers = {"Authorization": f"Bearer {tab.token()}", "Content-Type": kind}
        async with tab._client.post("/tab/questions", data=body, headers=headers) as answer:
            assert answer.status == status


async def test_somebody_whom_nobody_knows_is_told_so() -> None:
    async with desk() as tab:

        async def refuse(_: Actor) -> Any:
            raise Refused("nobody knows this account")

        inbox: Any = tab.context.inbox
        inbox.prompts = inbox.page = refuse
        for path in ("/tab/questions", "/tab/link"):
            assert await tab.post(path) == (200, {"html": tab_page.note(phrase("unknown_actor", "en"))})


async def test_the_page_says_nothing_of_anybody_and_loads_microsofts_library_unchanged() -> None:
    async with desk(stand_in=None) as tab:
        async with tab._client.get("/tab", headers={"Accept-Language": "fr-CA"}) as answer:
            text = await answer.text()
        assert f'src="{LIBRARY}" integrity="{DIGEST}" crossorigin="anonymous"' in text
        assert '<html lang="fr">' in text
        assert phrase("own_why", "fr") in text.replace("&#x27;", "'")
        assert not re.search(r"<script>|\son\w+=|style=", text), "the page's policy allows no inline script or style"
        assert tab.context.inbox.received == []


@pytest.mark.parametrize(
    ("more", "frames", "scripts"),
    [
        ({}, FRAMES, ("https://res.cdn.office.net",)),
        ({"cloud": "dod"}, ("https://dod.teams.microsoft.us", "https://teams.microsoft.us"), None),
        ({"cloud": "china"}, (), None),
        ({"stand_in": "http://127.0.0.1:9"}, ("http://127.0.0.1:9",), ("http://127.0.0.1:9",)),
    ],
)
async def test_only_teams_may_frame_the_page_alone(
    settings_of: Make, more: dict[str, Any], frames: tuple[str, ...], scripts: tuple[str, ...] | None
) -> None:
    async with FakeContext(settings=settings_of(None, **more)) as context:
        shown, *others = tab_routes(context)
        assert (shown.path, shown.frames) == ("/tab", frames)
        assert scripts in (None, shown.scripts)
        assert not [route for route in others if route.frames or route.scripts]
        assert {route.access.kind for route in others if route.method == "POST"} == {"verified"}


def test_peoples_words_stay_words() -> None:
    bad = "<img src=x onerror=alert(1)>\"'&\u202e"
    prompt: Prompt = replace(
        sample_prompt(), title=bad, body=Markup.literal(bad), recorded=bad, id='"><script>', closes=None
    )
    fields = tuple(replace(one, label=bad, hint=bad, ends=(bad, bad) if one.ends else None) for one in prompt.fields)
    html = tab_page.questions((replace(prompt, fields=fields),), '"><script>')
    assert "<img" not in html
    assert "<script" not in html
    assert "\u202e" not in html


# -- in a browser ----------------------------------------------------------------------------------------------------


async def settled(stand_in: StandIn, core: World) -> tuple[Home, Person]:
    ana = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
    home = await core.workspace("Home", domains=["example.org"])
    await core.person(home, ana.name, email=ana.mail)
    await core.enable(home, "teams", stand_in.settings())

    async def known() -> bool:
        return await core.reachable(home, "teams") == 1

    await core.until(known)
    await core.apply(home, PROGRAM)
    core.clock.advance(timedelta(hours=1, seconds=1))
    await core.until(lambda: len(stand_in.cards(ana)) == 2)
    return home, ana


async def test_a_member_answers_in_the_tab_and_goes_on_to_the_own_page(tmp_path: Path, open_browser: Make) -> None:
    stand_in = StandIn()
    stand_in.extend(Page(stand_in).attach)
    async with (
        stand_in,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
        open_browser() as browser,
    ):
        home, ana = await settled(stand_in, core)
        service = core.runtime.config.public_url
        await browser.open(f"{stand_in.url}/stand-in/tab?as={ana.id}")
        await browser.until("document.querySelectorAll('form.question').length === 2", service)
        titles = await browser.run("[...document.querySelectorAll('h2')].map(one => one.textContent).sort()", service)
        assert titles[:2] == ["How is your day going?", "Mood"]

        for title in ("How is your day going?", "Mood"):
            await browser.run(
                f"""{{ const form = [...document.querySelectorAll('form.question')].find(
                    one => one.textContent.includes({json.dumps(title)}));
                form.querySelectorAll('fieldset').forEach(one => one.querySelector('input').click());
                form.querySelectorAll('input[type=text], textarea').forEach(one => one.value = 'All <b>well</b>');
                form.querySelector('button.primary').click(); }}""",
                service,
            )
            await asyncio.sleep(0.1)
        await browser.until("document.body.textContent.split('Thank you').length >= 3", service)
        rows = [row for row in await core.rounds(home) if row.state == "open"]
        assert [(await core.progress(home, row.id)).answered for row in rows if not row.confidential] == [1]
        assert await browser.run("document.querySelectorAll('b').length", service) == 0

        assert await browser.cookies() == [], "a frame may get none, so none is needed"
        await browser.run("document.getElementById('open').click()", service)
        await browser.until("document.body.dataset.opened", stand_in.url)
        link = await browser.run("document.body.dataset.opened", stand_in.url)
        assert link.startswith(f"{service}/sign-in/")
        assert browser.complaints == []
        await browser.open(link)
        await browser.until("document.querySelector('form[method=post] button') !== null", service)
        await browser.run("document.querySelector('form[method=post] button').click()", service)
        await browser.until("location.pathname === '/my' && document.body.textContent.includes('ana@')", service)


async def test_another_site_cannot_frame_the_tab(tmp_path: Path, open_browser: Make) -> None:
    stand_in = StandIn()
    async with (
        stand_in,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
        open_browser() as browser,
    ):
        home = await core.workspace("Home")
        live = await core.enable(home, "teams", stand_in.settings())
        tab = f"{live.context.public_url}/tab"

        async def frame(_: web.Request) -> web.Response:
            return web.Response(text=f'<iframe src="{tab}"></iframe>', content_type="text/html")

        app = web.Application()
        app.router.add_get("/", frame)
        async with TestServer(app, host="127.0.0.1") as elsewhere, aiohttp.ClientSession() as http:
            async with http.get(tab) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert f"frame-ancestors {stand_in.url};" in f"{policy};"
                assert answer.cookies == {}
            await browser.open(f"http://127.0.0.1:{elsewhere.port}/")
            await browser.until("document.readyState === 'complete'", f"http://127.0.0.1:{elsewhere.port}")
            await asyncio.sleep(0.3)
            assert f"http://{urlsplit(tab).netloc}" not in browser.origins
            assert [one for one in browser.complaints if "frame-ancestors" in one]
