"""The E–I index: whether ties lead out of groups or stay inside them, and what chance alone would give.

(E − I) / (E + I), E being the strength of ties between groups and I inside them: −1 where all stay inside, 1 where
all lead out (Krackhardt and Stern 1988). Who has no known group, a label below 0, is left out with all ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tertulia.measures.ties.network import Bools, Floats, Network, Places

Labels: TypeAlias = npt.NDArray[np.int64]
"""The number of each person's group, below 0 where it is not known."""
PERMUTATIONS = 999


@dataclass(frozen=True)
class Crossing:
    """Hold the strength of each person's ties with other groups, and with their own; each tie counts at both ends."""

    external: Floats
    internal: Floats

    def index(self, who: Bools | slice = slice(None)) -> float | None:
        """Return the E–I index of the ties of some, or of everybody; `None` where they have none.

        A tie counts at each of its ends that is among them.
        """
        return index(float(self.external[who].sum()), float(self.internal[who].sum()))


@dataclass(frozen=True)
class Chance:
    """Hold what the index would be if labels were dealt out anew: on average, in 95 of 100 cases, and how rare it is.

    *p* is the share of deals that are at least as far from the average as what is seen.
    """

    expected: float
    low: float
    high: float
    p: float


def index(external: float, internal: float) -> float | None:
    """Return the E–I index of two sums of strength."""
    total = external + internal
    return (external - internal) / total if total > 0 else None


def crossing(network: Network, labels: Labels) -> Crossing:
    """Add up each person's ties with other groups and with their own."""
    one, other, weight = _known(network, labels)
    out = labels[one] != labels[other]
    return Crossing(_ends(one, other, weight * out, len(labels)), _ends(one, other, weight * ~out, len(labels)))


def _known(network: Network, labels: Labels) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    one, other, weight = network.pairs
    known = (labels[one] >= 0) & (labels[other] >= 0)
    return one[known], other[known], weight[known]


def _ends(one: Places, other: Places, weight: Floats, people: int) -> Floats:
    both = np.bincount(one, weight, minlength=people) + np.bincount(other, weight, minlength=people)
    return np.asarray(both, dtype=np.float64)


def expected(labels: Labels) -> float | None:
    """Return the mean of the index over all ways of dealing the labels out; `None` for fewer than two people.

    Any two people have the same label in Σ n_g(n_g − 1) / (n(n − 1)) of them, whatever their tie, so that nothing has
    to be drawn for it.
    """
    sizes = np.bincount(labels[labels >= 0]).astype(np.float64)
    people = float(sizes.sum())
    if people < 2:
        return None
    return 1.0 - 2.0 * float((sizes * (sizes - 1)).sum()) / (people * (people - 1))


def chance(network: Network, labels: Labels, seed: int, permutations: int = PERMUTATIONS) -> Chance | None:
    """Deal the labels out anew, the same way for the same *seed*; `None` where there is nothing to compare."""
    one, other, weight = _known(network, labels)
    mean, total = expected(labels), float(weight.sum())
    if mean is None or not total:
        return None
    drawn, dealt, known = np.random.default_rng(seed), labels.copy(), np.flatnonzero(labels >= 0)
    found = np.empty(permutations)
    for number in range(permutations):
        dealt[known] = drawn.permutation(labels[known])
        found[number] = 2.0 * float(weight[dealt[one] != dealt[other]].sum()) / total - 1.0
    seen = 2.0 * float(weight[labels[one] != labels[other]].sum()) / total - 1.0
    rarer = int((np.abs(found - mean) >= abs(seen - mean) - 1e-12).sum())
    low, high = np.quantile(found, [0.025, 0.975])
    return Chance(mean, float(low), float(high), (rarer + 1) / (permutations + 1))
