"""Start the stand-in for the sandbox, with a board and invented members."""

from __future__ import annotations

from tertulia import Json
from tertulia_trello.stand_in.server import TrelloServer
from tertulia_trello.stand_in.state import Town

PEOPLE = (("ada_invented", "Ada Invented"), ("ben_invented", "Ben Invented"), ("carla_invented", "Carla Invented"))


class StandIn:
    """Be the sandbox's Trello."""

    name = "trello"

    def __init__(self) -> None:
        self.server: TrelloServer | None = None

    async def start(self) -> Json:
        """Serve a small town and return the settings for it."""
        town = Town()
        members = [town.member(username, name) for username, name in PEOPLE]
        board = town.board("Everyone", *members)
        to_do = town.add_list(board, "To do")
        town.card(members[0], to_do, "Draw the floor plan")
        town.card(members[1], to_do, "Ask the printers")
        self.server = TrelloServer(town=town)
        await self.server.__aenter__()
        return self.server.settings()

    async def stop(self) -> None:
        """Stop serving."""
        if self.server is not None:
            await self.server.__aexit__(None, None, None)
            self.server = None
