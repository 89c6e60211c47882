"""What changed, and how sure that is: differences of figures with intervals, and which of many stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal, TypeAlias

from tertulia.surveys.scoring import Estimate, Z, discoveries

RATE = 0.05
"""At most that share of the changes that are told as such are none (false discovery rate)."""
Direction: TypeAlias = Literal["risen", "fallen", "unclear"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold by how much a figure changed, with an interval at confidence *level* and a two-sided *p*.

    *p* is below 1 - *level* exactly where the interval leaves out 0.
    """

    value: float
    low: float
    high: float
    p: float
    level: float = 0.95

    @property
    def direction(self) -> Direction:
        """Say where the interval lies: above 0, below it, or around it."""
        return "risen" if self.low > 0 else "fallen" if self.high < 0 else "unclear"


def change(before: Estimate, after: Estimate) -> Change:
    """Return *after* - *before* with its interval, from the two intervals alone.

    The distance of each end is the hypotenuse of the distances of the two ends it comes from; for shares with
    Wilson's interval that is Newcombe's method 10 (Statistics in Medicine 17, 1998), for any others the method of
    variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008). Answers of the same people count as
    independent, since nobody can pair them: the interval is too wide rather than too narrow.
    """
    value = after.value - before.value
    below = math.hypot(after.value - after.low, before.high - before.value)
    above = math.hypot(after.high - after.value, before.value - before.low)
    return Change(value=value, low=value - below, high=value + above, p=_p(value, below, above))


def _p(value: float, below: float, above: float) -> float:
    """Return at which level the end of the interval that is nearer to 0 would reach it."""
    reach = below if value > 0 else above
    if value == 0:
        return 1.0
    return 2 * (1 - NormalDist().cdf(Z * abs(value) / reach)) if reach > 0 else 0.0


def settle(changes: Sequence[Change], rate: float = RATE) -> list[Change]:
    """Return *changes* with intervals that leave out 0 exactly where Benjamini and Hochberg's procedure finds one.

    Of m changes of which r stand, each interval is at level 1 - rate * r / m (Benjamini and Yekutieli, "False
    discovery rate-adjusted multiple confidence intervals for selected parameters", JASA 100, 2005); where none
    stands, at 1 - rate / m.
    """
    if not changes:
        return []
    standing = sum(discoveries([one.p for one in changes], rate))
    level = 1 - rate * max(1, standing) / len(changes)
    wider = NormalDist().inv_cdf((1 + level) / 2) / Z
    return [
        replace(
            one,
            low=one.value - wider * (one.value - one.low),
            high=one.value + wider * (one.high - one.value),
            level=level,
        )
        for one in changes
    ]


def beyond(changed: Change, threshold: float) -> float:
    """Return how probable it is that the true change goes as far as *threshold* in the direction of what was seen.

    A posterior with a flat prior: normal around the change, as wide as the side of its interval that faces 0.
    """
    facing = changed.value - changed.low if changed.value > 0 else changed.high - changed.value
    deviation = facing / NormalDist().inv_cdf((1 + changed.level) / 2)
    if deviation <= 0:
        return float(abs(changed.value) >= threshold)
    return 1 - NormalDist().cdf((threshold - abs(changed.value)) / deviation)


def baseline(estimates: Sequence[Estimate]) -> Estimate | None:
    """Return the mean of some periods' figures, to compare a later one with.

    The periods count as independent. Answers of the same people go along with each other; but as far as they do, they
    go along with the later ones, too, and of all correlations none makes the difference the least sure.
    """
    if not estimates:
        return None
    count = len(estimates)
    value = sum(one.value for one in estimates) / count
    below = math.hypot(*(one.value - one.low for one in estimates)) / count
    above = math.hypot(*(one.high - one.value for one in estimates)) / count
    return Estimate(value, value - below, value + above, min(one.n for one in estimates))
