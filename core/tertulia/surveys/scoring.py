"""Scores with their intervals, computed from published counts and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

Z = NormalDist().inv_cdf(0.975)
"""For intervals that hold the true value 95 times in 100."""
FEW_FOR_A_SCORE = 20
"""Of fewer answers a recommendation score is given as a band."""
ScoreBand: TypeAlias = Literal["low", "middle", "high"]


@dataclass(frozen=True)
class Estimate:
    """Hold a figure with its 95 % interval, and the number of answers behind it."""

    value: float
    low: float
    high: float
    n: int


def recommendation_score(promoters: int, passives: int, detractors: int) -> Estimate | None:
    """Return 100 (promoters - detractors) / n with the adjusted Wald interval.

    The value is the plain one; the interval is that of three more answers, 0.75 promoters, 1.5 passives and 0.75
    detractors (Rocks, "Interval estimation for the Net Promoter Score", The American Statistician 70, 2016).
    """
    n = promoters + passives + detractors
    if n == 0:
        return None
    center, error = _adjusted(promoters, passives, detractors)
    return Estimate(
        100 * (promoters - detractors) / n,
        max(-100.0, 100 * (center - Z * error)),
        min(100.0, 100 * (center + Z * error)),
        n,
    )


def _adjusted(promoters: float, passives: float, detractors: float) -> tuple[float, float]:
    n = promoters + passives + detractors + 3
    above, below = (promoters + 0.75) / n, (detractors + 0.75) / n
    return above - below, math.sqrt(max(0.0, above + below - (above - below) ** 2) / n)


def score_band(score: Estimate) -> ScoreBand:
    """Say in one word where a score lies that too few answers make a number of."""
    return "low" if score.value < 0 else "middle" if score.value < 30 else "high"


def recommendation_change(before: Sequence[int], after: Sequence[int]) -> tuple[Estimate, float]:
    """Return by how much the score changed, with the interval and a two-sided p; of three counts each.

    Answers of the same people are taken as independent, since nobody can pair them: the interval is too wide rather
    than too narrow.
    """
    first, second = _adjusted(*before), _adjusted(*after)
    change, error = second[0] - first[0], math.hypot(first[1], second[1])
    plain = [100 * (counts[0] - counts[2]) / max(1, sum(counts)) for counts in (before, after)]
    interval = Estimate(
        plain[1] - plain[0], 100 * (change - Z * error), 100 * (change + Z * error), sum(before) + sum(after)
    )
    return interval, 2 * (1 - NormalDist().cdf(abs(change) / error))


def share(count: int, n: int) -> Estimate | None:
    """Return *count* of *n* in percent with Wilson's score interval."""
    if n == 0:
        return None
    part, square = count / n, Z * Z
    center = (part + square / (2 * n)) / (1 + square / n)
    half = Z * math.sqrt(part * (1 - part) / n + square / (4 * n * n)) / (1 + square / n)
    return Estimate(100 * part, max(0.0, 100 * (center - half)), min(100.0, 100 * (center + half)), n)


def index(points: Sequence[int]) -> Estimate | None:
    """Return the mean of counts of equally spaced *points*, the lowest as 0 and the highest as 100."""
    n = sum(points)
    if n == 0 or len(points) < 2:
        return None
    step = 100 / (len(points) - 1)
    mean = sum(place * step * count for place, count in enumerate(points)) / n
    spread = sum(count * (place * step - mean) ** 2 for place, count in enumerate(points)) / max(1, n - 1)
    half = Z * math.sqrt(spread / n)
    return Estimate(mean, max(0.0, mean - half), min(100.0, mean + half), n)


def mean_of(estimates: Sequence[Estimate]) -> Estimate | None:
    """Return the mean of several items of one instrument; as wide as if people answered all items alike."""
    if not estimates:
        return None
    count = len(estimates)
    return Estimate(
        sum(one.value for one in estimates) / count,
        sum(one.low for one in estimates) / count,
        sum(one.high for one in estimates) / count,
        min(one.n for one in estimates),
    )


def nonresponse_bracket(value: float, response_rate: float) -> tuple[float, float]:
    """Return where a share in percent would lie if all who did not answer thought one way, or the other."""
    known = value * response_rate
    return known, known + 100 * (1 - response_rate)


def discoveries(p_values: Sequence[float], rate: float = 0.05) -> list[bool]:
    """Tell which of many differences stand, at most *rate* of them falsely (Benjamini and Hochberg, 1995)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    last = max(
        (rank for rank, place in enumerate(order, start=1) if p_values[place] <= rate * rank / len(order)), default=0
    )
    standing = set(order[:last])
    return [place in standing for place in range(len(p_values))]


@dataclass(frozen=True)
class Comparison:
    """Hold how a figure stands to a benchmark: *surely* above where its whole interval is, *above* by its value."""

    benchmark: float
    above: bool
    surely: bool


def compare(estimate: Estimate, benchmark: float) -> Comparison:
    """Compare a figure with a benchmark."""
    return Comparison(benchmark, estimate.value > benchmark, estimate.low > benchmark)


def consecutive(comparisons: Sequence[Comparison]) -> tuple[int, int]:
    """Count the last periods in a row that were surely above, and above by value, oldest first."""
    counts = []
    for name in ("surely", "above"):
        row = [bool(getattr(one, name)) for one in comparisons]
        counts.append(next((back for back, above in enumerate(reversed(row)) if not above), len(row)))
    return counts[0], counts[1]


def nearest_year(series: Mapping[int, float], year: int) -> tuple[int, float] | None:
    """Return the newest value of a yearly *series* that is not after *year*."""
    past = [one for one in series if one <= year]
    return (max(past), series[max(past)]) if past else None
