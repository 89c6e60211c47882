"""Let invented people live on the board: comment on ritual cards, tick what their group did, and do some work."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tertulia import Arrival, Field, Json, Resident, Seat
from tertulia_trello.stand_in.server import TrelloServer
from tertulia_trello.stand_in.state import Body, Missing, Town

SHARES = {"employee": 6, "freelancer": 4, "contractor": 4}
"""One in so many has an account here."""
ASKS = "**Answer with a comment**"
WORD = "comment"
CARDS = ("Draw the floor plan", "Ask the printers", "Translate the guide", "Book the room", "Cut the film")


@dataclass(frozen=True)
class _Seen:
    """Hold a card as a member sees it."""

    member: str
    card: str


class Players:
    """Act for the people of *town* who were settled there, on the one board that they share."""

    def __init__(self, town: Town):
        self._town = town
        self._server: TrelloServer | None = None
        self.people: dict[str, str] = {}
        self.board = ""
        self._read = 0
        self._seen: dict[str, _Seen] = {}

    def settle(self, residents: Sequence[Resident]) -> None:
        """Give the first, some of the freelancers and a few of the others accounts."""
        chosen = [one for number, one in enumerate(residents) if not number or _draw(one) == 1]
        for number, one in enumerate(chosen):
            self.people[one.email] = self._town.member(f"invented_{number}", one.name, one.email)
        members = list(self.people.values())
        self.board = self._town.board("Everyone", *members)
        to_do = self._town.add_list(self.board, "To do")
        for number, title in enumerate(CARDS):
            self._town.card(members[number % len(members)], to_do, title)
        self._read = len(self._town.cards)

    def serve(self, server: TrelloServer) -> None:
        """Take note of what tells the service of what happens here."""
        self._server = server

    def arrivals(self) -> list[Arrival]:
        """Return the ritual cards that came since the last call, for everybody who may answer on them."""
        cards = list(self._town.cards.values())
        came, self._read = cards[self._read :], len(cards)
        return [arrival for card in came for arrival in self._of(card)]

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Comment, or tick, and wait until the service has heard of it."""
        seen = self._seen.get(arrival.key)
        if seen is None or self._town.cards.get(seen.card, {"closed": True})["closed"]:
            return False
        try:
            if verb == "pass":
                self._town.comment(seen.member, seen.card, "pass")
            for key, value in values.items() if verb == "answer" else ():
                if key == WORD:
                    self._town.comment(seen.member, seen.card, str(value))
                elif value:
                    self._town.tick(seen.member, key)
        except Missing:
            return False
        if self._server is not None:
            await self._server.quiet()
        return True

    def seats(self, email: str) -> list[Seat]:
        """Return where one sits as a member of the board."""
        member = self.people.get(email)
        if member is None or self._server is None:
            return []
        url = f"{self._server.url}/board/{self.board}?{urlencode({'as': member})}"
        return [Seat(label="Trello", url=url, kind="board")]

    def _of(self, card: Body) -> list[Arrival]:
        asks, ticks = ASKS in card["desc"], _ticks(self._town, card)
        if card["closed"] or not (asks or (ticks and card["idMembers"])):
            return []
        mine = card["idMembers"]
        found = []
        for email, member in self.people.items():
            if mine and member not in mine:
                continue
            key = f"{card['id']}/{member}"
            self._seen[key] = _Seen(member, card["id"])
            fields = (Field(key=WORD, kind="long", label=card["name"], required=True), *ticks) if asks else ticks
            verbs = ("answer", "pass") if asks else ("answer",)
            title = card["name"]
            found.append(Arrival(key=key, email=email, title=title, fields=fields, verbs=verbs, shared=True))
        return found


def _draw(one: Resident) -> int:
    return zlib.crc32(one.email.encode()) % SHARES[one.worker_type]


def _ticks(town: Town, card: Mapping[str, Any]) -> tuple[Field, ...]:
    items = [item for one in card["idChecklists"] for item in town.checklists[one]["checkItems"]]
    return tuple(Field(key=item["id"], kind="confirm", label=item["name"]) for item in items)
