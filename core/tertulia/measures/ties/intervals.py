"""Means and ratios over people with their 95 % intervals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tertulia.measures.ties.network import Floats
from tertulia.surveys.scoring import Estimate, Z

SHARED = 2.0
"""Each tie is in the sums of two people, which makes the variance twice as large as that of people alone: so does, to
the first order, the vertex jackknife of Snijders and Borgatti ("Non-parametric standard errors and tests for network
statistics", Connections 22, 1999)."""


def mean_of(values: Floats) -> Estimate | None:
    """Return the mean of *values* where they are known, with the interval of a mean; `None` for fewer than two.

    How many are not known is a fact about people too: the estimate counts everybody.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return None
    mean, error = float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known))
    return Estimate(mean, mean - Z * error, mean + Z * error, len(values))


def ratio_of(
    above: npt.NDArray[np.number], below: npt.NDArray[np.number], *, shared: bool = False
) -> Estimate | None:
    """Return the sum of *above* by that of *below*, two numbers for each person; `None` where there is nothing below.

    The variance is that of a ratio estimator (Cochran 1977, 6.4), twice as large where each tie is *shared* by two.
    """
    n, total = len(below), float(below.sum())
    if n < 2 or not total:
        return None
    ratio = float(above.sum()) / total
    rest = above - ratio * below
    variance = n / (n - 1) * float((rest * rest).sum()) / total**2 * (SHARED if shared else 1.0)
    error = Z * math.sqrt(variance)
    return Estimate(ratio, ratio - error, ratio + error, n)


def bounded(estimate: Estimate | None, least: float, most: float) -> Estimate | None:
    """Keep an interval within what is possible."""
    if estimate is None:
        return None
    return Estimate(estimate.value, max(least, estimate.low), min(most, estimate.high), estimate.n)


def exactly(value: float | None, n: int) -> Estimate | None:
    """Return a figure that describes what is seen, and is no estimate of anything beyond it."""
    return None if value is None else Estimate(value, value, value, n)
