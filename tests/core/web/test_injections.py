"""Whatever is written in any form of any page stays text: on pages, in a browser, in mails and in tables."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from email.headerregistry import Address
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest

from tertulia.domain.markup import Markup
from tertulia.domain.people import Place
from tertulia.domain.prompts import Action, Field, Option, Prompt
from tertulia.errors import Mistake
from tertulia.sandbox.members import Form, read_forms
from tertulia.services import importing, people, programs
from tertulia.testing import browser
from tertulia.testing.injections import EVIL, FORMULAS, MARK, NUL, TEXTS, TURNED, at_work
from tertulia.web import access, mail

OpenSite = Callable[..., AbstractAsyncContextManager[Any]]
LINK = re.compile(r'href="([^"]+)"')
LEFT_ALONE = re.compile(r"/sign-out|/my/erase.*|/my/sessions|.*/disable|/my/opt-out|.*/host")
"""Forms that end what the others need."""
SHORT = {name: text[:150] for name, text in TEXTS.items()}
PROGRAM = """
[[practice]]
key = "ask"
kind = "question"
title = {0}
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }}
open_for = "2d"

[[practice]]
key = "thanks"
kind = "kudos"
title = {1}
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "common" }}
open_for = "2d"
options = {{ values = [{2}, {3}] }}

[[practice]]
key = "days"
kind = "celebration"
title = {4}
places = ["web:hall"]
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-09T09:30", time = "local" }}
open_for = "3d"
options = {{ occasions = ["birthday", "welcome"] }}

[[practice]]
key = "stretch"
kind = "wellness"
title = {5}
join = "opt-in"
cadence = {{ rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-03-02T09:00", time = "local" }}
open_for = "2d"

[practice.options]
what = {6}
teacher = {7}
where = {8}
zone = "UTC"
minutes = 30
sessions = [{{ day = "TH", time = "12:30" }}]
"""


async def pages_of(site: Any, visitor: Any, starts: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """Follow links from *starts*, once for each template, and yield paths with their pages."""
    known: dict[str, str] = {}
    templates = [(path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for _, path, _ in access.matrix(site.app)]
    todo = list(starts)
    for path in todo:
        short = urlsplit(path).path
        template = next((name for name, one in templates if one.fullmatch(short)), short)
        if known.setdefault(template, path) != path or len(todo) > 400:
            continue
        answer = await visitor.get(path)
        if answer.status != 200 or not answer.content_type.startswith("text/html"):
            continue
        text = await answer.text()
        yield path, text
        found = (urldefrag(urljoin(path, link.replace("&amp;", "&"))).url for link in LINK.findall(text))
        todo += [link for link in found if link.startswith("/") and link not in todo]


def filled(form: Form, button: tuple[str, str] | None, text: str) -> dict[str, str]:
    """Fill in a form with *text* in every field that takes any."""
    chosen = {name: values[-1] for name, values in form.choices.items() if values}
    return {**chosen, **form.hidden, **dict.fromkeys(form.texts, text), **dict([button] if button else [])}


async def written_everywhere(site: Any, visitor: Any, starts: Sequence[str]) -> tuple[int, list[str]]:
    """Write a text of the corpus into every form that takes one; return how many and what came to life."""
    texts, found, sent = cycle([*TEXTS.items(), ("nul", NUL)]), [], 0
    pages = [page async for page in pages_of(site, visitor, starts)]
    for path, page in pages:
        for form in read_forms(page):
            action = form.action or urlsplit(path).path
            if not form.texts or LEFT_ALONE.fullmatch(action):
                continue
            for button in form.buttons or [None]:
                for _ in range(2):
                    name, text = next(texts)
                    answer = await visitor.post(action, filled(form, button, text))
                    sent += 1
                    assert answer.status < 500, (action, name, await answer.text())
                    if answer.content_type.startswith("text/html"):
                        found += [f"{action} {name}: {one}" for one in at_work(await answer.text())]
    return sent, found


async def planted(site: Any) -> Any:
    """Make a workspace of people, practices and places that are called what the corpus says."""
    acme = site.tenants["Acme"]
    where = {"organization": acme.organization, "workspace": acme.workspace, "actor": "test"}
    titles = [json.dumps(" ".join(text.split())[:150]) for text in TEXTS.values() if not set(text) & set(TURNED)]
    lines = "name,email,team,location\n" + "".join(
        f'"{text.replace(chr(34), chr(34) * 2)}",p{number}@acme.example,Stage,Stage\n'
        for number, text in enumerate(SHORT.values())
    )
    async with site.runtime.database.write() as tx:
        await programs.apply(site.runtime, tx, text=PROGRAM.format(*titles), **where)
        for text in SHORT.values():
            place = Place(platform="web", ref=text, kind="chat")
            await people.declare_place(site.runtime, tx, acme.organization, acme.workspace, place)
        await importing.apply(site.runtime, tx, acme.organization, acme.workspace, lines, actor="test")
    return acme


async def test_what_is_written_anywhere_stays_text(open_site: OpenSite, tmp_path: Path) -> None:
    async with open_site() as site:
        acme = await planted(site)
        home = f"/workspaces/{acme.workspace}"
        starts = ["/my", home, f"{home}/people", f"{home}/audit", f"/answer/{acme.rounds['ask']}"]
        sent, found, shown = 0, [], []
        for who in ("member", "responder", "owner"):
            visitor = await site.member(acme, who)
            more, alive = await written_everywhere(site, visitor, starts)
            sent, found = sent + more, found + alive
        for who in ("member", "responder", "owner"):
            visitor = await site.member(acme, who)
            async for path, page in pages_of(site, visitor, starts):
                found += [f"{who} {path}: {one}" for one in at_work(page)]
                if MARK in page or EVIL in page:
                    shown.append((visitor, path))
        assert not found, "\n".join(found)
        assert sent > 40
        assert len(shown) > 12, "the corpus is on these pages"
        if browser.found() is not None:
            await opened(site, shown, tmp_path)


async def opened(site: Any, shown: Sequence[tuple[Any, str]], folder: Path) -> None:
    """Open pages in a real browser: no script ran, no element came to be, nothing was fetched or blocked."""
    async with browser.browser(folder) as made:
        page = await made.open("about:blank")
        for visitor, path in shown:
            for name, value in visitor.cookies.items():
                await page.cookie(name, value, site.base)
            await page.go(site.base + path)
            lives = f"window.injected ?? document.querySelector('[{MARK}], injected-element, [onclick], [onerror]')"
            assert await page.run(f"({lives}) === null"), path
            assert await page.run(f'document.querySelectorAll(\'[href*="{EVIL}"], [src*="{EVIL}"]\').length') == 0
            wide = await page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} px too wide"
        assert page.faults == []


@pytest.mark.parametrize("name", TEXTS)
def test_a_mail_holds_it_as_text(name: str) -> None:
    text = TEXTS[name]
    prompt = Prompt(
        id="1" * 32,
        version=1,
        title=text,
        body=Markup.literal(text) + Markup.bullets([text]),
        language="en",
        recorded=text,
        fields=(Field(key="one", kind="one", label=text, options=(Option(value="1", label=text),)),),
        actions=(Action(verb="answer", label=text, token="t"),),
        link="https://tertulia.example/a/0123",
    )
    made = mail.compose(
        prompt,
        sender=Address("Team", addr_spec="team@acme.example"),
        recipient=Address(addr_spec="ana@acme.example"),
        reply_to=None,
        key="2" * 32,
    )
    head = made.as_bytes().partition(b"\n\n")[0].decode()
    assert "Bcc" not in [line.partition(":")[0] for line in head.splitlines()]
    assert made["To"] == "ana@acme.example"
    assert not set(made["Subject"]) & set("\r\n" + TURNED)
    plain, html = (part.get_content() for part in made.iter_parts())
    assert at_work(html) == []
    assert not set(plain) & set(TURNED)


@pytest.mark.parametrize("name", TEXTS)
def test_our_markup_holds_it_as_text(name: str) -> None:
    text = TEXTS[name]
    for made in (Markup.literal(text), Markup.bullets([text, text])):
        assert [one for one in at_work(made.html()) if "turned" not in one] == []


async def test_what_a_database_cannot_hold_is_told(open_site: OpenSite) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        async with site.runtime.database.write() as tx:
            with pytest.raises(Mistake):
                await people.add_person(
                    site.runtime, tx, acme.organization, {"name": NUL}, workspace=acme.workspace, actor="test"
                )
        assert FORMULAS
