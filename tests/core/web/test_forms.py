"""Whatever is sent to a page is answered: random fields and values to every route, as an owner, and nothing fails."""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import hypothesis
import pytest
import requests
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from tertulia.web import access, pages, uploads

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
TEMPLATES = Path(pages.__file__).parent / "templates"
SEED = 20261122
WRITTEN = "".join(one.read_text() for one in sorted(TEMPLATES.rglob("*.html")))
NAMES = sorted({*re.findall(r'name="([\w.-]+)"', WRITTEN), "field.long", "field.many", "q", "from", "before", "page"})
WORDS = sorted(set(re.findall(r'value="([\w.-]+)"', WRITTEN)))
"""What the pages' own forms send: names of fields, and values of their buttons and choices."""
NASTY = (
    "\x00", "a\x00b", "\ufeff", "\u202e", "é" * 300, "x" * 70_000, "²", "٣", "-1", "0", "1e400", "9" * 400, "NaN",
    "2026-02-30", "9999-12-31", "0001-01-01", "12:61", "{", "[" * 5000, "null", "'--", "=1+1", "%s%n", "../../etc",
    "http://[", "a@b", "@", "\r\nSet-Cookie: x=1", "<script>", "{{7*7}}", "[[practice]]", "FREQ=SECONDLY", "\ud800",
)  # fmt: skip


def fields(page: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Draw forms: some of what *page* would send, with what else there is on it, on others, and nowhere.

    Names may occur twice.
    """
    own = [pair[:2] for pair in re.findall(r'<(?:input|button)[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', page)]
    here = sorted(set(re.findall(r'name="([\w.-]+)"', page))) or NAMES
    meant = sorted(set(re.findall(r'value="([^"]{1,200})"', page))) or WORDS
    names = st.one_of(st.sampled_from(here), st.sampled_from(here), st.sampled_from(NAMES), st.text(max_size=9))
    values = st.one_of(
        st.sampled_from(meant), st.sampled_from(WORDS), st.sampled_from(NASTY), st.text(max_size=40), st.just("")
    )
    kept = st.lists(st.sampled_from(own), max_size=6) if own else st.just([])
    changed = st.lists(st.tuples(names, values), max_size=5)
    return st.builds(lambda some, others: [*some, *others], kept, changed)


def encoded(form: list[tuple[str, str]]) -> bytes:
    """Write a form as a careless program would: surrogates and all."""
    raw = [[quote_from_bytes(each.encode("utf-8", "surrogatepass"), safe="") for each in pair] for pair in form]
    return "&".join(map("=".join, raw)).encode()


class Browser:
    """Send what is drawn as an owner; who was signed out signs in again."""

    def __init__(self, base: str, sign_in: Callable[[], tuple[str, str]]):
        self._base, self._sign_in, self._session = base, sign_in, requests.Session()
        self._cookie, self._csrf = sign_in()

    def send(self, method: str, path: str, form: list[tuple[str, str]], *, file: bytes | None) -> int:
        """Return the status of the answer."""
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self._csrf, "Cookie": self._cookie}
        sent: dict[str, Any] = {}
        if method == "GET":
            path += "?" + encoded([(name, value[:500]) for name, value in form]).decode()[:4000]
        elif file is not None:
            printable = [(re.sub(r"[^ -~]", "_", name) or "_", value) for name, value in form]
            sent["files"] = [
                ("file", ("f", file)),
                *((name, (None, value.encode("utf-8", "surrogatepass"))) for name, value in printable),
            ]
        else:
            sent["data"] = encoded(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with self._session.request(
            method, self._base + path, headers=headers, allow_redirects=False, timeout=120, **sent
        ) as answer:
            if answer.headers.get("Location") == "/sign-in" or path.startswith("/sign-out"):
                self._cookie, self._csrf = self._sign_in()
            return answer.status_code

    def page(self, path: str) -> str:
        """Return what is shown at *path*, or above it where that only takes forms."""
        headers = {"Cookie": self._cookie}
        with self._session.get(self._base + path, headers=headers, allow_redirects=False, timeout=120) as answer:
            if answer.status_code != 405 or path.count("/") < 2:
                return answer.text
        return self.page(path.rpartition("/")[0])

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def filled(path: str, tenant: Any) -> str:
    """Put what is there into a path."""
    known = {"workspace": tenant.workspace, "round": tenant.rounds["ask"], "plugin": "panel", "tail": "/member"}
    known |= {"installation": tenant.panel, "component": "belonging", "name": "style.css", "subscription": "0" * 32}
    return re.sub(r"{(\w+)}", lambda found: known.get(found[1], "0" * 32), path)


def explore(browser: Browser, rows: list[tuple[str, str, bool]], seed: int, examples: int) -> list[str]:
    """Send every route random forms; return what failed."""
    return [fault for row in rows for fault in knock(browser, *row, seed, examples)]


def knock(browser: Browser, method: str, path: str, takes_file: bool, seed: int, examples: int) -> list[str]:
    """Send one route random forms; return what failed."""
    faults: list[str] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(form=fields(browser.page(path) if method == "POST" else ""), file=st.binary(max_size=200))
    def run(form: list[tuple[str, str]], file: bytes) -> None:
        status = browser.send(method, path, form, file=file if takes_file else None)
        if status >= 500:
            faults.append(f"{status} {method} {path} {form!s:.600}")

    run()
    return faults


async def attack(site: Any, seed: int, examples: int) -> list[str]:
    """Explore the site as the owner of a workspace: what takes forms, and some of what only shows."""
    acme, loop = site.tenants["Acme"], asyncio.get_running_loop()
    taking = {(one.method, one.resource.canonical) for one in site.app[uploads.ROUTES] if one.resource}
    rows = [
        (method, filled(path, acme), (method, path) in taking)
        for method, path, rule in access.matrix(site.app)
        if rule.kind in ("public", "link", "member", "role") and method in ("GET", "POST")
    ]

    shows = [row for row in rows if row[0] == "GET"]
    some = random.Random(seed).sample(shows, min(len(shows), 10 * examples))
    rows = [row for row in rows if row[0] != "GET"] + some

    def sign_in() -> tuple[str, str]:
        visitor = asyncio.run_coroutine_threadsafe(site.member(acme, "owner"), loop).result(120)
        ((name, secret),) = visitor.cookies.items()
        return f"{name}={secret}", visitor.field("csrf")

    browser = await asyncio.to_thread(Browser, site.base, sign_in)
    try:
        return await asyncio.to_thread(explore, browser, rows, seed, examples)
    finally:
        browser.close()


async def test_no_form_makes_a_page_fail(open_site: OpenSite) -> None:
    print(f"seed {SEED}")
    async with open_site() as site:
        faults = await attack(site, SEED, 2)
    assert not faults, "\n".join(faults)


@pytest.mark.campaign
async def test_no_form_makes_a_page_fail_for_long(open_site: OpenSite) -> None:
    seed = int(os.environ.get("TERTULIA_SEED") or secrets.randbelow(2**32))
    print(f"seed {seed}")
    async with open_site() as site:
        faults = await attack(site, seed, 40)
    assert not faults, "\n".join(faults[:20])
