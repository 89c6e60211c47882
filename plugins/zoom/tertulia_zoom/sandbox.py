"""Stand in for Zoom in the sandbox: an account of invented people with a weekly meeting."""

from __future__ import annotations

from tertulia import Json
from tertulia_zoom.stand_in.client import Clients
from tertulia_zoom.stand_in.entrance import Entrance
from tertulia_zoom.stand_in.server import ZoomServer

PEOPLE = ("Ana Sousa", "Ben Okafor", "Chen Wei", "Dalia Haddad", "Emil Larsen", "Fatou Diallo")


class ZoomSandbox:
    """Run a stand-in on a port that is free, or on *port*."""

    name = "zoom"

    def __init__(self, port: int = 0) -> None:
        self.server = ZoomServer(port=port)
        town = self.server.town
        mails = (f"{name.lower().replace(' ', '.')}@example.org" for name in PEOPLE)
        self.people = tuple(town.add_user(name, mail) for name, mail in zip(PEOPLE, mails, strict=True))
        self.weekly = town.add_meeting(self.people[0], "Weekly")
        town.chat.add_channel("Everyone", list(self.people))
        Entrance(Clients(self.server), self.weekly)

    async def start(self) -> Json:
        """Start serving and return the settings of an installation that uses it."""
        await self.server.__aenter__()
        return self.server.settings(scheduler=self.people[0])

    async def stop(self) -> None:
        """Stop serving."""
        await self.server.__aexit__()
