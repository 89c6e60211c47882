"""Let invented people live in Team Chat: read what the bot wrote to them, fill it in line by line, and press.

Zoom sends every choice and every line as an event of its own, so an answer takes as many turns as it has parts.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tertulia import Arrival, Field, Json, Option, Resident, Seat
from tertulia_zoom.stand_in.chat import Written
from tertulia_zoom.stand_in.chat_page import HOME
from tertulia_zoom.stand_in.operations import Body
from tertulia_zoom.stand_in.server import ZoomServer

PATIENCE = 60.0
SHARES = {"employee": 4, "freelancer": 9, "contractor": 9}
"""One in so many has an account here."""
LINK = re.compile(r"https?://[^\s\"<>]+/a/[\w-]+")
SIGNS = "☐☑ "


@dataclass(frozen=True)
class _Seen:
    """Hold a message to somebody, with the label of each button by its verb."""

    user: str
    message: Written
    labels: dict[str, str]


class Players:
    """Act for the people of *server* who were settled there."""

    def __init__(self, server: ZoomServer):
        self._server = server
        self.people: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._read = 0
        self._seen: dict[str, _Seen] = {}

    def settle(self, residents: Sequence[Resident]) -> None:
        """Give the first, some of the employees and a few of the others accounts."""
        town = self._server.town
        for one in (one for number, one in enumerate(residents) if not number or _draw(one) == 0):
            user = town.add_user(one.name, one.email, zone=one.zone)
            self.people[one.email] = user
        self._emails = {user: email for email, user in self.people.items()}

    def arrivals(self) -> list[Arrival]:
        """Return what the bot wrote to one person alone since the last call, where there is something to do."""
        said = list(self._server.town.chat.messages.values())
        came, self._read = said[self._read :], len(said)
        by_address = {f"{user.lower()}@": user for user in self._emails}
        found = []
        for message in came:
            user = by_address.get(message.to.partition("@")[0] + "@")
            if user is not None and not message.writer and not message.deleted:
                arrival = self._arrival(user, message)
                found += [] if arrival is None else [arrival]
        return found

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Fill in a message part by part, each once the part before is shown, and press its button."""
        seen = self._seen.get(arrival.key)
        if seen is None or verb not in seen.labels:
            return False
        if verb != "pass":
            for field in arrival.fields:
                if field.key in values and not await self._fill(seen, field, values[field.key]):
                    return False
        known = seen.message.versions
        try:
            self._server.chatter.press(seen.user, seen.message, seen.labels[verb])
        except StopIteration:
            return False  # the message has changed
        await self._server.bot.quiet()
        # what was taken stands in the message; a refusal is a message of its own
        return seen.message.versions > known

    def seats(self, email: str) -> list[Seat]:
        """Return where one sits as a person: in Team Chat, and at the door of the meeting."""
        user = self.people.get(email)
        if user is None:
            return []
        here = urlencode({"as": user})
        url = self._server.url
        chat = Seat(label="Zoom chat", url=f"{url}{HOME}?{here}")
        return [chat, Seat(label="Zoom meeting", url=f"{url}/?{here}", kind="meeting")]

    async def _fill(self, seen: _Seen, field: Field, value: Any) -> bool:
        chatter, message = self._server.chatter, seen.message
        if field.kind in ("one", "scale"):
            return await self._turn(message, lambda: chatter.choose(seen.user, message, field.key, value))
        if field.kind in ("short", "long"):
            return await self._turn(message, lambda: chatter.fill_in(seen.user, message, field.key, value))
        ticks = list(value) if isinstance(value, list | tuple) else [field.key] if value else []
        for label in ticks:
            if not await self._turn(message, lambda label=label: chatter.press(seen.user, message, label)):
                return False
        return True

    async def _turn(self, message: Written, act: Any) -> bool:
        known = message.versions
        try:
            act()
        except (StopIteration, ValueError):
            return False  # the message has changed
        try:
            async with asyncio.timeout(PATIENCE):
                while message.versions == known:  # noqa: ASYNC110 - the message is changed by a request of the bot
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    def _arrival(self, user: str, message: Written) -> Arrival | None:
        content, key, email = message.content, message.id, self._emails[user]
        title = str((content.get("head") or {}).get("text", ""))
        labels = _labels(content)
        link = next((one.group() for text in _links(content) if (one := LINK.search(text))), None)
        if not labels and link is None:
            return None
        self._seen[key] = _Seen(user, message, labels)
        asked, verbs = tuple(fields(content)), tuple(labels)
        return Arrival(key=key, email=email, title=title, fields=asked, verbs=verbs, link=link)


def _draw(one: Resident) -> int:
    return zlib.crc32(one.email.encode()) % SHARES[one.worker_type]


def fields(content: Body) -> Iterator[Field]:
    """Read what can be filled in; a field is called by what it says, as on the screen."""
    for element in content.get("body") or ():
        if element["type"] == "select":
            options = tuple(Option(value=one["text"], label=one["text"]) for one in element["select_items"])
            yield Field(key=element["text"], kind="one", label=element["text"], options=options)
        elif element["type"] == "fields":
            for item in element["items"]:
                if item.get("editable"):
                    yield Field(key=item["key"], kind="long", label=item["key"])
        elif element["type"] == "actions":
            yield from _ticked([one for one in element["items"] if str(one["value"]).startswith("tick:")])


def _ticked(items: Sequence[Body]) -> Iterator[Field]:
    names = [str(one["text"]).lstrip(SIGNS) for one in items]
    if len(items) == 1 and str(items[0]["value"]).endswith(":"):
        yield Field(key=names[0], kind="confirm", label=names[0])
    elif items:
        options = tuple(Option(value=name, label=name) for name in names)
        yield Field(key="/".join(names), kind="many", label="", options=options)


def _labels(content: Body) -> dict[str, str]:
    """Return the label of each button that sends, by verb: the first that sends the form is the answer."""
    found: dict[str, str] = {}
    for element in content.get("body") or ():
        for item in element.get("items", ()) if element["type"] == "actions" else ():
            what, label = str(item["value"]).partition(":")[0], str(item["text"])
            if what == "send" and "answer" not in found:
                found["answer"] = label
            elif what in ("send", "plain"):
                found[label.lower()] = label
    return found


def _links(content: Body) -> Iterable[str]:
    for element in content.get("body") or ():
        if element["type"] == "message":
            yield str(element.get("link") or "")
            yield str(element.get("text") or "")
