"""Groups of two to four, of least cost: exactly for a few people, near the bound for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from tertulia.matching import exact
from tertulia.matching.arrays import Floats, Indices
from tertulia.matching.assignment import Group, pairs, permutation
from tertulia.matching.costs import by_size, with_talk
from tertulia.matching.roster import Roster
from tertulia.matching.rules import BIGGEST, FORBIDDEN, SMALLEST
from tertulia.matching.search import improved, without_forbidden
from tertulia.matching.talk import mended

NARROW = 120
"""Up to that many people, groups are disturbed and settled again: a few steps count there."""
KICKS = 4_000


@dataclass(frozen=True)
class Formed:
    """Hold groups of places, and the permutation whose cost bounds theirs from below."""

    groups: list[Group]
    mates: Indices


def form(roster: Roster, cost: Floats, seed: int) -> Formed:
    """Form groups of the size that the roster's policy wishes for."""
    size, count = roster.policy.size, len(cost)
    mates = permutation(cost)
    if count <= exact.FEW:
        sizes = by_size(size)
        groups = exact.partition(count, lambda group: with_talk(roster, cost, group, sizes))
    else:
        groups = near(cost, mates, size, seed)
        groups = mended(roster, cost, groups, size)
    return Formed(without_forbidden(cost, groups, FORBIDDEN / 2), mates)


def near(cost: Floats, mates: Indices, size: int, seed: int) -> list[Group]:
    """Form groups near the bound, as far as pairs tell how well people suit each other."""
    begun = pairs(cost, mates)
    if size > SMALLEST:
        begun = _larger(cost, begun, size)
    kicks = KICKS // len(cost) if len(cost) <= NARROW else 0
    bound = float(cost[np.arange(len(cost)), mates].sum())
    return improved(cost, begun, size, seed=seed, kicks=kicks, bound=bound)


def _larger(cost: Floats, begun: Sequence[Group], size: int) -> list[Group]:
    """Make groups of three or four out of pairs, the most fitting first."""
    singles = [group for group in begun if len(group) < SMALLEST]
    twos = [group for group in begun if len(group) == SMALLEST]
    made = _fours(cost, twos) if size == BIGGEST else _threes(cost, twos)
    return _cut([person for group in [*made, *singles] for person in group], size)


def _fours(cost: Floats, twos: Sequence[Group]) -> list[Group]:
    if not twos:
        return []
    one, other = np.array(twos, dtype=np.intp).T
    between = cost[np.ix_(one, one)] + cost[np.ix_(other, other)]
    between += cost[np.ix_(one, other)]
    between += cost[np.ix_(other, one)]
    joined = pairs(between, permutation(between))
    joined.sort(key=len, reverse=True)
    return [tuple(person for place in group for person in twos[place]) for group in joined]


def _threes(cost: Floats, twos: Sequence[Group]) -> list[Group]:
    """Take one pair in three apart, the costliest, and give its people to the others."""
    ordered = sorted(twos, key=lambda pair: float(cost[pair[0], pair[1]]))
    kept = ordered[: -(-2 * len(ordered) // 3)]
    loose = np.array([person for pair in ordered[len(kept) :] for person in pair], dtype=np.intp)
    if not len(loose):
        return kept
    one, other = np.array(kept, dtype=np.intp).T
    who, where = linear_sum_assignment(cost[np.ix_(loose, one)] + cost[np.ix_(loose, other)])
    made = {int(place): (*kept[place], int(loose[person])) for person, place in zip(who, where, strict=True)}
    return sorted((made.get(place, pair) for place, pair in enumerate(kept)), key=len, reverse=True)


def _cut(order: Sequence[int], size: int) -> list[Group]:
    """Cut *order* into groups of *size*, the last few of the size next to it where the number asks for it."""
    whole = sizes(len(order), size)
    ends = np.cumsum(whole)
    return [tuple(order[end - many : end]) for end, many in zip(ends, whole, strict=True)]


def sizes(count: int, size: int) -> list[int]:
    """Return the sizes nearest to *size* that *count* people can be divided into, the wished ones first."""
    if count <= BIGGEST:
        return [2, 2] if (count, size) == (4, 2) else [count]
    ways = [_even(count, number) for number in {count // size, -(-count // size)}]
    allowed = [way for way in ways if max(way) <= BIGGEST and min(way) >= SMALLEST]
    best = min(allowed, key=lambda way: sum((many - size) ** 2 for many in way))
    return sorted(best, key=lambda many: (abs(many - size), many))


def _even(count: int, number: int) -> list[int]:
    return [count // number + (place < count % number) for place in range(number)]
