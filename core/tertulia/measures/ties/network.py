"""The network of a window of weeks: who has ties with whom, and how strong they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from tertulia.measures.ties.edges import UNIT, Edges

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]
WEEKS = 13
"""So many weeks make a window: a quarter."""


@dataclass(frozen=True)
class Network:
    """Hold *people* by their places, what each gave each other, and the tie of every two, in thousandths.

    *given* is directed. *tied* is what two gave to each other and shared, the same from both sides. Neither holds a
    tie with oneself.
    """

    people: int
    given: csr_array
    tied: csr_array

    @classmethod
    def of(cls, edges: Edges, people: int) -> Network:
        """Add up the edges of a window between *people*."""
        shape = (people, people)
        between = edges.part(edges.source != edges.target)
        given = csr_array((between.given, (between.source, between.target)), shape=shape)
        whole = csr_array((between.given + between.shared, (between.source, between.target)), shape=shape)
        tied = csr_array(whole + whole.T)
        for matrix in (given, tied):
            matrix.eliminate_zeros()
            matrix.sort_indices()
        return cls(people, given, tied)

    @cached_property
    def strength(self) -> Floats:
        """How strong each one's ties are together (Barrat et al. 2004)."""
        return np.asarray(self.tied.sum(axis=1), dtype=np.float64) / UNIT

    @cached_property
    def partners(self) -> Places:
        """How many others each one has a tie with."""
        found: Places = np.diff(self.tied.indptr).astype(np.intp)
        return found

    @cached_property
    def pairs(self) -> tuple[Places, Places, Floats]:
        """Every two with a tie, once, and its strength."""
        rows = np.repeat(np.arange(self.people), self.partners)
        once = rows < self.tied.indices
        strength: Floats = self.tied.data[once] / UNIT
        return rows[once], self.tied.indices[once].astype(np.intp), strength
