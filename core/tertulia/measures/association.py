"""Whether two published figures of the same units rise and fall together; it says nothing about persons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

FEWEST_UNITS = 20
DRAWS = 9999


def rank_correlation(first: Sequence[float], second: Sequence[float], *, seed: int = 1) -> tuple[float, float] | None:
    """Return Spearman's rank correlation and its two-sided p by permutation; `None` below 20 units or without spread.

    Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15
    (1904). p is (1 + permutations at least as far from 0) / (1 + permutations), of 9,999 that the seed draws.
    """
    if len(first) < FEWEST_UNITS or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    one, other = (np.asarray(rankdata(values)) for values in (first, second))
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    found = float(one @ other) / scale
    drawn = np.random.default_rng(seed)
    shuffled = np.array([one @ drawn.permutation(other) for _ in range(DRAWS)]) / scale
    beyond = int((np.abs(shuffled) >= abs(found) - 1e-12).sum())
    return found, (1 + beyond) / (1 + DRAWS)
