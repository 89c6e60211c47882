"""Weekly edges beside polars and one read of the data; the network of a quarter beside networkx: `ties`."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from benchmarks.report import number, say, show
from tertulia.measures.ties import crossing, structure
from tertulia.measures.ties.communities import communities, modularity
from tertulia.measures.ties.edges import UNIT, WEEK, Edges, Events, Worth, combined, fold, week_number
from tertulia.measures.ties.network import WEEKS, Network
from tertulia.measures.ties.reciprocity import reciprocity

KINDS = (
    ("comment", 0.25), ("mention", 1.0), ("reply", 1.0), ("kudos", 1.0), ("hand-over", 1.0), ("help", 0.5),
    ("co-assignment", 0.5), ("co-attendance", 1.0),
)  # fmt: skip
TEAM = 15
YEAR = 52
START = 1_767_571_200  # Monday, 5 January 2026
PILOT = 2_820
GRAPH_ONLY = 60
"""People for whom networkx computes constraint without scipy; the rest is extrapolated."""


def measure(*, quick: bool) -> None:
    """Measure the folding of events, and the measures of a network."""
    people, events = (10_000, 1_000_000) if quick else (100_000, 10_000_000)
    aggregation(people, events, repeats=3 if quick else 5)
    networks(600 if quick else PILOT)
    if not quick:
        networks(people, beside=False)


def invented(people: int, events: int, seed: int) -> Events:
    """Draw a year of events, in the order of time: most in teams, some with people met often, the rest anywhere."""
    drawn = np.random.default_rng(seed)
    at = np.sort(drawn.integers(START, START + YEAR * WEEK, events)).astype(np.int64)
    source = drawn.integers(0, people, events).astype(np.int32)
    target = (source // TEAM * TEAM + drawn.integers(0, TEAM, events)) % people
    where = drawn.random(events)
    # everybody has eight people elsewhere whom they meet again and again
    known = (source.astype(np.int64) * 7_919 + drawn.integers(1, 9, events) * 104_729) % people
    target = np.where(where < 0.75, target, np.where(where < 0.97, known, drawn.integers(0, people, events)))
    return Events(at, source, target.astype(np.int32), drawn.integers(0, len(KINDS), events).astype(np.uint8))


def aggregation(people: int, events: int, *, repeats: int) -> None:
    """Fold the same year of events with numpy and with polars, and read it once."""
    ways = {"one read of the data": _read, "ours": _ours, "ours, in no order": _shuffled, "polars": _polars}
    found = {name: _alone(way, people, events, repeats) for name, way in ways.items()}
    edges = {name: one.pop("edges") for name, one in found.items()}
    assert edges["ours"] == edges["ours, in no order"] == edges["polars"], edges
    read, polars = found["one read of the data"]["cpu"], found["polars"]["cpu"]
    rows = [
        [
            name,
            number(edges[name]) if edges[name] else "-",
            number(one["cpu"], 3),
            number(one["wall"], 3),
            number(one["cpu"] / read, 1),
            number(one["cpu"] / polars, 2),
            number(one["MB"]),
        ]
        for name, one in found.items()
    ]
    columns = ("", "edges", "CPU s", "wall s", "times the read", "times polars", "peak MB")
    show(f"Weekly edges of {people:,} people from {events:,} events, {YEAR} weeks", columns, rows)


def _alone(way: Callable[[int, int, int], dict[str, float]], *arguments: int) -> dict[str, float]:
    """Measure in a process of its own, so that memory and threads are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(way, *arguments).result()


def _timed(work: Callable[[], int], repeats: int) -> dict[str, float]:
    cpu, wall, edges = [], [], 0
    for _ in range(repeats):
        started, began = time.process_time(), time.perf_counter()
        edges = work()
        cpu.append(time.process_time() - started)
        wall.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": median(cpu), "wall": median(wall), "MB": peak, "edges": edges}


def _read(people: int, events: int, repeats: int) -> dict[str, float]:
    told = invented(people, events, 1)
    columns = (told.at, told.source, told.target, told.kind)

    def work() -> int:
        assert all(int(column.sum(dtype=np.int64)) > 0 for column in columns)
        return 0

    return _timed(work, repeats)


def _ours(people: int, events: int, repeats: int) -> dict[str, float]:
    told, worth = invented(people, events, 1), Worth.of(KINDS)
    return _timed(lambda: len(fold(told, worth, people)), repeats)


def _shuffled(people: int, events: int, repeats: int) -> dict[str, float]:
    told, worth = invented(people, events, 1), Worth.of(KINDS)
    told = told.part(np.random.default_rng(2).permutation(events))
    return _timed(lambda: len(fold(told, worth, people)), repeats)


def _polars(people: int, events: int, repeats: int) -> dict[str, float]:
    import polars as pl

    told, worth = invented(people, events, 1), Worth.of(KINDS)
    columns = {"at": told.at, "source": told.source, "target": told.target, "kind": told.kind}
    frame = pl.DataFrame(columns)
    worths = pl.DataFrame(
        {"kind": np.arange(len(KINDS), dtype=np.uint8), "given": worth.given, "shared": worth.shared}
    )
    keys = ["week", "source", "target"]

    def work() -> int:
        some = frame.lazy().filter(pl.col("source") != pl.col("target")).join(worths.lazy(), on="kind")
        week = ((pl.col("at") - 4 * 86_400) // WEEK).cast(pl.Int32).alias("week")
        both = some.with_columns(week).group_by(keys).agg(pl.col("given").sum(), pl.col("shared").sum())
        return len(both.collect())

    return _timed(work, repeats)


def networks(people: int, *, beside: bool = True) -> None:
    """Take every measure of a quarter, and the same with networkx."""
    told = fold(invented(people, people * 100, 3), Worth.of(KINDS), people)
    first = week_number("2026-W10")
    window = told.within(first, first + WEEKS - 1)
    teams = np.arange(people, dtype=np.int64) // TEAM
    ours = _own(window, people, teams)
    theirs = _networkx(window, people, teams) if beside else {}
    rows = []
    for name, seconds in ours.items():
        reference = theirs.get(name)
        times = None if reference is None else reference / seconds
        rows.append([name, number(seconds, 4), number(reference, 3), number(times, 1)])
    both = {"all of these": theirs}
    if beside:
        slow = {**theirs, "constraint": theirs["constraint, by its graph algorithm"]}
        both["all of these, constraint by its graph algorithm"] = slow
    for name, some in both.items():
        total, reference = sum(ours.values()), sum(some[one] for one in ours) if some else None
        times = None if reference is None else reference / total
        rows.append([name, number(total, 3), number(reference, 2), number(times, 1)])
    edges = len(Network.of(window, people).pairs[0])
    title = f"The network of {WEEKS} weeks: {people:,} people, {edges:,} ties"
    show(title, ("", "ours, CPU s", "networkx, CPU s", "times"), rows)
    if beside:
        say(f"modularity: ours {theirs['Q']:.4f}, networkx's Louvain {theirs['their Q']:.4f}")


def _own(window: Edges, people: int, teams: np.ndarray) -> dict[str, float]:
    taken: dict[str, float] = {}

    def take(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = work()
        taken[name] = time.process_time() - started
        return found

    # the products of a first call load what scipy needs; that is no measure's cost
    structure.constraint(Network.of(window, people))
    network: Network = take("network from weekly edges", lambda: Network.of(combined([window]), people))
    take("strength and partners", lambda: (network.strength, network.partners))
    take("reciprocity", lambda: reciprocity(network).share)
    take("local clustering", lambda: structure.local_clustering(network))
    take("constraint", lambda: structure.constraint(network))
    take("parts", lambda: structure.components(network))
    take("communities", lambda: communities(network))
    take("E–I between teams", lambda: crossing.crossing(network, teams).index())
    return taken


def _networkx(window: Edges, people: int, teams: np.ndarray) -> dict[str, float]:
    import networkx as nx

    taken: dict[str, float] = {}

    def take(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = work()
        taken[name] = time.process_time() - started
        return found

    def build() -> tuple[Any, Any]:
        given, tied = nx.DiGraph(), nx.Graph()
        for graph in (given, tied):
            graph.add_nodes_from(range(people))
        columns = (window.source, window.target, window.given, window.shared)
        for one, other, alone, shared in zip(*(column.tolist() for column in columns), strict=True):
            if alone:
                before = given.get_edge_data(one, other, {"weight": 0})["weight"]
                given.add_edge(one, other, weight=before + alone / UNIT)
            before = tied.get_edge_data(one, other, {"weight": 0})["weight"]
            tied.add_edge(one, other, weight=before + (alone + shared) / UNIT)
        return given, tied

    given, tied = take("network from weekly edges", build)
    take("strength and partners", lambda: (dict(tied.degree(weight="weight")), dict(tied.degree())))
    take("reciprocity", lambda: nx.overall_reciprocity(given))
    take("local clustering", lambda: nx.clustering(tied))
    theirs = take("constraint", lambda: nx.constraint(tied, weight="weight"))
    some = range(0, people, max(1, people // GRAPH_ONLY))
    take("constraint, by its graph algorithm", lambda: nx.constraint(tied, nodes=some, weight="weight"))
    taken["constraint, by its graph algorithm"] *= people / len(some)
    take("parts", lambda: list(nx.connected_components(tied)))
    parts = take("communities", lambda: nx.community.louvain_communities(tied, weight="weight", seed=1))
    label = dict(enumerate(teams.tolist()))
    nx.set_node_attributes(tied, label, "team")
    take("E–I between teams", lambda: nx.attribute_mixing_dict(tied, "team"))
    network = Network.of(window, people)
    values = structure.constraint(network)
    assert np.allclose(values, [theirs[node] for node in range(people)], equal_nan=True)
    taken["Q"] = modularity(network, communities(network)) or 0.0
    taken["their Q"] = nx.community.modularity(tied, parts)
    return taken
