"""How much of what people give each other comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tertulia.measures.ties.edges import UNIT
from tertulia.measures.ties.network import Floats, Network, Places


@dataclass(frozen=True)
class Reciprocity:
    """Hold for each person to how many others they gave, and how many of these gave back.

    *weight* and *returned* say the same in weights: what was given, and as much of it as came back.
    """

    others: Places
    back: Places
    weight: Floats
    returned: Floats

    @property
    def share(self) -> float | None:
        """The share of ties that are returned (Wasserman and Faust 1994, 13.4), `None` where nobody gave anything."""
        return float(self.back.sum() / self.others.sum()) if self.others.any() else None

    @property
    def of_weight(self) -> float | None:
        """The share of weight that is returned (Squartini et al. 2013, equation 5)."""
        return float(self.returned.sum() / self.weight.sum()) if self.weight.any() else None


def reciprocity(network: Network) -> Reciprocity:
    """Compare what each gave with what came back; what two share (`MUTUAL`) is not counted."""
    given = network.given
    both = given.minimum(given.T).tocsr()
    both.eliminate_zeros()
    return Reciprocity(
        np.diff(given.indptr).astype(np.intp),
        np.diff(both.indptr).astype(np.intp),
        np.asarray(given.sum(axis=1), dtype=np.float64) / UNIT,
        np.asarray(both.sum(axis=1), dtype=np.float64) / UNIT,
    )
