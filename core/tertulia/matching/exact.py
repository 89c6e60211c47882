"""The best groups of a few people, by trying every way to form them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations

from tertulia.matching.assignment import Group
from tertulia.matching.rules import BIGGEST

FEW = 10
"""Up to that many people all ways are tried."""


def partition(count: int, cost: Callable[[Group], float]) -> list[Group]:
    """Return the groups of least total *cost*; of equal ones the first in the order of people."""
    priced = {group: cost(group) for size in range(1, BIGGEST + 1) for group in combinations(range(count), size)}

    @cache
    def best(left: Group) -> tuple[float, tuple[Group, ...]]:
        if not left:
            return 0.0, ()
        first, others = left[0], left[1:]
        ways = []
        for size in range(min(BIGGEST, len(left))):
            for mates in combinations(others, size):
                total, groups = best(tuple(person for person in others if person not in mates))
                ways.append((total + priced[(first, *mates)], ((first, *mates), *groups)))
        return min(ways, key=lambda way: way[0])

    return list(best(tuple(range(count)))[1])
