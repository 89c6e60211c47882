"""Larger groups that can talk: three people whom every two of share an hour or a language may share none together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from tertulia.matching.arrays import Floats
from tertulia.matching.assignment import Group
from tertulia.matching.costs import by_size, with_talk
from tertulia.matching.roster import Roster
from tertulia.matching.rules import BIGGEST, Breach

NEAR = 150
"""So many other groups are tried for a change of places; all are tried for a move."""

Change = tuple[float, dict[int, Group]]


def mended(roster: Roster, cost: Floats, groups: Sequence[Group], size: int) -> list[Group]:
    """Change the groups that cannot talk as a whole, wherever that costs less than leaving them."""
    tables = dict(enumerate(groups))
    sizes = by_size(size)
    waiting = [key for key, group in tables.items() if _mute(roster, group)]
    while waiting:
        key = waiting.pop(0)
        if key not in tables or not _mute(roster, tables[key]):
            continue
        gain, change = min(_changes(roster, cost, tables, key, sizes), default=(0.0, {}), key=lambda item: item[0])
        if gain < -0.5:
            tables.update(change)
            tables = {other: group for other, group in tables.items() if group}
            waiting += [other for other in change if other in tables]
    return list(tables.values())


def _mute(roster: Roster, group: Group) -> bool:
    return len(group) > 2 and roster.together(group) != Breach.NONE


def _changes(roster: Roster, cost: Floats, tables: dict[int, Group], key: int, sizes: Floats) -> Iterator[Change]:
    def price(*groups: Group) -> float:
        return sum(with_talk(roster, cost, group, sizes) for group in groups if group)

    group = tables[key]
    before = price(group)
    fresh = max(tables) + 1
    for part in _splits(group):
        rest = _less(group, part)
        yield price(part, rest) - before, {key: rest, fresh: part}
    others = [other for other in tables if other != key]
    for other in others:
        if len(tables[other]) < BIGGEST:
            there = price(tables[other])
            for person in group:
                stay, grown = _less(group, (person,)), (*tables[other], person)
                yield price(stay, grown) - before - there, {key: stay, other: grown}
    for other in others[:NEAR]:
        there = price(tables[other])
        for person in group:
            for guest in tables[other]:
                here, away = _put(group, person, guest), _put(tables[other], guest, person)
                yield price(here, away) - before - there, {key: here, other: away}


def _splits(group: Group) -> Iterator[Group]:
    if len(group) == 4:
        yield from ((group[0], mate) for mate in group[1:])
    yield from combinations(group, 1)


def _less(group: Group, part: Iterable[int]) -> Group:
    gone = set(part)
    return tuple(person for person in group if person not in gone)


def _put(group: Group, leaves: int, comes: int) -> Group:
    return tuple(comes if person == leaves else person for person in group)
