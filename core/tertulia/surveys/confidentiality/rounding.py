"""Counts as bands: what is published says that a count lies between two numbers, and never which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tertulia.domain.surveys import FEWEST_ANSWERS, round_to_base

Base: TypeAlias = Literal[5, 10]
FEW = 10
"""Below that many answers a figure is low, middle or high, and nothing finer."""


@dataclass(frozen=True)
class Band:
    """Hold a rounded count and the smallest and the largest count that it may stand for."""

    value: int
    low: int
    high: int


def bands(n: int, base: Base) -> list[Band]:
    """Return the bands of a count among *n* answers, in order; together they hold each of 0 to *n* once.

    Every band holds at least two counts: one at the end that would hold fewer is joined to its neighbour. Fewer
    answers than `FEW` have three bands, and below `FEWEST_ANSWERS` or with a base of ten there are none.
    """
    if n < FEWEST_ANSWERS or (n < FEW and base > FEWEST_ANSWERS):
        return []
    if n < FEW:
        edge = (n - 1) // 3
        return [Band(0, 0, edge), Band(n // 2, edge + 1, n - edge - 1), Band(n, n - edge, n)]
    found: list[Band] = []
    for count in range(n + 1):
        value = round_to_base(count, base)
        if found and (found[-1].value == value or (count == n and found[-1].value != value)):
            found[-1] = Band(found[-1].value, found[-1].low, count)
        else:
            found.append(Band(value, count, count))
    return found


def band(count: int, n: int, base: Base) -> Band:
    """Return the band that *count* among *n* falls into."""
    return next(one for one in bands(n, base) if one.low <= count <= one.high)
