"""Stand in for Teams in the sandbox: a tenant of invented people, and a page where one sits as any of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tertulia import Arrival, Clock, Json, Place, Resident, Seat
from tertulia_teams.config import PLATFORM
from tertulia_teams.stand_in.page import HOME, Page
from tertulia_teams.stand_in.players import Players
from tertulia_teams.stand_in.server import StandIn

logger = logging.getLogger(__name__)
PEOPLE = (
    "Ana Sousa",
    "Ben Okafor",
    "Chen Wei",
    "Dalia Haddad",
    "Emil Larsen",
    "Fatou Diallo",
    "Giulia Conti",
    "Hiro Tanaka",
)
GUESTS = ("Inés Vidal", "Jonas Weber")
RATE = 1000
"""Requests a second that the stand-in takes: the time that people live by runs faster than its own."""


class TeamsSandbox:
    """Run a stand-in on a port that is free, or on *port*."""

    name = "teams"

    def __init__(self, port: int = 0) -> None:
        self.stand_in = StandIn(port=port)
        self._players = Players(self.stand_in)

    async def start(self) -> Json:
        """Start serving and return the settings of an installation that uses it."""
        if not self.stand_in.tenant.people:
            populate(self.stand_in)
        self.stand_in.extend(Page(self.stand_in).attach)
        await self.stand_in.__aenter__()
        logger.info("Teams stands in at %s", self.page)
        return self.stand_in.settings(rate=RATE)

    async def stop(self) -> None:
        """Stop serving."""
        await self.stand_in.__aexit__()

    def settle(self, residents: Sequence[Resident], clock: Clock) -> None:
        """Give everybody employed an account."""
        self._players.settle(residents)

    def places(self) -> Sequence[Place]:
        """Return the channel of everybody's team."""
        channel = self._players.channel
        return () if channel is None else (Place(platform=PLATFORM, ref=channel.id, kind="channel"),)

    async def open(self) -> None:
        """Add the app to the team."""
        await self._players.open()

    def arrivals(self) -> Sequence[Arrival]:
        """Return the cards that came since the last call."""
        return self._players.arrivals()

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Fill in a card and press its button."""
        return await self._players.press(arrival, verb, values)

    def seats(self, email: str) -> Sequence[Seat]:
        """Return where one sits as a person."""
        return self._players.seats(email)

    @property
    def page(self) -> str:
        """Return where one sits as a member."""
        return self.stand_in.url + HOME


def populate(stand_in: StandIn) -> None:
    """Invent a tenant: people, two of them guests, a team and a weekly meeting."""
    tenant = stand_in.tenant
    people = [tenant.add_person(name, _mail(name, "example.org"), language="en-GB") for name in PEOPLE]
    people += [tenant.add_person(name, _mail(name, "guests.example"), guest=True) for name in GUESTS]
    tenant.add_team("Everyone", ["General", "Coffee"], people)
    tenant.add_meeting("Weekly", people[0], people)


def _mail(name: str, domain: str) -> str:
    plain = name.lower().replace(" ", ".").encode("ascii", "ignore").decode()
    return f"{plain}@{domain}"
