"""A small Trello on loopback: the operations that the plugin uses, and a page to act as a member on a board."""

from __future__ import annotations

from tertulia_trello.stand_in.faults import Fault
from tertulia_trello.stand_in.sandbox import StandIn
from tertulia_trello.stand_in.server import Arrival, TrelloServer
from tertulia_trello.stand_in.state import Town

__all__ = ["Arrival", "Fault", "StandIn", "Town", "TrelloServer"]
