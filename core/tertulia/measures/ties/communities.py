"""Circles of people who have more to do with each other than with others, found from their ties alone.

Louvain's method (Blondel et al. 2008) with the queue of Leiden (Traag et al. 2019): people move to where modularity
grows most until nobody wants to, then whole circles do, then people again. A circle that does not hang together falls
into its parts. Gains are compared in whole numbers, the lower number wins between equals: one seed gives
one result on every machine.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tertulia.measures.ties.network import Floats, Network, Places

ROUNDS = 20
"""Far more than any network took."""


def communities(network: Network, seed: int = 0) -> Places:
    """Return each person's circle, numbered in the order in which they appear; who has no tie is a circle of one."""
    drawn = np.random.default_rng(seed)
    found = np.arange(network.people, dtype=np.intp)
    for _ in range(ROUNDS):
        settled = _joined(network.tied, _moved(network.tied, found, drawn), drawn)
        if (settled == found).all():
            break
        found = settled
    return found


def _joined(whole: csr_array, circles: Places, drawn: np.random.Generator) -> Places:
    """Let whole circles move to others, and what comes of it again, until none wants to."""
    for _ in range(ROUNDS):
        between = _between(whole, circles)
        moved = _moved(between, np.arange(between.shape[0], dtype=np.intp), drawn)
        if moved.max(initial=-1) + 1 == between.shape[0]:
            break
        circles = _numbered(moved[circles])
    return circles


def modularity(network: Network, circles: Places) -> float | None:
    """Return how much more strength stays inside circles than chance would keep there (Newman and Girvan 2004)."""
    one, other, weight = network.pairs
    total = float(weight.sum())
    if not total:
        return None
    inside = float(weight[circles[one] == circles[other]].sum())
    by_circle = np.bincount(circles, network.strength)
    return inside / total - float(((by_circle / (2 * total)) ** 2).sum())


def participation(network: Network, circles: Places) -> Floats:
    """Return how evenly each one's strength is spread over circles: 1 − Σ (k_c / k)² (Guimerà and Amaral 2005).

    It is 0 where all of it is in one circle, and not a number for whoever has no tie.
    """
    tied = network.tied
    rows = np.repeat(np.arange(network.people), network.partners)
    shape = (network.people, int(circles.max(initial=-1)) + 1)
    spread = csr_array((tied.data.astype(np.float64), (rows, circles[tied.indices])), shape=shape)
    total = np.asarray(spread.sum(axis=1), dtype=np.float64)
    squares = np.asarray(spread.power(2).sum(axis=1), dtype=np.float64)
    evenness: Floats = 1.0 - np.divide(squares, total**2, out=np.full(network.people, np.nan), where=total > 0)
    return evenness


def _moved(weights: csr_array, circles: Places, drawn: np.random.Generator) -> Places:
    """Let every node move to the neighbouring circle where modularity grows most, until none wants to."""
    starts, others, ties = weights.indptr.tolist(), weights.indices.tolist(), weights.data.tolist()
    degrees = [int(one) for one in weights.sum(axis=1)]
    double, circle, total = sum(degrees), circles.tolist(), [0] * len(degrees)
    for node, degree in enumerate(degrees):
        total[circle[node]] += degree
    queue, waiting = deque(drawn.permutation(len(degrees)).tolist()), [True] * len(degrees)
    while queue:
        node = queue.popleft()
        waiting[node] = False
        near = range(starts[node], starts[node + 1])
        toward: dict[int, int] = {}
        for place in near:
            if others[place] != node:
                there = circle[others[place]]
                toward[there] = toward.get(there, 0) + ties[place]
        here, degree = circle[node], degrees[node]
        total[here] -= degree
        best = _best(toward, total, here, degree, double)
        total[best] += degree
        if best != here:
            circle[node] = best
            for other in (others[place] for place in near):
                if not waiting[other] and circle[other] != best:
                    waiting[other] = True
                    queue.append(other)
    return _connected(weights, np.array(circle, dtype=np.intp))


def _best(toward: dict[int, int], total: list[int], here: int, degree: int, double: int) -> int:
    """Return the circle where a node adds most to modularity; it stays where none is better."""
    best, most = here, toward.get(here, 0) * double - total[here] * degree
    for there, tie in toward.items():
        gain = tie * double - total[there] * degree
        if gain > most or (gain == most and there < best != here):
            best, most = there, gain
    return best


def _connected(weights: csr_array, circles: Places) -> Places:
    """Split circles that do not hang together."""
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    inside = circles[rows] == circles[weights.indices]
    kept = csr_array((weights.data[inside], (rows[inside], weights.indices[inside])), shape=weights.shape)
    return _numbered(connected_components(kept, directed=False)[1].astype(np.intp))


def _between(weights: csr_array, circles: Places) -> csr_array:
    """Return what lies between and inside circles."""
    shape = (len(circles), int(circles.max(initial=-1)) + 1)
    belongs = csr_array((np.ones(len(circles), dtype=np.int64), (np.arange(len(circles)), circles)), shape=shape)
    return csr_array(belongs.T @ weights @ belongs)


def _numbered(labels: npt.NDArray[np.intp]) -> Places:
    """Number labels in the order in which they appear."""
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.intp)
    order[np.argsort(first)] = np.arange(len(first))
    return order[index]
