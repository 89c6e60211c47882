"""A bound for rounds that were matched in blocks: any prices certify one, good prices a near one.

Whatever the prices p, no round is worth more than the sum over people of max_j(w_ij - p_j), plus the sum of the
prices, where w_ii = 0 stands for staying alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import linear_sum_assignment

from tertulia.matching.arrays import Floats, Indices, marked
from tertulia.matching.pairs import Pairs, weigh
from tertulia.matching.people import Past
from tertulia.matching.roster import Roster
from tertulia.matching.rules import LARGEST, NEVER, WISH, Breach

STEPS = 60
MOST = 5 * LARGEST
"""Up to that many people every two are looked at for the bound; above, it only says that no wish counts twice."""


def of_permutation(pairs: Pairs, factors: Floats, mates: Indices) -> float:
    """Return what the permutation of least cost is worth: no groups that break no rule are worth more."""
    every = np.arange(len(mates))
    kept = (every != mates) & ~marked(pairs.breaches[every, mates], NEVER | Breach.HOURS)
    return float((0.5 * (factors + factors[mates]) * pairs.wishes[every, mates])[kept].sum())


def of_wishes(pairs: Pairs, factors: Floats) -> float:
    """Return what no groups are worth more than, even where they bring people together again and again."""
    value = _value(pairs, factors)
    np.maximum(value, 0.0, out=value)  # to be apart is worth nothing, and no more than to be alone
    return float(value[linear_sum_assignment(value, maximize=True)].sum())


def prices(pairs: Pairs, factors: Floats, mates: Indices) -> Floats:
    """Return what each person is worth to the others of a block, from the permutation that is best there."""
    value = _value(pairs, factors)
    every = np.arange(len(mates))
    own = value[every, mates]
    own[~np.isfinite(own)] = 0.0
    price: Floats = np.zeros(len(mates))
    for _ in range(STEPS):
        raised = np.maximum(price, (value + (price[mates] - own)[:, None]).max(axis=0))
        if np.array_equal(raised, price):
            break
        price = raised
    profit = (value - price[None, :]).max(axis=1)
    even: Floats = (price + profit) / 2
    return even


def ceiling(roster: Roster, past: Past, factors: Floats, price: Floats) -> float:
    """Return what no round of the whole roster exceeds, in weighed wishes over members."""
    count = len(roster.guests)
    if count > MOST:
        return float(factors.sum() * WISH)
    best: Floats = -price
    half = LARGEST // 2
    parts = [range(start, min(count, start + half)) for start in range(0, count, half)]
    for one, other in combinations_with_replacement(parts, 2):
        places = sorted({*one, *other})
        _raise_best(roster, past, factors, price, best, places)
    return float(best.sum() + price.sum())


def _raise_best(
    roster: Roster, past: Past, factors: Floats, price: Floats, best: Floats, places: Sequence[int]
) -> None:
    value = _value(weigh(roster.part(places), past, factors[places]), factors[places])
    value -= price[places][None, :]
    best[places] = np.maximum(best[places], value.max(axis=1))


def _value(pairs: Pairs, factors: Floats) -> Floats:
    value: Floats = 0.5 * (factors[:, None] + factors[None, :])
    value *= pairs.wishes
    value[marked(pairs.breaches, NEVER | Breach.HOURS)] = -np.inf
    np.fill_diagonal(value, 0.0)
    return value
