"""Start the stand-in for the sandbox, with a board and invented members."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia import Arrival, Clock, Json, Place, Resident, Seat
from tertulia_trello.actions import PLATFORM
from tertulia_trello.stand_in.players import Players
from tertulia_trello.stand_in.server import TrelloServer
from tertulia_trello.stand_in.state import Town

PEOPLE = (("ada_invented", "Ada Invented"), ("ben_invented", "Ben Invented"), ("carla_invented", "Carla Invented"))


class StandIn:
    """Be the sandbox's Trello."""

    name = "trello"

    def __init__(self) -> None:
        self.server: TrelloServer | None = None
        self._town = Town()
        self._players = Players(self._town)

    async def start(self) -> Json:
        """Serve a small town and return the settings for it."""
        if not self._players.people:
            self._furnish()
        self.server = TrelloServer(town=self._town)
        self._players.serve(self.server)
        await self.server.__aenter__()
        board = self._players.board
        return self.server.settings(**({"group_board": board} if board else {}))

    async def stop(self) -> None:
        """Stop serving."""
        if self.server is not None:
            await self.server.__aexit__(None, None, None)
            self.server = None

    def settle(self, residents: Sequence[Resident], clock: Clock) -> None:
        """Give some of the people accounts, and a board."""
        self._town.now = clock.now
        self._players.settle(residents)

    def places(self) -> Sequence[Place]:
        """Return the board."""
        return tuple(Place(platform=PLATFORM, ref=ref, kind="board") for ref in self._town.boards)

    async def open(self) -> None:
        """Do nothing: the plugin reads its board by itself."""

    def arrivals(self) -> Sequence[Arrival]:
        """Return the ritual cards that came since the last call."""
        return self._players.arrivals()

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Comment on a card, or tick."""
        return await self._players.press(arrival, verb, values)

    def seats(self, email: str) -> Sequence[Seat]:
        """Return where one sits as a member."""
        return self._players.seats(email)

    def _furnish(self) -> None:
        members = [self._town.member(username, name) for username, name in PEOPLE]
        board = self._town.board("Everyone", *members)
        to_do = self._town.add_list(board, "To do")
        self._town.card(members[0], to_do, "Draw the floor plan")
        self._town.card(members[1], to_do, "Ask the printers")
