"""Turns in a live round: an order that anybody can check, and a clock that needs nobody to watch it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

SHORTEST, LONGEST = 10, 600
"""Seconds of one turn."""


def in_turn(seats: Collection[str], seed: str) -> tuple[str, ...]:
    """Return *seats* in the order in which they speak: drawn from *seed*, the same everywhere."""
    return tuple(sorted(seats, key=lambda seat: (hashlib.sha256(f"{seed}:{seat}".encode()).digest(), seat)))


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Hold who speaks in which order; from *since* on *number* (counted from 0) speaks, then the next, and so on."""

    people: tuple[str, ...]
    seconds: int
    number: int
    since: datetime

    def at(self, now: datetime) -> Turns:
        """Return the same turns, counted from the start of the one that is going on at *now*."""
        passed = max(0, int((now - self.since) / timedelta(seconds=self.seconds)))
        steps = min(passed, len(self.people) - self.number)
        return replace(self, number=self.number + steps, since=self.since + timedelta(seconds=self.seconds) * steps)

    @property
    def ends(self) -> datetime | None:
        """Tell when the turn that is going on ends; `None` once all have spoken."""
        return self.since + timedelta(seconds=self.seconds) if self.number < len(self.people) else None

    def moved_on(self, number: int, now: datetime) -> Turns:
        """End turn *number* at *now*; one that has ended already is left as it is."""
        current = self.at(now)
        if current.number != number or current.ends is None:
            return current
        return replace(current, number=number + 1, since=now)

    def joined(self, seat: str, now: datetime) -> Turns:
        """Let somebody who came late speak last; once all have spoken, from *now* on."""
        current = self.at(now)
        if seat in current.people:
            return current
        since = current.since if current.ends else now
        return replace(current, people=(*current.people, seat), since=since)

    def without(self, seat: str, now: datetime) -> Turns:
        """Leave somebody out who went; whoever has spoken stays counted, and whoever speaks hands on."""
        current = self.at(now)
        place = current.people.index(seat) if seat in current.people else -1
        if place < current.number:
            return current
        people = tuple(one for one in current.people if one != seat)
        return replace(current, people=people, since=now if place == current.number else current.since)
