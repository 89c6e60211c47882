"""Invented members who read their mail and answer through the same pages, over HTTP, as everybody."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp

from tertulia.sandbox.organization import Resident

LINES = (
    "Sketching the map for the autumn meet-up.",
    "Reading the interviews again, slowly this time.",
    "Half a day of reviews, then the garden.",
    "A quiet morning with the numbers.",
    "Packing for the train; back online tomorrow.",
    "Found the bug that hid since spring.",
    "Learning to bake flatbread with my neighbour.",
    "Two calls, one long walk.",
)


@dataclass
class Form:
    """Hold the first form of a page: where it goes, its hidden values, its choices and its free texts."""

    action: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)


class FormReader(HTMLParser):
    """Read the first form of a page, as a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self._inside = self._done = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what belongs to the form."""
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form" and not self._done and values.get("class") == "question":
            self._inside, self.form.action = True, values.get("action", "")
        elif not self._inside:
            return
        elif tag == "textarea" or (tag == "input" and values.get("type") == "text"):
            self.form.texts.append(name)
        elif tag == "input" and values.get("type") == "hidden":
            self.form.hidden[name] = values.get("value", "")
        elif tag == "input":
            self.form.choices.setdefault(name, []).append(values.get("value", ""))
        elif tag == "button" and name == "verb":
            self.form.verbs.append(values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Stop at the end of the first form."""
        if tag == "form" and self._inside:
            self._inside, self._done = False, True


class Neighbour:
    """Be one invented member: decides whether to answer, and answers."""

    def __init__(self, resident: Resident, draw: random.Random):
        self.resident, self._draw = resident, draw
        self.answered = 0

    async def read(self, link: str, origin: str) -> bool:
        """Open a personal link and perhaps answer; return whether something was sent."""
        if self._draw.random() > self.resident.answers:
            return False
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as browser:
            async with browser.get(link) as page:
                if page.status != 200:
                    return False
                form = read_form(await page.text())
            if not form.action:
                return False
            async with browser.post(origin + form.action, data=self._fill(form)) as reply:
                taken = reply.status < 400
        self.answered += taken
        return taken

    def _fill(self, form: Form) -> dict[str, str]:
        passes = "pass" in form.verbs and self._draw.random() < self.resident.passes
        if passes:
            return form.hidden | {"verb": "pass"}
        chosen = {name: self._choose(values) for name, values in form.choices.items()}
        written = {name: self._draw.choice(LINES) for name in form.texts if self._draw.random() < 0.7}
        verb = next((verb for verb in form.verbs if verb != "pass"), "answer")
        return form.hidden | chosen | written | {"verb": verb}

    def _choose(self, values: Sequence[str]) -> str:
        # people answer scales above the middle more often than not
        return max(self._draw.choice(values), self._draw.choice(values), key=values.index)


def read_form(page: str) -> Form:
    """Return the question's form on a page."""
    reader = FormReader()
    reader.feed(page)
    return reader.form
