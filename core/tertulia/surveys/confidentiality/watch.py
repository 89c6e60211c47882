"""The sets of people that an auditor has to watch: those whose own corner of the projector comes near to 1.

A place is a class of people lighter than *k*. For each place c one of two things holds: no set around it, with c as
the place of the largest entry, reaches 1 (its `_bound` stays below), or all sets around it that come near to 1 are
watched, and rows added to the other sets since less than what those lack at least (its `_slack`).

Of a watched set that comes near enough to 1 and leaves room, whatever fits may be a part of a larger one. With λ the
set's largest eigenvalue, b the entries between it and a further place d, 1 is reached only where
|b|² ≥ (1 - λ) (1 - P_dd).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]
Found: TypeAlias = Literal["safe", "unsafe", "unknown"]

SURE = 1e-7
"""An eigenvalue within that of 1 counts as 1; so rounding errors refuse, and never accept."""
NEAR = ((0.95, 1_000), (0.98, 3_000), (0.995, None))
"""How near to 1 sets are watched from, and up to how many around one place; `None`: whatever the budget leaves."""
AT_ONCE = 256
MANY = 50_000
ROWS_AT_ONCE = 64
SUSPECTS_AT_ONCE = 16
LIKE_SETS = 100
"""An open set takes as much work as that many closed ones."""


@dataclass(frozen=True)
class Sets:
    """Hold sets of places, one a column, filled up with -1; *around* is each one's place of the largest entry.

    *room* is the weight that fits beside a set whose entries come near to 1 by themselves; 0 where it is closed.
    *limit* is an upper bound of each one's eigenvalue, less the diagonal that it was taken at.
    """

    members: Places
    around: Places
    room: NDArray[np.int64]
    limit: Vector

    def work_of(self, chosen: NDArray[np.bool_] | slice) -> int:
        """Say how much it takes to watch the *chosen* ones."""
        room = self.room[chosen]
        return len(room) + LIKE_SETS * int(np.count_nonzero(room))

    def where(self, chosen: NDArray[np.bool_]) -> Sets:
        """Return the *chosen* ones."""
        return Sets(self.members[:, chosen], self.around[chosen], self.room[chosen], self.limit[chosen])


def joined(several: Sequence[Sets]) -> Sets:
    """Put *several*, of the same width, together."""
    return Sets(
        np.concatenate([one.members for one in several], axis=1),
        np.concatenate([one.around for one in several]),
        np.concatenate([one.room for one in several]),
        np.concatenate([one.limit for one in several]),
    )


def sets_of(place: int, members: Places, room: NDArray[np.int64], width: int) -> Sets:
    """Make sets around *place* of which nothing is known yet."""
    count = len(members)
    filled = np.full((width, count), -1, dtype=np.intp)
    filled[: members.shape[1]] = members.T
    return Sets(filled, np.full(count, place, dtype=np.intp), room, np.full(count, np.inf))


class Watch:
    """Tell for each new direction of the span whether a set that is too light would carry a vector of it."""

    def __init__(self, projector: Vector, weights: NDArray[np.int64], k: int, budget: int):
        """Look at *projector*, which its owner changes; at most *budget* sets are watched."""
        self._projector, self._weights, self._k, self._budget = projector, weights, k, budget
        self._beside: NDArray[np.int64] = k - 1 - weights
        self._width = max(1, k - 1)
        self.forget()

    def forget(self) -> None:
        """Start anew: the projector has changed as a whole."""
        size = len(self._weights)
        self._bound: Vector = np.full(size, np.inf if self._projector.any() else 0.0)
        self._slack: Vector = np.zeros(size)
        self._sets = self._next_sets = self._none()
        self._note_own()
        self._next: tuple[Vector, Vector] | None = None

    def look(self, direction: Vector) -> Found:
        """Tell whether the span with *direction* is safe; *direction* is a unit vector outside of it."""
        self._next = None
        if self._leaks_as_they_are(direction, self._sets) or self._leak_extended(direction, self._sets):
            return "unsafe"
        size = np.abs(direction)
        added = size * (size + heaviest_beside(size, self._beside, self._k))
        bound, slack = self._bound + added, self._slack - added
        open_ = np.flatnonzero((bound >= 1 - SURE) & (slack <= SURE))
        for start in range(0, len(open_), AT_ONCE):
            some = open_[start : start + AT_ONCE]
            before = self._projector[some]
            bound[some] = self._sums(some, before + direction[some, None] * direction[None, :])
            self._bound[some] = self._sums(some, before)
        suspects = open_[bound[open_] >= 1 - SURE]
        suspects = suspects[np.argsort(-bound[suspects], kind="stable")]
        found = self._search(direction, suspects, slack)
        if found == "safe":
            self._next = bound, slack
        return found

    def accept(self) -> None:
        """Take the direction of the last look, which was safe, for a part of the span."""
        if self._next is None:
            raise ValueError("nothing safe was looked at")
        self._bound, self._slack = self._next
        self._sets = self._next_sets
        self._note_own()
        self._next = None

    def _none(self) -> Sets:
        return sets_of(0, np.zeros((0, 1), dtype=np.intp), np.zeros(0, dtype=np.int64), self._width)

    def _note_own(self) -> None:
        # one place more, which the filling of smaller sets points to
        self._own: Vector = np.append(np.diag(self._projector), 0.0)

    def _sums(self, places: Places, rows: Vector) -> Vector:
        """Return P_cc and the largest entries that fit beside it, for each of *places* whose rows of P these are."""
        size = np.abs(rows)
        own = size[np.arange(len(places)), places]
        size[np.arange(len(places)), places] = 0
        most = min(self._k - 2, size.shape[1])
        if most <= 0:
            return own
        best = np.partition(size, size.shape[1] - most, axis=1)[:, size.shape[1] - most :]
        best = np.concatenate([np.zeros((len(places), 1)), np.cumsum(np.sort(best, axis=1)[:, ::-1], axis=1)], axis=1)
        result: Vector = own + best[np.arange(len(places)), np.minimum(self._beside[places], most)]
        return result

    def _search(self, direction: Vector, suspects: Places, slack: Vector) -> Found:
        """Find the sets around *suspects* that come near 1 with *direction*, to watch them, and look at them.

        What the others lack at least goes to *slack*.
        """
        again = np.zeros(len(self._weights), dtype=np.bool_)
        again[suspects] = True
        others = ~again[self._sets.around]
        left = self._budget - self._sets.work_of(others)
        every: list[Sets] = []
        for start in range(0, len(suspects), SUSPECTS_AT_ONCE):
            found: list[Sets] = []
            for place in suspects[start : start + SUSPECTS_AT_ONCE]:
                row = np.abs(self._projector[place] + direction[place] * direction)
                for near, most in NEAR:
                    around = self._around(int(place), row, near, left if most is None else min(left, most))
                    if around is not None:
                        break
                if around is None:
                    return "unknown"
                if any(self._leaks_as_they_are(direction, one) for one in around):
                    return "unsafe"
                left -= sum(one.work_of(slice(None)) for one in around)
                slack[place] = 1 - near
                found += around
            every.append(joined([self._none(), *found]))
            if self._leak_extended(direction, every[-1]):
                return "unsafe"
        self._next_sets = joined([self._sets.where(others), *every]) if every else self._sets
        return "safe"

    def _around(self, place: int, size: Vector, enough: float, most: int) -> list[Sets] | None:
        """Return the sets around *place* that are light enough and whose entries reach *enough*, the smallest first.

        `None` where watching them takes more than *most*.
        """
        # those that do not touch *place* may touch another of the set, so none is left out
        near = np.flatnonzero(self._weights <= self._beside[place])
        near = near[near != place]
        near = near[np.argsort(-size[near], kind="stable")]
        best, weights = size[near], self._weights[near]
        sums = np.concatenate([[0.0], np.cumsum(best)])
        sets = np.full((1, 1), place, dtype=np.intp)
        start, room = np.zeros(1, dtype=np.int64), np.array([self._beside[place]])
        missing = np.array([enough - float(size[place])])
        found = [sets_of(place, sets, room, self._width)] if missing[0] <= 0 else []
        while len(sets):
            # what comes later is smaller: where even *room* times it would not do, stop
            least = np.where(missing > 0, missing / np.maximum(room, 1), -1.0)
            stop = np.searchsorted(-best, -least, side="right")
            # a set that is open and has room for one only is extended when it is looked at
            counts = np.where((missing <= 0) & (room < 2), 0, np.maximum(stop - start, 0))
            if counts.sum() > most:
                return None
            parent = np.repeat(np.arange(len(sets)), counts)
            at = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts) + start[parent]
            # likewise one that leaves no room in an open set
            fits = weights[at] <= room[parent] - (missing[parent] <= 0)
            parent, at = parent[fits], at[fits]
            sets = np.concatenate([sets[parent], near[at][:, None]], axis=1)
            missing, room, start = missing[parent] - best[at], room[parent] - weights[at], at + 1
            if (missing <= 0).any():
                found.append(sets_of(place, sets[missing <= 0], room[missing <= 0], self._width))
                most -= found[-1].work_of(slice(None))
            reach = sums[np.minimum(start + room, len(near))] - sums[np.minimum(start, len(near))]
            alive = (room > 0) & (missing <= reach)
            sets, missing, room, start = sets[alive], missing[alive], room[alive], start[alive]
        return found if most >= 0 else None

    def _leaks_as_they_are(self, direction: Vector, sets: Sets) -> bool:
        """Tell whether one of *sets* carries a vector that *direction* brought.

        What is learnt on the way of the sets' eigenvalues stays.
        """
        own = self._own + np.append(direction**2, 0.0)
        reach = sets.limit.copy()
        for places in sets.members:
            reach += own[places]
        close = np.flatnonzero(reach >= 1 - SURE)
        for begin in range(0, len(close), MANY):
            some = close[begin : begin + MANY]
            members = sets.members[:, some].T
            before = self._corners(members)
            sets.limit[some] = _most(before) - self._own[members].sum(axis=1)
            if self._any_new(direction, members, before):
                return True
        return False

    def _leak_extended(self, direction: Vector, sets: Sets) -> bool:
        """Tell whether what one of *sets* leaves room for makes it carry a vector that *direction* brought."""
        open_ = np.flatnonzero(sets.room)
        return any(
            self._extended(direction, sets, open_[begin : begin + ROWS_AT_ONCE])
            for begin in range(0, len(open_), ROWS_AT_ONCE)
        )

    def _corners(self, members: Places) -> Vector:
        used = members >= 0
        corners: Vector = self._projector[members[:, :, None], members[:, None, :]]
        return corners * (used[:, :, None] & used[:, None, :])

    def _any_new(self, direction: Vector, members: Places, before: Vector) -> bool:
        """Tell whether *direction* brings an eigenvalue of 1 to any of the corners."""
        added = np.where(members >= 0, direction[members], 0.0)
        after = before + added[:, :, None] * added[:, None, :]
        close = _most(after) >= 1 - 10 * SURE
        if not close.any():
            return False
        old = (np.linalg.eigvalsh(before[close]) >= 1 - SURE).sum(axis=1)
        new = (np.linalg.eigvalsh(after[close]) >= 1 - SURE).sum(axis=1)
        return bool((new > old).any())

    def _extended(self, direction: Vector, sets: Sets, chosen: Places) -> bool:
        """Tell whether a set with one place more, which it leaves room for, carries a vector that is new."""
        members = sets.members[:, chosen].T
        used = members >= 0
        added = np.where(used, direction[members], 0.0)
        after = self._corners(members) + added[:, :, None] * added[:, None, :]
        lacks = np.maximum(0.0, 1 - np.linalg.eigvalsh(after)[:, -1])
        lack = np.maximum(0.0, 1 - self._own[:-1] - direction**2)
        between = np.zeros((len(members), len(direction)))
        for one in range(members.shape[1]):
            rows = self._projector[:, members[:, one]].T + added[:, one, None] * direction
            between += np.where(used[:, one, None], rows**2, 0.0)
        fits = self._weights[None, :] <= sets.room[chosen][:, None]
        which, where = np.nonzero(fits & (between + 3 * SURE >= lacks[:, None] * lack))
        new = ~(members[which] == where[:, None]).any(axis=1)
        which, where = which[new], where[new]
        larger = members[which]
        larger[np.arange(len(larger)), used[which].sum(axis=1)] = where
        return bool(len(larger)) and self._any_new(direction, larger, self._corners(larger))


def heaviest_beside(size: Vector, beside: NDArray[np.int64], k: int) -> Vector:
    """Return for each place the sum of the largest of *size* that fit beside it."""
    best = np.sort(size)[::-1][:k]
    sums = np.concatenate([[0.0], np.cumsum(best)])
    result: Vector = sums[np.minimum(beside, len(sums) - 1)]
    return result


def _most(blocks: Vector) -> Vector:
    """Return an upper bound of each block's largest eigenvalue: by the sum of the eigenvalues' eighth powers."""
    power = blocks @ blocks
    power = power @ power
    result: Vector = (power**2).sum(axis=(1, 2)) ** 0.125
    return result
