"""The E–I index beside published mixing matrices, beside all permutations, and turned around."""

from __future__ import annotations

from itertools import permutations

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.ties import crossing
from tertulia.measures.ties.network import Network

from .conftest import drawn, network_of

SAMPSON = ((30, 1, 5), (7, 10, 1), (9, 2, 23))
MONKS = (7, 4, 7)
"""Liking among Sampson's 18 monks: Turks, Outcasts and Loyal (Sampson 1969)."""
JEMAAH = ((6, 16, 30, 2, 8), (0, 2, 10, 2, 0), (0, 0, 20, 10, 0), (0, 0, 0, 0, 8), (0, 0, 0, 0, 12))
CELL = (4, 2, 5, 2, 4)
"""Contacts of the Bali bombers by role (Koschade 2006), each tie counted from both sides."""


def realised(matrix: tuple[tuple[int, ...], ...], sizes: tuple[int, ...]) -> tuple[Network, npt.NDArray[np.int64]]:
    """Build a network whose groups have the ties of a mixing matrix; who has them is of no account for the index."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(labels)))
    for group, row in enumerate(matrix):
        for toward, ties in enumerate(row):
            pairs = [
                (one, other)
                for one in np.flatnonzero(labels == group)
                for other in np.flatnonzero(labels == toward)
                if one != other
            ]
            for number in range(ties):
                one, other = pairs[number % len(pairs)]
                before = graph.get_edge_data(one, other, {"weight": 0})["weight"]
                graph.add_edge(one, other, weight=before + 1)
    return network_of(graph), labels


@pytest.mark.parametrize(
    ("matrix", "sizes", "published"),
    [(SAMPSON, MONKS, -0.4318182), (JEMAAH, CELL, 0.3650794)],
    ids=["Sampson", "Koschade"],
)
def test_the_index_of_published_networks(
    matrix: tuple[tuple[int, ...], ...], sizes: tuple[int, ...], published: float
) -> None:
    # as the R package homophily (B. Knapp 2019) gives them in its README
    network, labels = realised(matrix, sizes)
    assert crossing.crossing(network, labels).index() == pytest.approx(published, abs=5e-8)


def test_the_index_of_a_group_is_that_of_its_members_ties() -> None:
    # a tie inside counts at both ends, so that a group is the sum of its members, and everybody of all groups
    network, labels = realised(SAMPSON, MONKS)
    found = crossing.crossing(network, labels)
    assert found.index(labels == 0) == pytest.approx((1 + 5 + 7 + 9 - 60) / (1 + 5 + 7 + 9 + 60))
    sums = [(found.external[labels == group].sum(), found.internal[labels == group].sum()) for group in range(3)]
    assert crossing.index(sum(out for out, _ in sums), sum(inside for _, inside in sums)) == found.index()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_as_a_count_with_networkx(seed: int) -> None:
    graph = drawn(seed)
    labels = np.random.default_rng(seed).integers(-1, 4, graph.number_of_nodes())
    known = [(a, b, w) for a, b, w in graph.edges(data="weight") if labels[a] >= 0 and labels[b] >= 0]
    out = sum(weight for one, other, weight in known if labels[one] != labels[other])
    inside = sum(weight for one, other, weight in known if labels[one] == labels[other])
    found = crossing.crossing(network_of(graph), labels)
    assert found.index() == pytest.approx((out - inside) / (out + inside))


def test_the_expected_value_is_that_of_all_permutations() -> None:
    graph = drawn(1, people=9)
    network, labels = network_of(graph), np.array([0, 0, 0, 1, 1, 2, -1, 2, -1])
    known = np.flatnonzero(labels >= 0)
    every = []
    for dealt in set(permutations(labels[known].tolist())):
        again = labels.copy()
        again[known] = dealt
        every.append(crossing.crossing(network, again).index())
    assert crossing.expected(labels) == pytest.approx(np.mean(every))
    found = crossing.chance(network, labels, seed=7)
    assert found is not None
    assert found.expected == pytest.approx(np.mean(every))
    assert min(every) - 1e-9 <= found.low <= found.expected <= found.high <= max(every) + 1e-9
    assert found == crossing.chance(network, labels, seed=7)


def test_what_chance_would_hardly_give_is_rare() -> None:
    graph = drawn(2)
    teams = np.arange(graph.number_of_nodes()) // 6
    lots = np.random.default_rng(3).permutation(teams)
    by_team, by_lot = (crossing.chance(network_of(graph), labels, seed=1) for labels in (teams, lots))
    assert by_team is not None
    assert by_lot is not None
    assert by_team.p == 1 / (crossing.PERMUTATIONS + 1)
    assert by_lot.p > 0.01


ties = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 40)), min_size=1, max_size=40)


@given(ties, st.lists(st.integers(-1, 3), min_size=10, max_size=10))
@settings(max_examples=60, deadline=None)
def test_the_index_lies_between_minus_one_and_one(some: list[tuple[int, int, int]], labels: list[int]) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(range(10))
    graph.add_weighted_edges_from([(a, b, w / 4) for a, b, w in some if a != b])
    found = crossing.crossing(network_of(graph), np.array(labels))
    indices = [found.index(), *(found.index(np.array(labels) == label) for label in range(4))]
    assert all(one is None or -1 <= one <= 1 for one in indices)


@given(ties, st.lists(st.booleans(), min_size=10, max_size=10))
@settings(max_examples=60, deadline=None)
def test_turning_the_partition_around_flips_the_index(some: list[tuple[int, int, int]], sides: list[bool]) -> None:
    # between even and odd people only: moving all odd ones to the other side turns every tie inside into one outside
    graph = nx.Graph()
    graph.add_nodes_from(range(10))
    graph.add_weighted_edges_from([(a, b, w / 4) for a, b, w in some if (a + b) % 2])
    network, labels = network_of(graph), np.array(sides, dtype=np.int64)
    turned = np.where(np.arange(10) % 2, 1 - labels, labels)
    one, other = (crossing.crossing(network, each).index() for each in (labels, turned))
    assert one == (None if other is None else pytest.approx(-other))
    mixed = crossing.crossing(network, labels)
    assert crossing.index(mixed.internal.sum(), mixed.external.sum()) == (
        None if one is None else pytest.approx(-one)
    )


def test_without_ties_or_groups_there_is_no_index() -> None:
    network = network_of(nx.empty_graph(5))
    labels = np.array([0, 0, 1, 1, -1])
    assert crossing.crossing(network, labels).index() is None
    assert crossing.chance(network, labels, seed=1) is None
    assert crossing.expected(np.array([0, -1])) is None
