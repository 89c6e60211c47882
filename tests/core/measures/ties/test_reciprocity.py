"""How much comes back, beside published definitions and networkx."""

from __future__ import annotations

import networkx as nx
import pytest

from tertulia.measures.ties.reciprocity import reciprocity

from .conftest import drawn, network_of


def test_a_small_network_by_hand() -> None:
    # Squartini et al. 2013: of each two the smaller weight comes back; here 2 x min(3, 1) of 3 + 1 + 2
    graph = nx.DiGraph()
    graph.add_nodes_from(range(4))
    graph.add_weighted_edges_from([(0, 1, 3), (1, 0, 1), (2, 0, 2)])
    found = reciprocity(network_of(graph))
    assert found.of_weight == pytest.approx(2 / 6)
    assert found.share == pytest.approx(2 / 3)
    assert (found.others.tolist(), found.back.tolist()) == ([1, 1, 1, 0], [1, 1, 0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_the_same_as_networkx(seed: int) -> None:
    graph = drawn(seed, directed=True)
    found = reciprocity(network_of(graph))
    assert found.share == pytest.approx(nx.overall_reciprocity(graph))
    back = sum(min(w, graph[b][a]["weight"]) for a, b, w in graph.edges(data="weight") if graph.has_edge(b, a))
    assert found.of_weight == pytest.approx(back / sum(w for *_, w in graph.edges(data="weight")))


def test_what_two_share_is_not_returned() -> None:
    found = reciprocity(network_of(nx.complete_graph(4)))
    assert found.share is None
    assert found.of_weight is None
