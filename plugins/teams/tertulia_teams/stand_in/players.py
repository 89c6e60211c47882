"""Let invented people live on the stand-in: read the cards in their chats, fill them in and press."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from tertulia import Arrival, Field, Json, Option, Resident, Seat
from tertulia_teams.stand_in.server import CARD, StandIn
from tertulia_teams.stand_in.tenant import Conversation, Message, Person

HOME = "/stand-in"
KINDS = frozenset({"one", "many", "scale", "short", "long", "confirm"})
TEAM = "Hub"


@dataclass(frozen=True)
class _Seen:
    """Hold a card in somebody's chat."""

    person: Person
    chat: Conversation
    message: Message


class Players:
    """Act for the people of *stand_in* who were settled there: everybody employed has an account."""

    def __init__(self, stand_in: StandIn):
        self._stand_in = stand_in
        self._people: dict[str, Person] = {}
        self._read: dict[str, int] = {}
        self._seen: dict[str, _Seen] = {}
        self.channel: Conversation | None = None

    def settle(self, residents: Sequence[Resident]) -> None:
        """Give the employees accounts, and a team with a channel."""
        tenant = self._stand_in.tenant
        for one in residents:
            if one.worker_type == "employee":
                self._people[one.email] = tenant.add_person(
                    one.name, one.email, language=one.language, department=one.team, employee_type="employee"
                )
        if self._people:
            (self.channel,) = tenant.add_team(TEAM, ["General"], self._people.values())

    async def open(self) -> None:
        """Add the app to the team; members get it when they are first written to."""
        if self.channel is not None and self._stand_in.endpoint:
            await self._stand_in.install_in(self.channel, next(iter(self._people.values())))

    def arrivals(self) -> list[Arrival]:
        """Return the cards with something to press that came since the last call."""
        return [arrival for email, person in self._people.items() for arrival in self._of(email, person)]

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Fill in a card and press its button."""
        seen = self._seen.get(arrival.key)
        content = None if seen is None else _content(seen.message.activity)
        action = next((one for one in _actions(content) if one.get("verb") == verb), None)
        if seen is None or action is None:
            return False
        given = {name: _written(value) for name, value in values.items()}
        turn = await self._stand_in.press(seen.person, seen.chat, seen.message, action, given)
        answer = turn.json() if turn.status == 200 else None
        # a card in place of the old one says that it was taken; a refusal is a text
        return isinstance(answer, dict) and answer.get("type") == CARD

    def seats(self, email: str) -> list[Seat]:
        """Return where one sits as a person."""
        person = self._people.get(email)
        if person is None:
            return []
        return [Seat(label="Teams", url=f"{self._stand_in.url}{HOME}?{urlencode({'as': person.id})}")]

    def _of(self, email: str, person: Person) -> list[Arrival]:
        chat = self._stand_in.tenant.chat(person)
        said, known = chat.messages, self._read.get(email, 0)
        if len(said) == known:
            return []
        self._read[email] = len(said)
        came = [one for one in list(said.values())[known:] if one.sender is None and not one.deleted]
        return [found for one in came if (found := self._arrival(email, person, chat, one)) is not None]

    def _arrival(self, email: str, person: Person, chat: Conversation, message: Message) -> Arrival | None:
        content = _content(message.activity)
        verbs = tuple(str(one["verb"]) for one in _actions(content) if one.get("verb"))
        if content is None or not verbs:
            return None
        key = f"{chat.id}/{message.id}"
        self._seen[key] = _Seen(person, chat, message)
        page = next((str(one["url"]) for one in _actions(content) if one.get("type") == "Action.OpenUrl"), None)
        return Arrival(key=key, email=email, title=_title(content), fields=fields(content), verbs=verbs, link=page)


def fields(content: Mapping[str, Any]) -> tuple[Field, ...]:
    """Read the inputs of a card."""
    return tuple(
        _field(element) for element in content.get("body") or () if str(element.get("type", "")).startswith("Input.")
    )


def _field(element: Mapping[str, Any]) -> Field:
    name = str(element["id"])
    kind = name.partition(".")[0]
    return Field(
        key=name,
        kind=cast("Any", kind if kind in KINDS else "short"),
        label=str(element.get("label") or element.get("title") or ""),
        options=tuple(
            Option(value=str(choice["value"]), label=str(choice["title"])) for choice in element.get("choices") or ()
        ),
        required=bool(element.get("isRequired")),
    )


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _content(activity: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = (one.get("content") for one in activity.get("attachments") or () if one.get("contentType") == CARD)
    return next((one for one in found if isinstance(one, Mapping)), None)


def _actions(content: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return list(content.get("actions") or ()) if content is not None else []


def _title(content: Mapping[str, Any]) -> str:
    headings = (str(one.get("text", "")) for one in content.get("body") or () if one.get("style") == "heading")
    return next(headings, "")
