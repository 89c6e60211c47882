"""What a group costs: its members each count the mean over their mates, and odd sizes are kept for need."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tertulia.matching.arrays import Floats
from tertulia.matching.roster import Roster
from tertulia.matching.rules import ALONE, BIGGEST, FORBIDDEN, HOURS, ODD_SIZE, Breach

SHARE = np.array([0.0, 0.0, 2.0, 1.0, 2.0 / 3.0])
"""By the size of a group, what the cost of each of its pairs adds to the group's."""


def by_size(size: int) -> Floats:
    """Return what a group costs for its size alone, where *size* is wished for."""
    return np.array([0.0, 2.0 * ALONE, *(float(ODD_SIZE) * (other - size) ** 2 for other in range(2, BIGGEST + 1))])


def pair_sum(cost: Floats, group: Sequence[int]) -> float:
    """Return the cost of all pairs in *group*."""
    return float(sum(cost[one, other] for one, other in combinations(group, 2)))


def of_group(cost: Floats, group: Sequence[int], sizes: Floats) -> float:
    """Return what *group* costs as far as its pairs tell."""
    return float(SHARE[len(group)] * pair_sum(cost, group) + sizes[len(group)])


def with_talk(roster: Roster, cost: Floats, group: Sequence[int], sizes: Floats) -> float:
    """Return what *group* costs, with what keeps it as a whole from talking though every two of it might."""
    found = of_group(cost, group, sizes)
    if len(group) > 2:
        breach = roster.together(group)
        if breach & Breach.LANGUAGE:
            found += FORBIDDEN
        if breach & Breach.HOURS:
            found += HOURS
    return found
