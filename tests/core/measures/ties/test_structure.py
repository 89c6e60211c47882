"""Clustering, constraint and fragmentation beside published values and beside networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.ties import structure
from tertulia.measures.ties.network import Network

from .conftest import drawn, network_of

SEEDS = range(3)
HOLES = {
    "AB": 2, "AF": 3, "AG": 5, "AE": 2, "EG": 8, "FG": 3, "BG": 4, "BD": 1, "DG": 3, "GC": 10,
}  # fmt: skip
"""Figure 1 of Borgatti 1997, "Structural holes: unpacking Burt's redundancy measures", and weights for it."""


def holes() -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(7))
    for (one, other), weight in HOLES.items():
        graph.add_edge("ABCDEFG".index(one), "ABCDEFG".index(other), weight=weight)
    return graph


def test_constraint_of_the_published_example() -> None:
    # networkx's own tests give these, "originally computed using UCINET and igraph, and then by hand"
    plain = structure.constraint(network_of(holes(), None))
    weighted = structure.constraint(network_of(holes()))
    assert plain[[6, 0, 2]] == pytest.approx([0.400, 0.595, 1.0], abs=5e-4)
    assert weighted[[6, 0, 2]] == pytest.approx([0.299, 0.795, 1.0], abs=5e-4)


def test_constraint_of_a_directed_network_of_the_published_example() -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(3))
    graph.add_weighted_edges_from([(0, 1, 2), (0, 2, 2), (1, 0, 1), (2, 1, 1)])
    assert structure.constraint(network_of(graph, None)) == pytest.approx([1.003, 1.003, 1.389], abs=5e-4)
    assert structure.constraint(network_of(graph)) == pytest.approx([0.840, 1.143, 1.378], abs=5e-4)


@pytest.mark.parametrize("contacts", [1, 2, 4, 10])
def test_who_stands_between_people_without_ties_is_constrained_least(contacts: int) -> None:
    # Burt 1992, page 55: contacts that are not connected constrain with 1/N; three who are all connected with 9/8
    assert structure.constraint(network_of(nx.star_graph(contacts)))[0] == pytest.approx(1 / contacts)
    assert structure.constraint(network_of(nx.complete_graph(3))) == pytest.approx([1.125] * 3)


def test_the_karate_club(karate: nx.Graph) -> None:
    # average local clustering 0.571, connected: as network collections publish them for this network
    network = network_of(karate, None)
    assert structure.local_clustering(network).mean() == pytest.approx(0.5706, abs=5e-5)
    assert structure.components(network).tolist() == [34]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rows", [structure.ROWS, 7])
def test_the_same_as_networkx(seed: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "ROWS", rows)
    graph = drawn(seed)
    network, nodes = network_of(graph), range(graph.number_of_nodes())
    clustering, constraint = nx.clustering(graph), nx.constraint(graph, nodes=nodes, weight="weight")
    assert structure.local_clustering(network) == pytest.approx([clustering[node] for node in nodes])
    expected = [constraint[node] for node in nodes]
    assert structure.constraint(network) == pytest.approx(expected, nan_ok=True)
    sizes = sorted((len(part) for part in nx.connected_components(graph)), reverse=True)
    assert structure.components(network).tolist() == sizes
    assert dict(enumerate(network.strength)) == pytest.approx(dict(graph.degree(weight="weight")))
    assert network.partners.tolist() == [degree for _, degree in graph.degree()]


def test_fragmentation_of_published_examples() -> None:
    # Borgatti 2006: nobody reaches anybody is 1, everybody is 0; parts of equal size go towards 1 - 1/parts
    assert structure.fragmentation(np.array([1] * 8)) == 1.0
    assert structure.fragmentation(np.array([8])) == 0.0
    assert structure.fragmentation(np.array([5, 5])) == pytest.approx(1 - 40 / 90)
    assert structure.fragmentation(np.array([1])) is None
    assert structure.largest_share(np.array([6, 3, 1])) == 0.6
    assert structure.largest_share(np.array([], dtype=np.intp)) is None


@given(st.integers(0, 2**16), st.integers(2, 30))
@settings(max_examples=25, deadline=None)
def test_fragmentation_is_the_share_of_pairs_that_cannot_reach_each_other(seed: int, people: int) -> None:
    graph = nx.gnp_random_graph(people, 0.06, seed=seed)
    apart = [not nx.has_path(graph, one, other) for one in graph for other in graph if one < other]
    found = structure.fragmentation(structure.components(network_of(graph)))
    assert found == pytest.approx(sum(apart) / len(apart))


def test_nobody_at_all() -> None:
    network: Network = network_of(nx.Graph())
    assert len(structure.constraint(network)) == len(structure.local_clustering(network)) == 0
    assert structure.fragmentation(structure.components(network)) is None
