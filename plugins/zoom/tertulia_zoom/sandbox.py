"""Stand in for Zoom in the sandbox: an account of invented people with a weekly meeting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tertulia import Arrival, Clock, Json, Place, Resident, Seat
from tertulia_zoom.stand_in.client import Clients
from tertulia_zoom.stand_in.entrance import Entrance
from tertulia_zoom.stand_in.players import Players
from tertulia_zoom.stand_in.server import ZoomServer
from tertulia_zoom.webhooks import PLATFORM

PEOPLE = ("Ana Sousa", "Ben Okafor", "Chen Wei", "Dalia Haddad", "Emil Larsen", "Fatou Diallo")


class ZoomSandbox:
    """Run a stand-in on a port that is free, or on *port*."""

    name = "zoom"

    def __init__(self, port: int = 0) -> None:
        self.server = ZoomServer(port=port)
        self.people: tuple[str, ...] = ()
        self.weekly = ""
        self._players = Players(self.server)
        self._clients = Clients(self.server)

    async def start(self) -> Json:
        """Start serving and return the settings of an installation that uses it."""
        if not self.people:
            mails = (f"{name.lower().replace(' ', '.')}@example.org" for name in PEOPLE)
            self._furnish([self.server.town.add_user(*one) for one in zip(PEOPLE, mails, strict=True)])
        await self.server.__aenter__()
        return self.server.settings(scheduler=self.people[0], plan="business")

    async def stop(self) -> None:
        """Stop serving."""
        await self.server.__aexit__()

    def settle(self, residents: Sequence[Resident], clock: Clock) -> None:
        """Give some of the people accounts."""
        self.server.town.now = clock.now
        self._players.settle(residents)
        self._furnish(self._players.people.values())

    def places(self) -> Sequence[Place]:
        """Return the channel that everybody with an account is in."""
        return tuple(Place(platform=PLATFORM, ref=ref, kind="channel") for ref in self.server.town.chat.channels)

    async def open(self) -> None:
        """Do nothing: who is in the account can be written to."""

    def arrivals(self) -> Sequence[Arrival]:
        """Return what the bot wrote to people since the last call."""
        return self._players.arrivals()

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Fill in a message and press its button."""
        return await self._players.press(arrival, verb, values)

    def seats(self, email: str) -> Sequence[Seat]:
        """Return where one sits as a person."""
        return self._players.seats(email)

    def _furnish(self, users: Iterable[str]) -> None:
        town, self.people = self.server.town, tuple(users)
        self.weekly = town.add_meeting(self.people[0], "Weekly")
        town.chat.add_channel("Everyone", list(self.people))
        Entrance(self._clients, self.weekly)
