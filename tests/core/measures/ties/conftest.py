"""Networks to compute with: published ones, and ones drawn by a seed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from tertulia.measures.ties.edges import UNIT, Edges
from tertulia.measures.ties.network import Network


def network_of(graph: nx.Graph, weight: str | None = "weight") -> Network:
    """Read a graph whose nodes are 0, 1, 2 …; an edge without a direction is a tie that two share."""
    rows = [(one, other, data.get(weight, 1) if weight else 1) for one, other, data in graph.edges(data=True)]
    one, other, worth = np.array(rows, dtype=np.float64).reshape(len(rows), 3).T
    whole, nothing = np.rint(worth * UNIT).astype(np.int64), np.zeros(len(rows), dtype=np.int64)
    given, shared = (whole, nothing) if graph.is_directed() else (nothing, whole)
    week = np.zeros(len(rows), dtype=np.int32)
    edges = Edges(week, one.astype(np.int32), other.astype(np.int32), given, shared)
    return Network.of(edges, graph.number_of_nodes())


def drawn(seed: int, people: int = 60, *, directed: bool = False) -> nx.Graph:
    """Draw a network with weights in teams of six, some people without any tie."""
    lot = np.random.default_rng(seed)
    graph = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(range(people))
    for one in range(people - 3):
        for other in range(people - 3):
            near = one // 6 == other // 6
            if one != other and lot.random() < (0.5 if near else 0.03):
                graph.add_edge(one, other, weight=int(lot.integers(1, 9)) / 4)
    return graph


@pytest.fixture(scope="session")
def karate() -> nx.Graph:
    """Zachary's karate club, 34 members and 78 friendships (Zachary 1977)."""
    return nx.karate_club_graph()
