"""Pairs of least cost, from the assignment problem on the double cover.

A fractional perfect matching is half a permutation: its even cycles become pairs without loss, an odd one leaves one
person over. The permutation's cost is therefore a bound that no set of pairs goes below, nor any set of larger groups
whose members each count the mean over their mates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from tertulia.matching.arrays import Floats, Indices
from tertulia.matching.rules import ALONE

JOINED = 40
"""Up to that many odd cycles are joined where it costs least; more are joined at the cheapest end of each."""

Group = tuple[int, ...]


@dataclass(frozen=True)
class Drops:
    """Hold an odd cycle, and for each of its members the cost of pairing all the others along the cycle."""

    cycle: Indices
    cost: Floats

    def without(self, position: int) -> list[Group]:
        """Return the pairs along the cycle where the member at *position* is left out."""
        length = len(self.cycle)
        first = (position + 1 + 2 * np.arange(length // 2)) % length
        return [(int(self.cycle[at]), int(self.cycle[(at + 1) % length])) for at in first]


def permutation(cost: Floats) -> Indices:
    """Return the permutation of least cost, where to stay alone costs twice `ALONE`; *cost* is left as it was."""
    np.fill_diagonal(cost, 2.0 * ALONE)
    try:
        _, mates = linear_sum_assignment(cost)
    finally:
        np.fill_diagonal(cost, 0.0)
    found: Indices = mates
    return found


def pairs(cost: Floats, mates: Indices) -> list[Group]:
    """Round a permutation to pairs, and single people where an odd number or a rule leaves them over."""
    groups: list[Group] = []
    odd: list[Drops] = []
    for cycle in _cycles(mates):
        if len(cycle) % 2:
            odd.append(_drops(cost, cycle))
        else:
            groups += _alternation(cost, cycle)
    return groups + _joined(cost, odd)


def _cycles(mates: Indices) -> list[Indices]:
    seen = np.zeros(len(mates), dtype=bool)
    cycles = []
    for start in range(len(mates)):
        cycle = []
        at = start
        while not seen[at]:
            seen[at] = True
            cycle.append(at)
            at = int(mates[at])
        if cycle:
            cycles.append(np.array(cycle, dtype=np.intp))
    return cycles


def _alternation(cost: Floats, cycle: Indices) -> list[Group]:
    steps = cost[cycle, np.roll(cycle, -1)]
    shifted = np.roll(cycle, -1) if steps[1::2].sum() < steps[::2].sum() else cycle
    return [(int(one), int(other)) for one, other in zip(shifted[::2], shifted[1::2], strict=True)]


def _drops(cost: Floats, cycle: Indices) -> Drops:
    length = len(cycle)
    steps = cost[cycle, np.roll(cycle, -1)]
    kept = (np.arange(length)[:, None] + 1 + 2 * np.arange(length // 2)[None, :]) % length
    return Drops(cycle, steps[kept].sum(axis=1))


def _joined(cost: Floats, odd: list[Drops]) -> list[Group]:
    """Pair up the people whom the odd cycles leave over, cycle with cycle."""
    if len(odd) < 2:
        return [group for drops in odd for group in _cheapest(drops)]
    choices = [_ends(cost, odd, one) for one in range(len(odd))]
    between = np.array([[choice[0] for choice in row] for row in choices])
    partner = permutation(between)
    groups: list[Group] = []
    left = set(range(len(odd)))
    for one in sorted(left, key=lambda one: (between[one, partner[one]], one)):
        other = int(partner[one])
        if one != other and {one, other} <= left and between[one, other] < 2.0 * ALONE:
            left -= {one, other}
            groups += _bound(odd[one], odd[other], choices[one][other][1:])
    rest = [odd[one] for one in sorted(left)]
    if len(rest) == len(odd):
        return [group for drops in rest for group in _cheapest(drops)]
    return groups + _joined(cost, rest)


def _ends(cost: Floats, odd: list[Drops], one: int) -> list[tuple[float, int, int]]:
    """Return for each other cycle the least cost of joining it with *one*, and at which two positions."""
    drops = odd[one] if len(odd) <= JOINED else _narrowed(odd[one])
    found = []
    for other in odd:
        if other is odd[one]:
            found.append((0.0, 0, 0))
            continue
        facing = other if len(odd) <= JOINED else _narrowed(other)
        total = cost[np.ix_(drops.cycle, facing.cycle)] + drops.cost[:, None] + facing.cost[None, :]
        here, there = np.unravel_index(int(total.argmin()), total.shape)
        found.append((float(total[here, there]), _position(odd[one], drops, here), _position(other, facing, there)))
    return found


def _narrowed(drops: Drops) -> Drops:
    best = int(drops.cost.argmin())
    return Drops(drops.cycle[best : best + 1], drops.cost[best : best + 1])


def _position(whole: Drops, seen: Drops, at: np.intp) -> int:
    return int(at) if seen is whole else int(whole.cost.argmin())


def _bound(one: Drops, other: Drops, ends: tuple[int, int]) -> list[Group]:
    here, there = ends
    return [*one.without(here), *other.without(there), (int(one.cycle[here]), int(other.cycle[there]))]


def _cheapest(drops: Drops) -> list[Group]:
    best = int(drops.cost.argmin())
    return [*drops.without(best), (int(drops.cycle[best]),)]
