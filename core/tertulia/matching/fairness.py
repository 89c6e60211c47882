"""Let those whom earlier rounds served badly come first, and those served well later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tertulia.matching.arrays import Floats
from tertulia.matching.people import Guest

LEAST, MOST = 0.5, 2.0
STEPS = 10
"""Factors are whole tenths: finer ones make the assignment several times slower and hardly fairer."""


def importance(guests: Sequence[Guest], evenness: float) -> Floats:
    """Return the factor of each guest; a bonus added to a person would change nothing, as everybody is seated."""
    served = [guest.served for guest in guests if guest.served is not None]
    mean = sum(served) / len(served) if served else 0.0
    if not mean or not evenness:
        return np.ones(len(guests))
    known = np.array([mean if guest.served is None else guest.served for guest in guests])
    factors: Floats = np.clip(1 + evenness * (mean - known) / mean, LEAST, MOST)
    return np.rint(factors * STEPS) / STEPS
