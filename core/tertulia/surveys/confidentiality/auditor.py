"""The linear auditor: no arithmetic on published cells, of one round or of many, touches fewer than *k* people.

People are columns, each published cell is a row of zeros and ones over those whose answers are in it, and a person's
answer counts as the same unknown in every round. The rows' span must hold no vector, but zero, whose support is
lighter than *k*.

With P the projector on the span in coordinates scaled by the square root of the classes' weights, a vector w of the
span is Pw. Where T is its support and c the place of its largest entry, |w_c| ≤ Σ |P_cd| |w_d| over T, so
P_cc + the largest |P_cd| that fit beside c reach 1. Where that sum stays below 1 for every c, the span is proven
safe; for the rest the sets T are searched: T is the support of such a vector if and only if the largest eigenvalue of
P_TT is 1. Sets that were searched once are watched: a new row adds to their eigenvalue at most what it adds to their
diagonal, so they are looked at again only where that could bring one to 1. A search that exceeds its budget refuses
the row.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, qr

from tertulia.surveys.confidentiality.candidates import Rows, Weights
from tertulia.surveys.confidentiality.watch import Places, Vector, Watch

Verdict: TypeAlias = Literal["published", "derivable", "refused", "too_few", "over_budget"]

NOTHING = 1e-18
UNCLEAR = 1e-9
"""A residual below NOTHING (relative, squared) is zero; between the two nobody can tell, and the row is refused."""
BUDGET = 200_000


class Auditor:
    """Decide row by row what may be published beside all that is published already."""

    def __init__(self, weights: Weights, k: int, *, budget: int = BUDGET):
        """Watch over classes of people with these *weights*; at most *budget* sets are searched for each row."""
        self.k = k
        self._weights = weights
        self._scale: Vector = np.sqrt(weights.astype(np.float64))
        # a class of k or more is never inside a set that is too light
        self._light: Places = np.flatnonzero(weights < k)
        self._basis: Vector = np.empty((64, len(weights)))
        self._rank = 0
        size = len(self._light)
        self._projector: Vector = np.zeros((size, size), order="F")
        self._watch = Watch(self._projector, weights[self._light], k, budget)

    @property
    def rank(self) -> int:
        """How many independent figures are published."""
        return self._rank

    def load(self, rows: Rows) -> None:
        """Take over rows over classes that are published already."""
        if not len(rows):
            return
        scaled = np.where(rows, self._scale, 0.0).T
        span, sizes, _ = qr(scaled, mode="economic", pivoting=True, check_finite=False)
        kept = np.abs(np.diag(sizes)) > 1e-10 * max(1.0, float(np.abs(sizes).max()))
        found = np.ascontiguousarray(span.T[: len(kept)][kept])
        for direction in found:
            self._keep(direction)
        some = found[:, self._light]
        self._projector += some.T @ some
        self._watch.forget()

    def decide(self, row: NDArray[np.bool_]) -> Verdict:
        """Publish *row* if that is safe."""
        if int(self._weights[row].sum()) < self.k:
            return "too_few"
        direction, clear = self._residual(row)
        if direction is None:
            return "derivable"
        if not clear:
            return "refused"
        light = direction[self._light]
        found = self._watch.look(light)
        if found != "safe":
            return "refused" if found == "unsafe" else "over_budget"
        if light.size:
            blas.dger(1.0, light, light, a=self._projector, overwrite_a=1)
        self._watch.accept()
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
