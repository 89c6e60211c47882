"""Better groups by small steps: two people change places, one moves, a pair that breaks a rule is dissolved.

All steps of a pass are weighed at once and the best that do not touch each other are taken; afterwards only the
groups that changed are looked at again. The result depends on nothing but the matrix and the groups it began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from tertulia.matching.arrays import Floats, Indices
from tertulia.matching.assignment import Group
from tertulia.matching.costs import SHARE, by_size, pair_sum
from tertulia.matching.rules import AGAIN, BIGGEST

ROWS = 256
PASSES = 400
GAIN = -0.5
"""Costs are whole numbers but for thirds; anything smaller is rounding."""

Step = tuple[float, int, int, int]
"""Gain, person, what to do (`SWAP` or `MOVE`), and with whom or to which group."""
SWAP, MOVE = 0, 1


class Tables:
    """Hold groups over a cost matrix, and what everybody would cost in every group."""

    def __init__(self, cost: Floats, groups: Iterable[Sequence[int]], size: int) -> None:
        self.cost = cost
        self.groups = [list(group) for group in groups]
        self._penalty = by_size(size)
        count = len(self.groups)
        self._at = np.zeros(len(cost), dtype=np.intp)
        self._sums = np.zeros((count, len(cost)))
        self._inner = np.zeros(count)
        self._sizes = np.zeros(count, dtype=np.intp)
        self._refresh(range(count))

    def total(self) -> float:
        """Return the cost of all groups."""
        return float((SHARE[self._sizes] * self._inner + self._penalty[self._sizes]).sum())

    def settle(self) -> None:
        """Take steps until none is better."""
        active: Sequence[int] = range(len(self.cost))
        for _ in range(PASSES):
            changed = self._take(self._steps(np.array(active, dtype=np.intp))) or self._dissolve()
            if not changed:
                return
            active = sorted({person for group in changed for person in self.groups[group]})

    def _refresh(self, groups: Iterable[int]) -> None:
        for group in groups:
            people = self.groups[group]
            self._at[people] = group
            self._sums[group] = self.cost[people].sum(axis=0) if people else 0.0
            self._inner[group] = pair_sum(self.cost, people)
            self._sizes[group] = len(people)

    def _steps(self, active: Indices) -> list[Step]:
        found: list[Step] = []
        own = self._sums[self._at, np.arange(len(self.cost))]
        for start in range(0, len(active), ROWS):
            rows = active[start : start + ROWS]
            for kind, gains in ((SWAP, self._swaps(rows, own)), (MOVE, self._moves(rows, own))):
                best = gains.argmin(axis=1)
                gain = gains[np.arange(len(rows)), best]
                better = np.flatnonzero(gain < GAIN)
                found += [(float(gain[row]), int(rows[row]), kind, int(best[row])) for row in better]
        return sorted(found)

    def _swaps(self, rows: Indices, own: Floats) -> Floats:
        share = SHARE[self._sizes[self._at]]
        mine = self._at[rows]
        gains: Floats = self._sums[mine]
        gains -= self.cost[rows]
        gains -= own[rows][:, None]
        gains *= share[rows][:, None]
        theirs: Floats = np.ascontiguousarray(self._sums[:, rows].T)[:, self._at]
        theirs -= self.cost[rows]
        theirs -= own
        theirs *= share
        gains += theirs
        gains[mine[:, None] == self._at[None, :]] = np.inf
        return gains

    def _moves(self, rows: Indices, own: Floats) -> Floats:
        mine = self._at[rows]
        size = self._sizes[mine]
        before = SHARE[size] * self._inner[mine] + self._penalty[size]
        after = SHARE[size - 1] * (self._inner[mine] - own[rows]) + self._penalty[size - 1]
        gains: Floats = self._joins(rows)
        gains += (after - before)[:, None]
        gains[np.arange(len(rows)), mine] = np.inf
        return gains

    def _joins(self, rows: Indices) -> Floats:
        """Return what each group would cost more with each of *rows* in it."""
        room = self._sizes < BIGGEST
        grown = np.minimum(self._sizes + 1, BIGGEST)
        gains: Floats = np.ascontiguousarray(self._sums[:, rows].T)
        gains += self._inner
        gains *= SHARE[grown]
        gains += self._penalty[grown] - self._penalty[self._sizes] - SHARE[self._sizes] * self._inner
        gains[:, ~room] = np.inf
        return gains

    def _take(self, steps: Iterable[Step]) -> set[int]:
        changed: set[int] = set()
        for _, person, kind, target in steps:
            here = int(self._at[person])
            there = target if kind == MOVE else int(self._at[target])
            if here in changed or there in changed:
                continue
            changed |= {here, there}
            self.groups[here].remove(person)
            self.groups[there].append(person)
            if kind == SWAP:
                self.groups[there].remove(target)
                self.groups[here].append(target)
        self._refresh(changed)
        return changed

    def _dissolve(self) -> set[int]:
        """Take apart pairs that break a rule, where their two fit into two other groups at less cost."""
        changed: set[int] = set()
        for group in np.flatnonzero((self._sizes == 2) & (self._inner >= AGAIN / 2)).tolist():
            if group in changed:
                continue
            people = self.groups[group]
            gains = self._joins(np.array(people, dtype=np.intp))
            gains[:, self._sizes == 0] = np.inf
            gains[:, [group, *changed]] = np.inf
            gain, first, second = _two_places(gains)
            if gain < GAIN + SHARE[2] * self._inner[group] + self._penalty[2]:
                self.groups[first].append(people[0])
                self.groups[second].append(people[1])
                self.groups[group] = []
                changed |= {group, first, second}
        self._refresh(changed)
        return changed


def _two_places(gains: Floats) -> tuple[float, int, int]:
    """Return the least sum of one gain in each of two rows, at two different places."""
    best = [np.argsort(row, kind="stable")[:2] for row in gains]
    options = [
        (float(gains[0, one] + gains[1, other]), int(one), int(other))
        for one in best[0]
        for other in best[1]
        if one != other
    ]
    return min(options, default=(np.inf, 0, 0))


def improved(cost: Floats, groups: Sequence[Group], size: int, *, seed: int, kicks: int, bound: float) -> list[Group]:
    """Settle *groups*; then disturb them *kicks* times by chance and keep what settles better, down to *bound*."""
    best = Tables(cost, groups, size)
    best.settle()
    chance = np.random.default_rng(seed)
    for _ in range(kicks):
        if best.total() <= bound - GAIN:
            break
        trial = Tables(cost, _kicked(best.groups, chance), size)
        trial.settle()
        if trial.total() <= best.total():
            best = trial
    return [tuple(sorted(group)) for group in best.groups if group]


def _kicked(groups: Sequence[Sequence[int]], chance: np.random.Generator) -> list[list[int]]:
    """Pass one person each along a ring of two to four groups."""
    kicked = [list(group) for group in groups if group]
    ring = chance.permutation(len(kicked))[: chance.integers(2, 5)]
    seats = [int(chance.integers(len(kicked[group]))) for group in ring]
    people = [kicked[group][seat] for group, seat in zip(ring, seats, strict=True)]
    for group, seat, person in zip(ring, seats, people[1:] + people[:1], strict=True):
        kicked[group][seat] = person
    return kicked


def without_forbidden(cost: Floats, groups: Iterable[Group], limit: float) -> list[Group]:
    """Take people out of groups in which two must never meet, as few as possible."""
    kept: list[Group] = []
    for group in groups:
        stay = next(
            part
            for count in range(len(group), 0, -1)
            for part in combinations(group, count)
            if all(cost[one, other] < limit for one, other in combinations(part, 2))
        )
        kept += [stay, *((person,) for person in group if person not in stay)]
    return kept
