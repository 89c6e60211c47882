"""Let invented people open our pages of their own accord, as in a browser.

They light candles and look after them, write feedback without a name, and ask the leadership. What they write goes
through the pages alone; nothing about who lit a candle is counted, logged or kept here.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import aiohttp

from tertulia.sandbox.members import Form, read_forms
from tertulia.sandbox.town import MONDAY, Town

logger = logging.getLogger(__name__)
WEEK = timedelta(weeks=1)
FEEDBACK = (
    "Could we keep one afternoon a week free of meetings?",
    "The new starters' list helped me a lot. Please keep it.",
    "Freelancers hear of decisions days after everybody else.",
    "Our team answers each other less and less, and nobody says so.",
    "The stand-up at nine is the middle of the night for some of us.",
    "Thank you for the quiet week in January.",
)
QUESTIONS = (
    "How are rates for freelancers decided, and when are they looked at again?",
    "What happens to the studio when the lease ends?",
    "Who decides which projects we say no to?",
    "Will there be a second retreat for those far away?",
)
ASK, VOTE = 4, 6
"""So many of the employed do it in a round, at most."""
ANSWER = "We look at this at the next quarter's meeting and write here what was decided."


class Visitor:
    """Be one person's browser."""

    def __init__(self, http: aiohttp.ClientSession, origin: str):
        self._http, self._origin = http, origin

    async def sit(self, email: str) -> None:
        """Sit down as a person, as whoever tries the demo does."""
        await self.send("/sandbox/sit", {"email": email, "room": "questions"})

    async def forms(self, path: str) -> list[Form]:
        """Open a page and return its forms."""
        async with self._http.get(self._origin + path) as page:
            return read_forms(await page.text())

    async def send(self, path: str, values: dict[str, str]) -> tuple[str, list[Form]]:
        """Send a form and return where that leads, with the forms there."""
        async with self._http.post(self._origin + path, data=values) as page:
            if page.status >= 400:
                raise Turned(f"{page.status}")
            return page.url.path, read_forms(await page.text())


class Turned(Exception):
    """A page did not take what was sent."""


@dataclass(frozen=True)
class Errand:
    """Hold what somebody wants to do from an instant on, and its name, which names nobody."""

    at: datetime
    what: str
    go: Callable[[Visitor], Awaitable[None]]


class Visits:
    """Plan what people do on their own, week after week, the same for the same *seed*, and let them do it."""

    def __init__(self, town: Town, seed: int):
        self._town, self._draw = town, random.Random(seed + 2)
        cared = set(town.phrases)
        self._people = [email for email, one in town.neighbours.items() if one.inhabitant.reached]
        self._others = [email for email in self._people if email not in cared]
        self._planned: list[Errand] = []
        self._week = 0
        self.missed: Counter[str] = Counter()

    async def make(self, connector: aiohttp.BaseConnector) -> None:
        """Let people do what is due by the town's clock."""
        now = self._town.clock.now()
        while self._others and now >= MONDAY + WEEK * self._week:
            self._planned += self._of_week(self._week, MONDAY + WEEK * self._week)
            self._week += 1
        due = [one for one in self._planned if one.at <= now]
        self._planned = [one for one in self._planned if one.at > now]
        for errand in sorted(due, key=lambda one: one.at):
            await self._run(connector, errand)

    async def _run(self, connector: aiohttp.BaseConnector, errand: Errand) -> None:
        origin = self._town.runtime.config.public_url
        headers, jar = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}, aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            cookie_jar=jar, headers=headers, connector=connector, connector_owner=False
        ) as http:
            try:
                await errand.go(Visitor(http, origin))
            except (aiohttp.ClientError, Turned) as error:
                logger.warning("an invented member could not %s: %s", errand.what, type(error).__name__)
                self.missed[errand.what] += 1

    def _of_week(self, week: int, monday: datetime) -> Iterator[Errand]:
        one, author = self._draw.choice(self._others), self._draw.choice(self._people)
        tuesday, wednesday, thursday = (monday + timedelta(days=days) for days in (1, 2, 3))
        yield Errand(tuesday + timedelta(hours=11), "light a candle", partial(self._light, email=one))
        for email in self._town.phrases:
            yield Errand(wednesday + timedelta(hours=9), "look after candles", partial(self._care, email=email))
        words = FEEDBACK[week % len(FEEDBACK)]
        writing = partial(self._feedback, email=author, text=words)
        yield Errand(thursday + timedelta(hours=12), "write feedback", writing)
        yield from self._leadership(week, monday)

    def _leadership(self, week: int, monday: datetime) -> Iterator[Errand]:
        """Ask in the second week of three and vote in the third, once a moderator has published."""
        employed = [
            one.resident.email for one in self._town.inhabitants[1:] if one.resident.worker_type == "employee"
        ]
        if week % 3 == 1:
            texts = self._draw.sample(QUESTIONS, len(QUESTIONS))
            for email, text in zip(self._draw.sample(employed, min(ASK, len(employed))), texts, strict=False):
                asking = partial(self._ask, email=email, text=text)
                yield Errand(monday + timedelta(days=2, hours=12), "ask the leadership", asking)
        if week % 3 == 2 and employed:
            moderator = employed[0]
            publishing = partial(self._publish, email=moderator)
            yield Errand(monday + timedelta(hours=10), "publish questions", publishing)
            for email in self._draw.sample(employed, min(VOTE, len(employed))):
                voting = partial(self._vote, email=email)
                yield Errand(monday + timedelta(days=1, hours=14), "vote for questions", voting)
            replying = partial(self._reply, email=moderator)
            yield Errand(monday + timedelta(days=4, hours=15), "answer questions", replying)

    async def _light(self, visitor: Visitor, email: str) -> None:
        await visitor.sit(email)
        for form in await visitor.forms(f"/my/candle?workspace={self._town.workspace}"):
            if form.action == "/my/candle/choose":
                chosen = {name: values[0] for name, values in form.choices.items() if name != "discreet"}
                _, confirming = await visitor.send(form.action, {**form.hidden, **chosen})
                await _press(visitor, confirming, "/my/candle/light")
                return
        raise Turned("nobody receives candles")

    async def _care(self, visitor: Visitor, email: str) -> None:
        """Open what waits, and say that one gets in touch."""
        await visitor.sit(email)
        page = f"/workspaces/{self._town.workspace}/care"
        forms = await visitor.forms(page)
        phrase = {"phrase": self._town.phrases[email]}
        _, opened = await visitor.send(page, {**_first(forms, page).hidden, **phrase})
        for form in opened:
            if form.action == page + "/step" and ("to", "acknowledged") in form.buttons:
                await visitor.send(form.action, {**form.hidden, "to": "acknowledged"})

    async def _feedback(self, visitor: Visitor, email: str, text: str) -> None:
        await visitor.sit(email)
        form = _first(await visitor.forms("/my/feedback"), "/my/feedback")
        path, _ = await visitor.send(form.action, {**form.hidden, "workspace": self._town.workspace})
        await visitor.send(path, {"text": text, "step": "preview"})
        await visitor.send(path, {"text": text, "step": "send"})

    async def _ask(self, visitor: Visitor, email: str, text: str) -> None:
        if (path := await self._page_to(visitor, email, "ask")) is not None:
            await visitor.send(path, {"text": text, "step": "preview"})
            await visitor.send(path, {"text": text, "step": "send"})

    async def _vote(self, visitor: Visitor, email: str) -> None:
        if (path := await self._page_to(visitor, email, "vote")) is not None:
            listed = _first(await visitor.forms(path), path).choices.get("question", [])
            if listed:
                await visitor.send(path, {"question": self._draw.choice(listed)})

    async def _page_to(self, visitor: Visitor, email: str, use: str) -> str | None:
        """Take the page to ask or to vote on, if that is possible now."""
        await visitor.sit(email)
        for form in await visitor.forms("/my/questions"):
            if ("use", use) in form.buttons:
                path, _ = await visitor.send(form.action, {**form.hidden, "use": use})
                return path
        return None

    async def _publish(self, visitor: Visitor, email: str) -> None:
        await visitor.sit(email)
        for form in await visitor.forms("/my/questions/moderate"):
            if ("step", "publish") in form.buttons:
                await visitor.send(form.action, {**form.hidden, "step": "publish"})

    async def _reply(self, visitor: Visitor, email: str) -> None:
        await visitor.sit(email)
        for form in await visitor.forms("/my/questions/moderate"):
            if ("step", "answer") in form.buttons:
                await visitor.send(form.action, {**form.hidden, "step": "answer", "text": ANSWER})


def _first(forms: list[Form], action: str) -> Form:
    found = next((form for form in forms if form.action == action), None)
    if found is None:
        raise Turned("the form is missing")
    return found


async def _press(visitor: Visitor, forms: list[Form], action: str) -> None:
    await visitor.send(action, _first(forms, action).hidden)
