"""How a network holds together: closed triangles, structural holes, and what it falls apart into."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tertulia.measures.ties.network import Floats, Network, Places

ROWS = 4_096
"""So many people at a time: products over two steps of a large network would fill the memory."""


def local_clustering(network: Network) -> Floats:
    """Return for each person the share of pairs of partners who have a tie with each other (Watts and Strogatz 1998).

    It is 0 for whoever has fewer than two partners.
    """
    known = csr_array(
        (np.ones(network.tied.nnz, dtype=np.float64), network.tied.indices, network.tied.indptr),
        shape=network.tied.shape,
    )
    closed = [(part @ known).multiply(part).sum(axis=1) for part in _parts(known)]
    open_ = network.partners * (network.partners - 1.0)
    shares: Floats = np.divide(
        np.concatenate([np.zeros(0), *closed]), open_, out=np.zeros(network.people), where=open_ > 0
    )
    return shares


def constraint(network: Network) -> Floats:
    """Return Burt's constraint of each person, weighted; not a number for whoever has no tie.

    It is the sum over partners j of (p_ij + Σ_q p_iq p_qj)², where p_ij is the share of i's strength that is with j
    (Burt 1992, 2.4; 2004).
    """
    tied, strength = network.tied, network.strength
    shares = csr_array((tied.data.astype(np.float64), tied.indices, tied.indptr), shape=tied.shape)
    shares.data /= np.repeat(np.asarray(tied.sum(axis=1), dtype=np.float64), network.partners)
    known = csr_array((np.ones(tied.nnz), tied.indices, tied.indptr), shape=tied.shape)
    found = [np.zeros(0)]
    for part, partners in zip(_parts(shares), _parts(known), strict=True):
        invested = part + (part @ shares).multiply(partners)
        invested.data **= 2
        found.append(invested.sum(axis=1))
    return np.where(strength > 0, np.concatenate(found), np.nan)


def _parts(matrix: csr_array) -> Iterator[csr_array]:
    for start in range(0, matrix.shape[0], ROWS):
        yield matrix[start : start + ROWS]


def components(network: Network) -> Places:
    """Return how many people each part has that no tie leads out of, the largest first."""
    _, labels = connected_components(network.tied, directed=False)
    return np.sort(np.bincount(labels))[::-1]


def fragmentation(sizes: Places) -> float | None:
    """Return the share of pairs of people who cannot reach each other, from the *sizes* of the parts.

    F = 1 − Σ s(s − 1) / (n(n − 1)) (Borgatti 2006, equation 4); `None` for fewer than two people.
    """
    people = int(sizes.sum())
    if people < 2:
        return None
    reached = float((sizes * (sizes - 1.0)).sum())
    return 1.0 - reached / (people * (people - 1.0))


def largest_share(sizes: Places) -> float | None:
    """Return the share of people in the largest part, `None` where there is nobody."""
    return float(sizes[0] / sizes.sum()) if len(sizes) else None
