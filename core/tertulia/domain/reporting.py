"""Who leads whom: the line from a person up to the top, and everybody below."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from tertulia.domain.identifiers import Id


def line_of(person: Id, managers: Mapping[Id, Id]) -> frozenset[Id]:
    """Return everyone above and below *person*; *managers* maps each person to who leads them.

    A circle in the data ends where it began.
    """
    above: set[Id] = set()
    one = managers.get(person)
    while one is not None and one not in above and one != person:
        above.add(one)
        one = managers.get(one)
    reports: dict[Id, list[Id]] = defaultdict(list)
    for led, leader in managers.items():
        reports[leader].append(led)
    below: set[Id] = set()
    waiting = list(reports[person])
    while waiting:
        led = waiting.pop()
        if led not in below and led != person:
            below.add(led)
            waiting.extend(reports[led])
    return frozenset(above | below)
