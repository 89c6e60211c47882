"""The stand-in: its page, its keys, and what goes wrong on request."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from jwt.algorithms import RSAAlgorithm

import tertulia_teams
from tertulia.plugins import Plugins
from tertulia.testing.samples import sample_prompt
from tertulia.testing.world import world
from tertulia_teams import cards
from tertulia_teams.sandbox import TeamsSandbox
from tertulia_teams.stand_in import drawing, official
from tertulia_teams.stand_in.page import HOME
from tertulia_teams.stand_in.server import APP, StandIn

PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
open_for = "6h"
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""


@asynccontextmanager
async def sandbox() -> AsyncIterator[TeamsSandbox]:
    (made,) = [one for one in tertulia_teams.register_sandbox() if isinstance(one, TeamsSandbox)]
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def test_the_core_takes_the_plugin_with_its_sandbox() -> None:
    plugins = Plugins.load({"teams": tertulia_teams}, allowed=frozenset(), builtin=False)
    assert plugins.names == ("teams",)
    assert [one.name for one in plugins.sandboxes()] == ["teams"]


async def test_one_sits_as_a_member_and_uses_the_cards(tmp_path: Path) -> None:
    async with (
        sandbox() as made,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
        aiohttp.ClientSession() as browser,
    ):
        stand_in = made.stand_in
        home = await core.workspace("Home", domains=["example.org"])
        ana = stand_in.tenant.mail("ana.sousa@example.org")
        await core.person(home, ana.name, email=ana.mail)
        await core.enable(home, "teams", stand_in.settings())
        await core.until(lambda: stand_in.endpoint)
        here = {"as": ana.id, "in": stand_in.tenant.chat(ana).id}
        post = stand_in.url + HOME
        async with browser.post(post + "/app", data={**here, "what": "add"}) as response:
            assert response.status == 200
        async with browser.post(post + "/say", data={**here, "text": "help"}) as response:
            page = await response.text()
        assert "This is what I understand" in page
        assert "Remove the app" in page
        async with browser.post(post + "/say", data=here, headers={"sec-fetch-site": "cross-site"}) as response:
            assert response.status == 403
        async with browser.get(post, headers={"host": "evil.example"}) as response:
            assert response.status == 403
        async with browser.post(post + "/app", data={**here, "what": "remove"}) as response:
            assert "Add the app" in await response.text()
        for conversation in stand_in.tenant.conversations:
            async with browser.get(post, params={"as": ana.id, "in": conversation}) as response:
                assert response.status == 200


def test_a_card_is_drawn_whole_and_harmless() -> None:
    prompt = sample_prompt()
    content = cards.card(prompt)
    html = drawing.card(content, target="/press", hidden={"as": '"><script>'})
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for field in prompt.fields:
        assert f'name="{field.kind}.{field.key}"' in html
    assert html.count("<button") == len(prompt.actions)
    assert re.search(r'<a href="https://example.org/\?a=1&amp;b=2"', html)


def test_a_filled_in_form_becomes_what_a_client_sends() -> None:
    content = cards.card(sample_prompt())
    form = {"one.one": ["2"], "many.many": ["1", "3"], "short.short": ["hi"], "confirm.confirm": ["true"]}
    given = drawing.inputs_of(content, form)
    values = cards.read_values(given)
    assert values == {"one": "2", "many": ["1", "3"], "short": "hi", "confirm": True}
    assert drawing.missing(content, given) is None
    assert drawing.missing(content, drawing.inputs_of(content, {}))


async def test_tokens_are_signed_with_keys_that_rotate() -> None:
    async with StandIn() as stand_in, aiohttp.ClientSession() as session:

        async def keys() -> dict[str, dict[str, object]]:
            async with session.get(stand_in.url + "/bot/v1/.well-known/openidconfiguration") as response:
                metadata = await response.json()
            async with session.get(metadata["jwks_uri"]) as response:
                return {key["kid"]: key for key in (await response.json())["keys"]}

        first = stand_in.login.connector_token(stand_in.service_url)
        known = await keys()
        public = RSAAlgorithm.from_jwk(known[jwt.get_unverified_header(first)["kid"]])
        claims = jwt.decode(first, public, algorithms=["RS256"], audience=APP)
        assert claims["serviceurl"] == stand_in.service_url
        assert all(key["endorsements"] == ["msteams"] for key in known.values())
        stand_in.login.connector.rotate()
        second = stand_in.login.connector_token(stand_in.service_url)
        assert jwt.get_unverified_header(second)["kid"] in await keys()
        assert jwt.get_unverified_header(first)["kid"] not in await keys()


@pytest.mark.parametrize("path", ["/connector/v3/conversations", "/graph/v1.0/users/delta"])
async def test_nobody_is_served_without_a_token_of_the_right_kind(path: str) -> None:
    async with StandIn() as stand_in, aiohttp.ClientSession() as session:
        for token in ("", "Bearer nonsense"):
            async with session.get(stand_in.url + path, headers={"authorization": token}) as response:
                assert response.status == 401


async def test_microsofts_own_renderer_draws_the_cards_where_it_is(tmp_path: Path, open_browser: Any) -> None:
    if official.renderer() is None:
        pytest.skip(f"{official.VARIABLE} names no folder with the Node package adaptivecards")
    async with (
        sandbox() as made,
        world(f"sqlite:///{tmp_path / 't.db'}", tmp_path, plugins={"teams": tertulia_teams}) as core,
        open_browser() as browser,
    ):
        stand_in = made.stand_in
        home = await core.workspace("Home", domains=["example.org"])
        ana = stand_in.tenant.mail("ana.sousa@example.org")
        await core.person(home, ana.name, email=ana.mail)
        await core.enable(home, "teams", stand_in.settings())
        await core.until(lambda: stand_in.endpoint)
        await stand_in.install(ana)
        await core.apply(home, PROGRAM)
        core.clock.advance(timedelta(hours=1, seconds=1))
        await core.until(lambda: len(stand_in.cards(ana)) == 2)
        await browser.open(f"{stand_in.url}{HOME}?as={ana.id}")
        await browser.until("document.querySelectorAll('.official .ac-adaptiveCard').length === 2", stand_in.url)
        assert await browser.run("document.querySelectorAll('form.card').length", stand_in.url) == 0
        await browser.run(
            """{ const card = [...document.querySelectorAll('.official')].pop();
            const input = card.querySelector('textarea'); input.value = 'All well';
            input.dispatchEvent(new Event('input')); input.dispatchEvent(new Event('change'));
            [...card.querySelectorAll('button')].find((one) => one.textContent === 'Share').click(); }""",
            stand_in.url,
        )

        async def answered() -> bool:
            (row,) = [row for row in await core.rounds(home) if row.state == "open"]
            return (await core.progress(home, row.id)).answered == 1

        await core.until(answered)
        await browser.until("document.body.textContent.includes('Thank you')", stand_in.url)
        assert browser.complaints == []
