"""Unite joins, leaves and rejoins into who was there: pure functions over stays, from events or from reports.

Somebody attended who was there for 5 minutes, or for a quarter of a shorter meeting (`facts/measurement.md`, funnel).
Two devices at once count once. A tie needs that much time together. Newman's weight, 1 / (people - 1), keeps a large
group from outweighing a talk of two (Phys. Rev. E 64, 016132, 2001); beyond 25 people there is no talk with each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import TypeAlias

ENOUGH = timedelta(minutes=5)
SHARE = 4
"""A quarter."""
MOST = 25
"""People of a room whom it ties to each other; more are a crowd."""
NOTHING = timedelta(0)
Interval: TypeAlias = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Stay:
    """Hold one connection of somebody; *left* is `None` where nobody said, *room* a breakout room.

    *who* is an account, or stands for a guest whom nobody knows. *session* is what Zoom calls the connection.
    """

    who: str
    session: str
    joined: datetime
    left: datetime | None = None
    room: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attendance:
    """Hold who attended and when, and who was together, each pair once, with its weight."""

    present: Mapping[str, tuple[Interval, ...]]
    together: Mapping[tuple[str, str], float]


def attendance(stays: Iterable[Stay], started: datetime, ended: datetime) -> Attendance:
    """Say who attended a meeting that took place between two instants."""
    known = [_closed(stay, ended) for stay in stays]
    length = max(ended - started, NOTHING)
    spent = {who: united(mine) for who, mine in _by_person(known).items()}
    present = {who: times for who, times in spent.items() if enough(times, length)}
    together = _pairs(present, present, length)
    rooms: dict[str, list[tuple[str, Interval]]] = defaultdict(list)
    for stay, times in known:
        if stay.room is not None:
            rooms[stay.room].append((stay.who, times))
    for inside in rooms.values():
        people: dict[str, list[Interval]] = defaultdict(list)
        for who, times in inside:
            people[who].append(times)
        for pair, weight in _pairs({who: united(times) for who, times in people.items()}, present, length).items():
            together[pair] = max(weight, together.get(pair, 0.0))
    return Attendance(present=present, together=together)


def united(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the union of intervals, in order; those that touch become one."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def enough(times: Sequence[Interval], length: timedelta) -> bool:
    """Tell whether that much time of a meeting of that *length* is attendance."""
    total = sum((end - start for start, end in times), NOTHING)
    return total >= ENOUGH or (length > NOTHING and total * SHARE >= length)


def shared(one: Sequence[Interval], other: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return when two people were there at the same time."""
    both = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple((start, end) for start, end in both if start < end)


def _closed(stay: Stay, ended: datetime) -> tuple[Stay, Interval]:
    left = ended if stay.left is None else stay.left
    return stay, (stay.joined, max(stay.joined, left))


def _by_person(known: Iterable[tuple[Stay, Interval]]) -> dict[str, list[Interval]]:
    people: dict[str, list[Interval]] = defaultdict(list)
    for stay, times in known:
        people[stay.who].append(times)
    return people


def _pairs(
    people: Mapping[str, Sequence[Interval]], attended: Mapping[str, object], length: timedelta
) -> dict[tuple[str, str], float]:
    if not 2 <= len(people) <= MOST:
        return {}
    weight = 1 / (len(people) - 1)
    pairs = combinations(sorted(who for who in people if who in attended), 2)
    return {(a, b): weight for a, b in pairs if enough(shared(people[a], people[b]), length)}
