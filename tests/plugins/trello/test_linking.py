"""A member links an account by signing in at Trello; nobody can link another's, and the token is forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from yarl import URL

from tertulia.storage import tables
from tertulia.web import sessions
from tertulia_trello.stand_in.faults import refusal


@dataclass
class Browser:
    """Hold a browser in which somebody is signed in at Tertulia."""

    place: Any
    http: aiohttp.ClientSession

    @property
    def page(self) -> str:
        return f"{self.place.live.context.public_url}/link"

    async def begin(self) -> URL:
        """Open our page and return where it leads."""
        async with self.http.get(self.page) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        found = re.search(r'href="([^"]+/authorize[^"]+)"', text)
        assert found is not None
        return URL(unescape(found[1]))

    async def allow(self, asked: URL, name: str, allow: str = "yes") -> str:
        """Sign in at Trello as *name* and return where that leads."""
        form = {"member": self.place.accounts[name], "allow": allow}
        async with aiohttp.ClientSession() as trello, trello.post(asked, data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            return str(answer.headers["location"])

    async def back(self, address: str) -> tuple[int, str]:
        async with self.http.get(URL(address, encoded=True), allow_redirects=False) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def browser_of(place: Any, name: str) -> AsyncIterator[Browser]:
    runtime = place.core.runtime
    async with runtime.database.write() as tx:
        secret = await sessions.open_for_member(
            runtime, tx, place.home.organization, place.people[name], datetime.now(UTC)
        )
    cookies = {sessions.cookie_name(runtime.config): secret}
    async with aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(place, http)


async def linked(place: Any) -> dict[str, tuple[str, str]]:
    """Return the linked accounts of Trello: whose they are, and by what they were linked."""
    names = {person: name for name, person in place.people.items()}
    async with place.core.runtime.database.read() as tx:
        rows = await tx.execute(sa.select(tables.identity).where(tables.identity.c.platform == "trello"))
        return {row.user: (names[row.person_id], row.verified) for row in rows if row.person_id}


@pytest.fixture
def open_place(open_village: Any, tmp_path: Path) -> Any:
    return lambda **settings: open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, **settings)


async def test_a_member_links_an_account_by_signing_in_at_trello(open_place: Any) -> None:
    async with open_place() as place:
        async with browser_of(place, "Ana") as browser:
            asked = await browser.begin()
            assert asked.query["scope"] == "read:member:trello"
            assert asked.query["code_challenge_method"] == "S256"
            address = await browser.allow(asked, "Ben")
            status, text = await browser.back(address)
            assert (status, "is linked" in text) == (200, True)
            # the account that signed in, whatever its name is
            assert await linked(place) == {place.accounts["Ben"]: ("Ana", "oauth")}
            assert (await browser.back(address))[0] == 400

        (token,) = place.server.sign_in.tokens
        kept = {key: value async for key, value in place.live.context.store.scan("")}
        async with place.core.runtime.database.read() as tx:
            rows = [[tuple(row) for row in await tx.execute(sa.select(one))] for one in tables.metadata.sorted_tables]
        assert token not in json.dumps([kept, repr(rows)])
        assert not [key for key in kept if key.startswith("oauth:")]


@pytest.mark.parametrize(
    "case", ["state", "code", "no code", "denied", "another session", "late", "never begun", "broken"]
)
async def test_a_sign_in_that_is_not_right_links_nothing(open_place: Any, case: str) -> None:
    async with open_place() as place, browser_of(place, "Ana") as ana, browser_of(place, "Ben") as ben:
        asked = await ana.begin()
        address = URL(await ana.allow(asked, "Ana", "no" if case == "denied" else "yes"))
        follower = ana
        match case:
            case "state":
                address = address.update_query(state="x" * 43)
            case "code":
                address = address.update_query(code="x" * 32)
            case "no code":
                address = address.without_query_params("code")
            case "another session":
                # whoever sends a link with a code of theirs to somebody else gets nothing from it
                await ben.begin()
                follower = ben
            case "late":
                place.core.clock.advance(timedelta(minutes=11))
            case "never begun":
                follower = ben
            case "broken":
                place.server.choose = lambda _, path: refusal(500) if path == "/members/me" else None
        status, text = await follower.back(str(address))
        assert "is linked" not in text
        assert status == {"code": 502, "broken": 502, "no code": 200, "denied": 200}.get(case, 400)
        assert await linked(place) == {}


async def test_a_verifier_of_another_sign_in_is_worth_nothing(open_place: Any) -> None:
    async with open_place() as place, browser_of(place, "Ana") as browser:
        first = await browser.begin()
        code = URL(await browser.allow(first, "Ana")).query["code"]
        second = await browser.begin()
        address = URL(second.query["redirect_uri"]).with_query(code=code, state=second.query["state"])
        assert (await browser.back(str(address)))[0] == 502
        assert await linked(place) == {}


async def test_an_account_that_is_somebody_elses_stays_theirs(open_place: Any) -> None:
    async with open_place() as place:
        for name, status in (("Ana", 200), ("Ben", 409)):
            async with browser_of(place, name) as browser:
                assert (await browser.back(await browser.allow(await browser.begin(), "Ana")))[0] == status
        assert await linked(place) == {place.accounts["Ana"]: ("Ana", "oauth")}


async def test_nobody_who_is_not_signed_in_gets_anywhere(open_place: Any) -> None:
    async with open_place() as place, aiohttp.ClientSession() as stranger:
        for path in ("", "/back?code=x&state=y"):
            page = f"{place.live.context.public_url}/link{path}"
            async with stranger.get(page, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["location"]) == (303, "/sign-in")


async def test_without_a_client_there_is_no_such_page(open_place: Any) -> None:
    off = {"oauth_client_id": None, "oauth_client_secret": None}
    async with (
        open_place(**off) as place,
        browser_of(place, "Ana") as browser,
        browser.http.get(browser.page) as answer,
    ):
        assert answer.status == 404
