"""Rates with their intervals: shares, differences of shares, counts per headcount, and how unequal counts are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.stats import chi2

from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate

FEWEST_LEAVERS = 3


def to_step(value: float, step: float) -> float:
    """Round *value* to the nearest multiple of *step*."""
    return round(round(value / step) * step, 10)


def difference(first: tuple[int, int], second: tuple[int, int]) -> Estimate | None:
    """Return by how many percentage points the share *first* (count, n) exceeds *second*, with Newcombe's interval.

    The hybrid score interval without continuity correction, method 10 of Newcombe, "Interval estimation for the
    difference between independent proportions", Statistics in Medicine 17 (1998) 873-890.
    """
    one, other = scoring.share(*first), scoring.share(*second)
    if one is None or other is None:
        return None
    between = one.value - other.value
    return Estimate(
        between,
        between - math.hypot(one.value - one.low, other.high - other.value),
        between + math.hypot(one.high - one.value, other.value - other.low),
        first[1] + second[1],
    )


def difference_of(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two published shares by Newcombe's formula, their intervals holding the rounding."""
    between = first.value - second.value
    return Estimate(
        between,
        max(-100.0, between - math.hypot(first.value - first.low, second.high - second.value)),
        min(100.0, between + math.hypot(first.high - first.value, second.value - second.low)),
        first.n + second.n,
    )


def off_the_ends(estimate: Estimate, least: float, most: float, edge: float) -> Estimate:
    """Tell nothing finer than *edge* about the ends of what is possible, from *least* to *most*.

    At an end itself a figure would say of each of the people that something is so, or is not. Near to one the figure
    is therefore the same, whether or not all of them are alike.
    """
    value, low, high, n = estimate.value, estimate.low, estimate.high, estimate.n
    if value < least + edge:
        return Estimate(least + edge, least, max(high, least + 4 * edge), n)
    if value > most - edge:
        return Estimate(most - edge, min(low, most - 4 * edge), most, n)
    return estimate


def poisson(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a Poisson count (Garwood, Biometrika 28, 1936)."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * (count + 1)) / 2)


def per_headcount(counts: tuple[int, int, int], headcount: float, per_year: float) -> Estimate:
    """Return a count (about, at least, at most) in percent of the average *headcount* a year.

    The headcount is rounded to five first, and the interval holds what both roundings took away.
    """
    about, least, most = counts
    known = max(5.0, to_step(headcount, 5))
    scale = 100 * per_year
    return Estimate(
        scale * about / known,
        scale * poisson(least)[0] / (known + 2.5),
        scale * poisson(most)[1] / max(2.5, known - 2.5),
        int(known),
    )


def gini(counts: Sequence[float]) -> float | None:
    """Return how unequal *counts* are, from 0 (all alike) to (n - 1) / n (one has all); `None` where all are 0.

    Σ (2 i - n - 1) x_i / (n Σ x) over the sorted counts.
    """
    n, total = len(counts), sum(counts)
    if not total:
        return None
    return sum((2 * place - n - 1) * one for place, one in enumerate(sorted(counts), start=1)) / (n * total)
