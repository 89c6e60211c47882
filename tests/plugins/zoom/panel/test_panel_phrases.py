"""The panel's own words: none is missing, in no language, and each participant gets them in theirs."""

from __future__ import annotations

import html
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tertulia.storage import tables
from tertulia_zoom.messages_phrases import LANGUAGES
from tertulia_zoom.panel_phrases import PHRASES, accepted, phrases

PAGE = files("tertulia_zoom.panel_page")
SAID_BY_THE_SERVICE = {"not_a_host", "nothing_runs", "refused", "moment", "scripts"}
PICTURES = os.environ.get("TERTULIA_PICTURES")
"""A folder to which pictures of the panel are written, to be looked at."""


def script() -> str:
    return "".join(PAGE.joinpath(name).read_text(encoding="utf-8") for name in ("panel.js", "client.js"))


def test_every_phrase_is_said_and_every_phrase_that_is_said_is_there() -> None:
    said = set()
    for given in re.findall(r"\bsay\(((?:[^()]|\([^()]*\))*)\)", script()):
        said |= set(re.findall(r'"([a-z_]+)"', given.partition("{")[0]))
    options = re.findall(r'^const [A-Z]+ = (\[\["[^;]*\]\]);', script(), re.MULTILINE)
    said |= {phrase for listed in options for _, phrase in json.loads(listed)}
    assert len(options) == 5
    assert said | SAID_BY_THE_SERVICE == set(PHRASES)


def test_the_script_has_no_words_of_its_own() -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script(), flags=re.DOTALL)
    texts = [one or two for one, two in re.findall(r'"([^"\n]*)"|`([^`]*)`', code)]
    assert [text for text in texts if re.search(r"[A-Z][a-z]+ [a-z]+ |[a-z]{2,}[.!?]$", text)] == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_translation_keeps_what_is_filled_in(language: str) -> None:
    told = phrases(language)
    for name, english in PHRASES.items():
        assert sorted(re.findall(r"\{\w+\}", told[name])) == sorted(re.findall(r"\{\w+\}", english)), name
        assert told[name] != english or (name, language) == ("warm", "de"), name
    assert phrases(f"{language}-XX") == told


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("de", "de"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("ja, fr-CH;q=0.4, en;q=0.3", "fr"),
        ("en-GB,de;q=0.9", "en"), ("de;q=0.2,pl;q=0.7", "pl"), ("de;q=0", "en"), ("ja", "en"), ("*", "en"),
        ("de;q=x", "en"), ("de;q=nan", "en"), (",;=,", "en"), ("it;Q=1", "it"), ("x" * 9000 + ",de", "en"),
    ],
)  # fmt: skip
def test_the_browser_s_wish_is_weighed(header: str, language: str) -> None:
    assert accepted(header) == language


async def speak(place: Any, name: str, language: str) -> None:
    async with place.core.runtime.database.write() as tx:
        person = tables.person
        await tx.execute(person.update().where(person.c.id == place.people[name]).values(languages=[language]))


async def test_members_get_their_language_and_guests_their_browser_s(open_gathering: Any) -> None:
    async with (
        open_gathering() as place,
        aiohttp.ClientSession(headers={"Accept-Language": "pl-PL, en;q=0.5"}) as http,
    ):
        await speak(place, "Ana Sousa", "pt-BR")
        await speak(place, "Ben Okafor", "ja")
        async with http.get(place.panel) as answer:
            text = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
            assert answer.headers["Vary"] == "Accept-Language"
        assert "unsafe" not in policy, "the words come as data"
        assert '<html lang="pl">' in text
        assert "{" not in re.sub(r'content="[^"]*"', "", text), "nothing is left to fill in"
        (content,) = re.findall(r'name="phrases" content="([^"]*)"', text)
        assert json.loads(html.unescape(content)) == phrases("pl")
        got = {}
        for name, user in {"Gus": "", **place.users}.items():
            person = place.clients.join(place.instance, user, name=name)
            body = {"context": place.clients.context(person), "meeting": place.instance.number}
            async with http.post(f"{place.panel}/enter", json=body) as answer:
                told = await answer.json()
            assert told["phrases"] == phrases(told["language"])
            got[name] = told["language"]
        assert got == {"Gus": "pl", "Hana Ito": "en", "Ana Sousa": "pt", "Ben Okafor": "en", "Cyd Moreau": "en"}
        async with http.post(f"{place.panel}/end", json={}, headers={"authorization": "Bearer no"}) as answer:
            assert (await answer.json())["phrase"] == "refused"


async def test_a_host_sees_the_panel_in_german(open_gathering: Any, open_browser: Any) -> None:
    async with open_gathering() as place, open_browser() as browser:
        await speak(place, "Hana Ito", "de")
        client = place.clients.join(place.instance, place.users["Hana Ito"])
        page = await browser.open(place.clients.url(client), width=720, height=760)
        press = (
            "[...document.querySelectorAll('button')].find((one) => one.textContent.trim() === '%s')?.click() ?? true"
        )
        await page.until(
            "!document.getElementById('apps').disabled && (document.getElementById('apps').click(), true)"
        )
        for heading, following in (
            ("Eisbrecher beginnen", "Frage wählen"),
            ("", "Alle fragen"),
            ("", "Räume öffnen"),
        ):
            await page.until(
                f"document.querySelector('main')?.innerText.includes({heading or following!r})", frame="/panel"
            )
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not await page.run(wide, frame="/panel")
            if PICTURES:
                await page.picture(Path(PICTURES) / f"de-{following[:4]}.png")
            await page.run(press % following, frame="/panel")
        assert await page.run("document.documentElement.lang", frame="/panel") == "de"
        await page.until("document.querySelector('.rooms, #rooms') !== null", frame="/panel")
        assert page.faults == []
