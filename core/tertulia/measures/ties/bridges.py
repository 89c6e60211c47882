"""What the café takes from the network: which circle everybody belongs to, so that it can bring circles together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tertulia.domain.identifiers import Id
from tertulia.measures.ties.communities import communities
from tertulia.measures.ties.edges import UNIT, Edges
from tertulia.measures.ties.network import Network


def circles(ties: Mapping[frozenset[Id], float]) -> dict[Id, int]:
    """Return the circle of everybody who has a tie, from how strongly each two people interact."""
    people = sorted({one for pair in ties for one in pair})
    places = {one: place for place, one in enumerate(people)}
    rows = [(*(places[one] for one in sorted(pair)), strength) for pair, strength in ties.items() if len(pair) == 2]
    first, second, strengths = np.array(rows, dtype=np.float64).reshape(len(rows), 3).T
    weight, week = np.rint(strengths * UNIT).astype(np.int64), np.zeros(len(rows), dtype=np.int32)
    edges = Edges(week, first.astype(np.int32), second.astype(np.int32), np.zeros_like(weight), weight)
    found = communities(Network.of(edges, len(people)))
    return dict(zip(people, found.tolist(), strict=True))
