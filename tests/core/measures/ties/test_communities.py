"""Circles: as good as the best known, always the same, and in one piece."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from tertulia.measures.ties.communities import communities, modularity, participation

from .conftest import drawn, network_of

BEST = 0.4198
"""The largest modularity of the karate club without weights, proven by Brandes et al. 2008."""


@pytest.mark.parametrize("seed", range(5))
def test_the_karate_club_falls_into_the_best_circles_known(karate: nx.Graph, seed: int) -> None:
    network = network_of(karate, None)
    found = communities(network, seed)
    assert modularity(network, found) == pytest.approx(BEST, abs=5e-5)
    assert found.max() + 1 == 4
    assert (found == communities(network, seed)).all()


@pytest.mark.parametrize("seed", range(3))
def test_beside_networkx(seed: int) -> None:
    graph = drawn(seed, people=120)
    network, found = network_of(graph), communities(network_of(graph), seed)
    parts = [set(np.flatnonzero(found == label).tolist()) for label in range(found.max() + 1)]
    theirs = nx.community.louvain_communities(graph, seed=seed)
    assert modularity(network, found) == pytest.approx(nx.community.modularity(graph, parts))
    assert modularity(network, found) >= nx.community.modularity(graph, theirs) - 0.01
    assert all(nx.is_connected(graph.subgraph(part)) for part in parts)


def test_the_spread_of_strength_over_circles() -> None:
    # Guimerà and Amaral 2005: 0 where all is in one circle, 1 - 1/4 where it is even over four
    graph = nx.star_graph(4)
    graph.add_node(5)
    spread = participation(network_of(graph), np.array([0, 0, 1, 2, 3, 4]))
    assert spread == pytest.approx([0.75, 0, 0, 0, 0, np.nan], nan_ok=True)


def test_nobody_and_nothing() -> None:
    assert len(communities(network_of(nx.Graph()))) == 0
    alone = network_of(nx.empty_graph(3))
    assert communities(alone).tolist() == [0, 1, 2]
    assert modularity(alone, communities(alone)) is None
