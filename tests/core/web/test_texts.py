"""Every sentence of the pages that speak stands in every catalogue, whole, with the same names to put in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.pofile import read_po

from tertulia.web import texts
from tertulia.wording import LOCALE, LOCALES

PUT_IN = re.compile(r"%\((\w+)\)s")
CURE = "run `make texts` and translate what it adds to the catalogues"


def translated(language: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    with (LOCALE / language / texts.CATALOGUE).open("rb") as file:
        found = read_po(file, locale=language)
    return {
        tuple(one.id) if isinstance(one.id, tuple) else (one.id,): (
            tuple(one.string) if isinstance(one.string, tuple) else (one.string,)
        )
        for one in found
        if one.id and not one.fuzzy
    }


@pytest.mark.parametrize("language", LOCALES)
def test_the_catalogues_hold_what_pages_say_and_nothing_else(language: str) -> None:
    wanted, known = {forms for _, forms in texts.said()}, translated(language)
    assert len(wanted) > 400
    assert wanted - known.keys() == set(), CURE
    assert known.keys() - wanted == set(), CURE
    for forms, strings in known.items():
        assert all(strings), (forms, CURE)
        names = {name for one in forms for name in PUT_IN.findall(one)}
        assert set(PUT_IN.findall(strings[-1])) == names, forms
        assert all("%" not in PUT_IN.sub("", one) for one in strings), forms
        # what is markup in the sentence is markup in its translation
        assert [re.findall("<[^>]+>", one) for one in forms][-1] == re.findall("<[^>]+>", strings[-1]), forms


def test_every_page_that_runs_in_english_is_there() -> None:
    assert {path.name for path in texts.TEMPLATES.glob("*.html")} > texts.RUN_IN_ENGLISH


async def test_a_page_speaks_the_reader_s_language_and_the_console_english(open_site: Any) -> None:
    async with open_site() as site:
        acme = site.tenants["Acme"]
        owner = await site.member(acme, "owner")
        headers = {"Accept-Language": "de-AT,de;q=0.9"}
        cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
        pages_ = {}
        for path in ("/sign-in", f"/workspaces/{acme.workspace}/plugins"):
            async with site.client.get(site.base + path, headers={**headers, "Cookie": cookies}) as answer:
                pages_[path] = await answer.text()
        first, console = pages_.values()
        assert 'lang="de"' in first
        assert "Schick mir einen Code" in first
        assert 'lang="en"' in console
        assert "Zum Inhalt" not in console
