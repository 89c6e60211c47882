"""Invented members who read what came and answer as people do: on a platform's own screens, or on the web page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Field
from tertulia.sandbox.organization import Inhabitant
from tertulia.stage import Arrival, Playable

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
SECOND_THOUGHTS = 0.08
NEVER = frozenset({"pass", "snooze", "stop"})


@dataclass
class Form:
    """Hold a form of a page: where it goes, its hidden values, its choices, its free texts and its buttons."""

    action: str = ""
    kind: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    several: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verbs(self) -> list[str]:
        """Return what the buttons of a question say."""
        return [value for name, value in self.buttons if name == "verb"]


class FormReader(HTMLParser):
    """Read the forms of a page, as a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what belongs to a form."""
        values = {name: value or "" for name, value in attrs}
        name, form = values.get("name", ""), self._form
        if tag == "form":
            self._form = Form(action=values.get("action", ""), kind=values.get("class", ""))
            self.forms.append(self._form)
        elif form is None:
            return
        elif tag == "textarea" or (tag == "input" and values.get("type") == "text"):
            form.texts.append(name)
            if "required" in values:
                form.needed.add(name)
        elif tag == "input" and values.get("type") == "hidden":
            form.hidden[name] = values.get("value", "")
        elif tag == "input":
            form.choices.setdefault(name, []).append(values.get("value", ""))
            if values.get("type") == "checkbox":
                form.several.add(name)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and values.get("value"):
            form.choices.setdefault(self._select, []).append(values["value"])
        elif tag == "button" and name:
            form.buttons.append((name, values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        """Note where a form ends."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""


class Neighbour:
    """Be one invented member: decides whether to answer, and answers."""

    def __init__(self, inhabitant: Inhabitant, draw: random.Random, mates: Sequence[str] = ()):
        self.inhabitant, self._draw, self._mates = inhabitant, draw, mates
        self._asked = 0
        self._left: set[str] = set()
        self._public: set[str] = set()

    def decides(self, arrival: Arrival, week: int) -> str | None:
        """Return what to do about *arrival* in the *week* counted from 0: a verb, or `None` to leave it.

        What is left lying may be answered when it comes again, as a reminder. What is answered where others read
        along is not answered in private, too.
        """
        temper = self.inhabitant.temper
        if arrival.verbs and "answer" not in arrival.verbs:
            # something is told, such as a place that one has; few give it up
            other = next((one for one in arrival.verbs if one not in NEVER), None)
            return other if self._draw.random() < SECOND_THOUGHTS else None
        if arrival.shared and "pass" in arrival.verbs:
            if not temper.board:
                return None
            self._public.add(arrival.title)
        elif arrival.title in self._public:
            return None
        self._asked += not arrival.shared
        if temper.stops is not None and self._asked > temper.stops and arrival.link is not None:
            return "stop"
        if self._draw.random() > temper.answers * (1 - temper.drift) ** week:
            return None
        if not arrival.shared and arrival.title not in self._left and self._draw.random() < temper.late:
            self._left.add(arrival.title)
            return None
        self._left.discard(arrival.title)
        return "pass" if self._draw.random() < temper.passes else "answer"

    async def press(self, stage: Playable, arrival: Arrival, verb: str, week: int) -> bool:
        """Answer on the platform's own screen."""
        wanted = verb if verb in arrival.verbs else "answer"
        values = {} if wanted in NEVER else self._values(arrival.fields, week)
        return await stage.press(arrival, wanted, values)

    async def follow(self, connector: aiohttp.BaseConnector, link: str, origin: str, verb: str, week: int) -> bool:
        """Open a personal link and answer on the page, over HTTP, as a browser does."""
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            cookie_jar=jar, headers=headers, connector=connector, connector_owner=False
        ) as browser:
            async with browser.get(link) as page:
                if page.status != 200:
                    return False
                form = read_form(await page.text())
            if not form.action:
                return False
            if verb == "answer" and verb not in form.verbs and self._draw.random() >= SECOND_THOUGHTS:
                return True  # it was read, and nothing is asked
            async with browser.post(origin + form.action, data=self._fill(form, verb, week)) as reply:
                return reply.status < 400

    def _values(self, fields: Sequence[Field], week: int) -> Json:
        found: dict[str, Any] = {}
        for one in fields:
            if one.kind in ("short", "long"):
                if one.required or len(fields) == 1 or self._draw.random() < 0.5:
                    found[one.key] = self._words(one.key)
            elif one.kind == "confirm":
                found[one.key] = self._draw.random() < 0.6
            elif one.kind == "many":
                found[one.key] = self._some([option.value for option in one.options])
            elif one.options:
                found[one.key] = self._choose([option.value for option in one.options], week)
        return found

    def _fill(self, form: Form, verb: str, week: int) -> list[tuple[str, str]]:
        kept = list(form.hidden.items())
        if verb == "stop" or (verb == "pass" and "pass" in form.verbs):
            return [*kept, ("verb", verb)]
        for name, values in form.choices.items():
            if name in form.several:
                kept += [(name, value) for value in self._some(values)]
            else:
                kept.append((name, self._choose(values, week)))
        needed = form.needed if form.choices else {*form.needed, *form.texts[:1]}
        kept += [(name, self._words(name)) for name in form.texts if name in needed or self._draw.random() < 0.7]
        return [*kept, ("verb", next((one for one in form.verbs if one not in NEVER), "answer"))]

    def _words(self, name: str) -> str:
        """Write a line, or name a colleague where the field asks whom."""
        return self._draw.choice(self._mates) if self._mates and _whom(name) else self._draw.choice(LINES)

    def _some(self, values: Sequence[str]) -> list[str]:
        chosen = [value for value in values if self._draw.random() < 0.5]
        return chosen or [self._draw.choice(values)] if values else []

    def _choose(self, values: Sequence[str], week: int) -> str:
        """Choose among *values*; on a scale the higher the better the mood."""
        if not all(value[:1].isdigit() for value in values):
            return self._draw.choice(values)
        temper = self.inhabitant.temper
        mood = temper.mood * (1 - temper.drift / 2) ** week
        place = self._draw.gauss(mood, 0.2) * len(values)
        return values[min(len(values) - 1, max(0, int(place)))]


def _whom(name: str) -> bool:
    return "whom" in name.lower()


def read_form(page: str) -> Form:
    """Return the question's form on a page, or an empty one."""
    return next((form for form in read_forms(page) if form.kind == "question"), Form())


def read_forms(page: str) -> list[Form]:
    """Return the forms of a page."""
    reader = FormReader()
    reader.feed(page)
    return reader.forms
