"""Breakout rooms of one meeting, with the limits and errors that the SDK documents."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

MOST = 50


class Wrong(Exception):
    """Refuse a call as the client does, with the code that its documentation names."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Room:
    """Hold one room and who is assigned to it."""

    id: str
    name: str
    people: list[str] = field(default_factory=list)


@dataclass
class Rooms:
    """Hold the rooms of a meeting."""

    rooms: list[Room] = field(default_factory=list)
    opened: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def create(self, data: dict[str, Any]) -> dict[str, Any]:
        """Make rooms in place of those there are."""
        number, names = data.get("numberOfRooms"), data.get("names")
        if isinstance(names, list) and number not in (None, len(names)):
            raise Wrong(10122, "Bo count and the name size do not match.")
        count = len(names) if isinstance(names, list) else number
        if not isinstance(count, int) or not 1 <= count <= MOST:
            raise Wrong(10095, "The count is over the max count.")
        if data.get("assign") not in ("automatically", "manually", "participantsChoose"):
            raise Wrong(10096, "The assignment type is incorrect.")
        if self.opened:
            raise Wrong(10097, "Create Breakout Room failed.")
        called = names if isinstance(names, list) else [f"Room {place + 1}" for place in range(count)]
        self.rooms = [Room(secrets.token_hex(16), str(name)) for name in called]
        return self.told()

    def configure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Change settings; only those that are named change."""
        self.settings |= data
        return {name: int(value) if isinstance(value, bool) else value for name, value in self.settings.items()}

    def assign(self, data: dict[str, Any], here: set[str]) -> dict[str, Any]:
        """Put a participant into a room, out of any other."""
        participant, room = data.get("participantUUID"), data.get("uuid")
        chosen = next((one for one in self.rooms if one.id == room), None)
        if chosen is None or participant not in here:
            raise Wrong(10104, "Assign participant to breakout room failed.")
        for one in self.rooms:
            one.people = [who for who in one.people if who != participant]
        chosen.people.append(participant)
        return {"message": "Success"}

    def open(self) -> None:
        """Open the rooms."""
        if self.opened:
            raise Wrong(10121, "Breakout Rooms are already open.")
        if not self.rooms:
            raise Wrong(10100, "Start Breakout Rooms failed.")
        self.opened = True

    def close(self) -> None:
        """Close the rooms."""
        self.opened = False

    def of(self, participant: str) -> Room | None:
        """Return the room of a participant."""
        return next((one for one in self.rooms if participant in one.people), None)

    def told(self) -> dict[str, Any]:
        """Describe the rooms as the SDK does."""
        rooms = [{"breakoutRoomId": one.id, "name": one.name, "participants": []} for one in self.rooms]
        return {"rooms": rooms, "state": "open" if self.opened else "closed", "unassigned": []}
