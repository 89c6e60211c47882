"""The linear auditor: no arithmetic on published cells, of one round or of many, touches fewer than *k* people.

People are columns, each published cell is a row of zeros and ones over those whose answers are in it, and a person's
answer counts as the same unknown in every round. The rows' span must hold no vector, but zero, whose support is
lighter than *k*.

With P the projector on the span in coordinates scaled by the square root of the classes' weights, a vector w of the
span is Pw. Where T is its support and c the place of its largest entry, |w_c| ≤ Σ |P_cd| |w_d| over T, so
P_cc + the largest |P_cd| that fit beside c reach 1. Where that sum stays below 1 for every c, the span is proven
safe; for the rest the sets T are searched: T is the support of such a vector if and only if the largest eigenvalue of
P_TT is 1. A search that exceeds its budget refuses the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from tertulia.surveys.confidentiality.candidates import Rows, Weights

Verdict: TypeAlias = Literal["published", "derivable", "refused", "too_few", "over_budget"]
Vector: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.intp]

SURE = 1e-7
"""An eigenvalue within that of 1 counts as 1; so rounding errors refuse, and never accept."""
NOTHING = 1e-18
UNCLEAR = 1e-9
"""A residual below NOTHING (relative, squared) is zero; between the two nobody can tell, and the row is refused."""
AT_ONCE = 256
BUDGET = 100_000
MANY = 50_000


class Auditor:
    """Decide row by row what may be published beside all that is published already."""

    def __init__(self, weights: Weights, k: int, *, budget: int = BUDGET):
        """Watch over classes of people with these *weights*; at most *budget* sets are searched for each row."""
        self.k, self._budget = k, budget
        self._weights = weights
        self._scale: Vector = np.sqrt(weights.astype(np.float64))
        # a class of k or more is never inside a set that is too light
        self._light: NDArray[np.bool_] = weights < k
        self._beside: NDArray[np.int64] = np.clip(k - 1 - weights, 0, None)
        self._basis: Vector = np.empty((64, len(weights)))
        self._rank = 0
        self._bound: Vector = np.zeros(len(weights))
        self._own: Vector = np.zeros(len(weights))

    @property
    def rank(self) -> int:
        """How many independent figures are published."""
        return self._rank

    def load(self, rows: Rows) -> None:
        """Take over rows over classes that are published already."""
        if len(rows):
            scaled = np.where(rows, self._scale, 0.0).T
            span, sizes, _ = qr(scaled, mode="economic", pivoting=True, check_finite=False)
            kept = np.abs(np.diag(sizes)) > 1e-10 * max(1.0, float(np.abs(sizes).max()))
            for direction in span.T[: len(kept)][kept]:
                self._keep(direction)
        self._bound = np.where(self._light, np.inf, 0.0)  # computed when first needed

    def decide(self, row: NDArray[np.bool_]) -> Verdict:
        """Publish *row* if that is safe."""
        if int(self._weights[row].sum()) < self.k:
            return "too_few"
        direction, clear = self._residual(row)
        if direction is None:
            return "derivable"
        if not clear:
            return "refused"
        bound, suspects = self._suspects(direction)
        if len(suspects):
            found = self._search(direction, suspects, bound)
            if found != "safe":
                return "refused" if found == "unsafe" else "over_budget"
        self._bound = bound
        self._keep(direction)
        return "published"

    def _residual(self, row: NDArray[np.bool_]) -> tuple[Vector | None, bool]:
        """Return the unit vector by which *row* leaves the span, `None` if it does not, and whether that is clear."""
        scaled = np.where(row, self._scale, 0.0)
        size = float(scaled @ scaled)
        if size == 0:
            return None, True
        basis = self._basis[: self._rank]
        rest = scaled - basis.T @ (basis @ scaled)
        rest -= basis.T @ (basis @ rest)  # twice is enough for full precision
        left = float(rest @ rest) / size
        if left <= NOTHING:
            return None, True
        if left > UNCLEAR:
            rest /= np.sqrt(rest @ rest)
            rest -= basis.T @ (basis @ rest)
        return rest / np.sqrt(rest @ rest), left > UNCLEAR

    def _keep(self, direction: Vector) -> None:
        if self._rank == len(self._basis):
            self._basis = np.concatenate([self._basis, np.empty_like(self._basis)])
        self._basis[self._rank] = direction
        self._rank += 1
        self._own += direction**2

    def _suspects(self, direction: Vector) -> tuple[Vector, Places]:
        """Return bounds on Σ |P'_cd| with *direction* added, and the classes for which they prove nothing.

        The bounds grow lazily from row to row; only where they reach 1 is the sum computed.
        """
        size = np.abs(direction)
        best = np.sort(size[self._light])[::-1][: self.k]
        sums = np.concatenate([[0.0], np.cumsum(best)])
        beside = sums[np.minimum(self._beside, len(sums) - 1)]
        bound = np.where(self._light, self._bound + size * (size + beside), 0.0)
        open_: Places = np.flatnonzero(bound >= 1 - SURE)
        for start in range(0, len(open_), AT_ONCE):
            some = open_[start : start + AT_ONCE]
            before = self._projected(some)
            after = before + direction[some, None] * direction[None, :]
            bound[some] = self._sums(some, after)
            self._bound[some] = self._sums(some, before)
        return bound, open_[bound[open_] >= 1 - SURE]

    def _projected(self, places: Places) -> Vector:
        basis = self._basis[: self._rank]
        rows: Vector = basis[:, places].T @ basis
        return rows

    def _sums(self, places: Places, rows: Vector) -> Vector:
        """Return P_cc and the largest entries that fit beside it, for each of *places* whose rows of P these are."""
        size = np.abs(rows)
        own = size[np.arange(len(places)), places]
        size[np.arange(len(places)), places] = 0
        size[:, ~self._light] = 0
        most = min(self.k - 2, size.shape[1])
        if most <= 0:
            return own
        best = np.partition(size, size.shape[1] - most, axis=1)[:, size.shape[1] - most :]
        best = np.concatenate([np.zeros((len(places), 1)), np.cumsum(np.sort(best, axis=1)[:, ::-1], axis=1)], axis=1)
        result: Vector = own + best[np.arange(len(places)), np.minimum(self._beside[places], most)]
        return result

    def _search(self, direction: Vector, suspects: Places, bound: Vector) -> Literal["safe", "unsafe", "unknown"]:
        """Search the sets around *suspects*, each as the place of the largest entry.

        Beside that one, the entry at d is at most (Σ |P_de| - P_dd) / (1 - P_dd) of it, which thins out the sets.
        """
        left = self._budget
        own = np.minimum(self._own + direction**2, 1 - SURE)
        share = np.minimum(1.0, np.maximum(bound - own, 0.0) / (1 - own) + SURE)
        for start in range(0, len(suspects), AT_ONCE):
            some = suspects[start : start + AT_ONCE]
            after = self._projected(some) + direction[some, None] * direction[None, :]
            for place, row in zip(some, np.abs(after), strict=True):
                for sets in self._sets(int(place), row * share, float(row[place])):
                    left -= len(sets)
                    if left <= 0:
                        return "unknown"
                    if self._any_new(direction, sets):
                        return "unsafe"
        return "safe"

    def _sets(self, place: int, size: Vector, own: float) -> Iterator[NDArray[np.intp]]:
        """Yield the sets around *place* that are light enough and whose entries reach 1, the smallest first."""
        # those that do not touch *place* may touch another of the set, so none is left out
        near = np.flatnonzero(self._light & (self._weights <= self._beside[place]))
        near = near[near != place]
        near = near[np.argsort(-size[near], kind="stable")]
        best, weights = size[near], self._weights[near]
        sums = np.concatenate([[0.0], np.cumsum(best)])
        sets = np.full((1, 1), place, dtype=np.intp)
        start, room = np.zeros(1, dtype=np.int64), np.array([self._beside[place]])
        missing = np.array([1 - SURE - own])
        if own >= 1 - SURE:
            yield sets
        while len(sets):
            # what comes later is smaller: where even *room* times it would not do, stop
            enough = np.where(missing > 0, missing / np.maximum(room, 1), -1.0)
            stop = np.searchsorted(-best, -enough, side="right")
            counts = np.maximum(stop - start, 0)
            if counts.sum() > self._budget:
                yield np.broadcast_to(sets[:1], (self._budget + 1, sets.shape[1]))
            parent = np.repeat(np.arange(len(sets)), counts)
            at = np.arange(len(parent)) - np.repeat(np.cumsum(counts) - counts, counts) + start[parent]
            fits = weights[at] <= room[parent]
            parent, at = parent[fits], at[fits]
            sets = np.concatenate([sets[parent], near[at][:, None]], axis=1)
            missing, room, start = missing[parent] - best[at], room[parent] - weights[at], at + 1
            yield sets[missing <= 0]
            reach = sums[np.minimum(start + room, len(near))] - sums[np.minimum(start, len(near))]
            alive = (room > 0) & (missing <= reach)
            sets, missing, room, start = sets[alive], missing[alive], room[alive], start[alive]

    def _any_new(self, direction: Vector, sets: NDArray[np.intp]) -> bool:
        """Tell whether any of *sets* carries a vector of the span that it does not carry without *direction*."""
        for begin in range(0, len(sets), MANY):
            some = sets[begin : begin + MANY]
            before = self._blocks(some)
            added = direction[some]
            after = before + added[:, :, None] * added[:, None, :]
            power = after @ after
            power = power @ power
            close = (power**2).sum(axis=(1, 2)) >= 1 - 10 * SURE  # the sum of the eigenvalues' eighth powers
            if not close.any():
                continue
            old = (np.linalg.eigvalsh(before[close]) >= 1 - SURE).sum(axis=1)
            new = (np.linalg.eigvalsh(after[close]) >= 1 - SURE).sum(axis=1)
            if bool((new > old).any()):
                return True
        return False

    def _blocks(self, sets: NDArray[np.intp]) -> Vector:
        """Return P_TT for each of *sets*; the last members of many sets are many, so rows are made of the others."""
        size = sets.shape[1]
        blocks = np.empty((len(sets), size, size))
        for one in range(size):
            blocks[:, one, one] = self._own[sets[:, one]]
        if size > 1:
            places, at = np.unique(sets[:, :-1], return_inverse=True)
            rows = self._projected(places)
            at = at.reshape(len(sets), size - 1)
            for one in range(size - 1):
                for other in range(one + 1, size):
                    blocks[:, one, other] = blocks[:, other, one] = rows[at[:, one], sets[:, other]]
        return blocks
