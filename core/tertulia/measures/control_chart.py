"""Control charts: whether a share still varies as it always did; told from twelve points on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

FEWEST = 12
"""With fewer points there is no chart."""
LARGE = 300
"""From so many answers a point on, on average, limits follow what the points do, and not the binomial law alone."""
RUN = 8
"""That many points in a row on one side of the centre are a signal (Western Electric's fourth rule)."""
UNBIASED = 1.128
"""The mean range of two draws from a normal law, in its standard deviations."""
Kind: TypeAlias = Literal["p", "np", "p′", "individuals"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """Hold one point with its limits; *beyond* is whether it lies outside of them, *run* whether it ends a run."""

    value: float
    low: float
    high: float
    beyond: bool = False
    run: bool = False


@dataclass(frozen=True, kw_only=True)
class ControlChart:
    """Hold a chart; *spread* is how many times as wide as the binomial law the limits are, 1 unless Laney's."""

    kind: Kind
    centre: float
    points: tuple[Point, ...]
    spread: float = 1.0

    @property
    def signals(self) -> tuple[int, ...]:
        """The places of the points that are signals."""
        return tuple(place for place, one in enumerate(self.points) if one.beyond or one.run)


def chart(counts: Sequence[float], sizes: Sequence[int]) -> ControlChart | None:
    """Return the p chart of *counts* of *sizes*, Laney's p′ where these are large; `None` of too few points."""
    if len(counts) < FEWEST or not all(size > 0 for size in sizes):
        return None
    return laney_chart(counts, sizes) if sum(sizes) >= LARGE * len(sizes) else p_chart(counts, sizes)


def p_chart(counts: Sequence[float], sizes: Sequence[int]) -> ControlChart:
    """Return the p chart: limits three standard deviations of a binomial share around the overall share."""
    centre = sum(counts) / sum(sizes)
    return _shares("p", centre, counts, sizes, 1.0)


def np_chart(counts: Sequence[float], size: int) -> ControlChart:
    """Return the np chart: the p chart of samples that are all of one *size*, in counts."""
    shares = p_chart(counts, [size] * len(counts))
    points = [
        Point(value=count, low=size * one.low, high=size * one.high, beyond=one.beyond, run=one.run)
        for count, one in zip(counts, shares.points, strict=True)
    ]
    return ControlChart(kind="np", centre=size * shares.centre, points=tuple(points))


def laney_chart(counts: Sequence[float], sizes: Sequence[int]) -> ControlChart:
    """Return Laney's p′ chart: the limits of the p chart times how much the points really vary from one to the next.

    That is the mean moving range of the standardised shares over 1.128 (Laney, "Improved control charts for
    attributes", Quality Engineering 14, 2002).
    """
    centre = sum(counts) / sum(sizes)
    scores = [
        (count / size - centre) / deviation if (deviation := _deviation(centre, size)) else 0.0
        for count, size in zip(counts, sizes, strict=True)
    ]
    return _shares("p′", centre, counts, sizes, _mean_range(scores) / UNBIASED)


def individuals_chart(values: Sequence[float]) -> ControlChart:
    """Return the chart of single values: three times the mean moving range over 1.128 around their mean."""
    centre = sum(values) / len(values)
    reach = 3 * _mean_range(values) / UNBIASED
    return _charted("individuals", centre, [(one, centre - reach, centre + reach) for one in values], 1.0)


def _shares(kind: Kind, centre: float, counts: Sequence[float], sizes: Sequence[int], spread: float) -> ControlChart:
    found = []
    for count, size in zip(counts, sizes, strict=True):
        reach = 3 * spread * _deviation(centre, size)
        found.append((count / size, max(0.0, centre - reach), min(1.0, centre + reach)))
    return _charted(kind, centre, found, spread)


def _deviation(share: float, size: int) -> float:
    return math.sqrt(share * (1 - share) / size)


def _mean_range(values: Sequence[float]) -> float:
    ranges = [abs(after - before) for before, after in pairwise(values)]
    return sum(ranges) / len(ranges) if ranges else 0.0


def _charted(kind: Kind, centre: float, found: Sequence[tuple[float, float, float]], spread: float) -> ControlChart:
    points, side, length = [], 0, 0
    for value, low, high in found:
        now = (value > centre) - (value < centre)
        length = length + 1 if now == side and now else int(now != 0)
        side = now
        points.append(
            Point(value=value, low=low, high=high, beyond=not low <= value <= high, run=length >= RUN and now != 0)
        )
    return ControlChart(kind=kind, centre=centre, points=tuple(points), spread=spread)
