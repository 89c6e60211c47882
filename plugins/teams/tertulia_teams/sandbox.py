"""Stand in for Teams in the sandbox: a tenant of invented people, and a page where one sits as any of them."""

from __future__ import annotations

import logging

from tertulia import Json
from tertulia_teams.stand_in.page import HOME, Page
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


class TeamsSandbox:
    """Run a stand-in on a port that is free, or on *port*."""

    name = "teams"

    def __init__(self, port: int = 0) -> None:
        self.stand_in = StandIn(port=port)
        populate(self.stand_in)

    async def start(self) -> Json:
        """Start serving and return the settings of an installation that uses it."""
        self.stand_in.extend(Page(self.stand_in).attach)
        await self.stand_in.__aenter__()
        logger.info("Teams stands in at %s", self.page)
        return self.stand_in.settings()

    async def stop(self) -> None:
        """Stop serving."""
        await self.stand_in.__aexit__()

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
