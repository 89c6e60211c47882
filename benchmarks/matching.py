"""Café matching beside the exact optimum, its bound and a shuffle: `python -m benchmarks.matching`."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context

import click
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

from benchmarks.populations import WEEK, embedding, organisation, uniform
from benchmarks.report import number, say, show
from tertulia.matching import Guest, Past, Policy, Seating, Wishes, seat
from tertulia.matching.assignment import permutation
from tertulia.matching.costs import SHARE, pair_sum
from tertulia.matching.groups import near
from tertulia.matching.pairs import weigh
from tertulia.matching.roster import Roster
from tertulia.matching.rules import FORBIDDEN

MEMBERS = 2_820
ROUNDS = 52


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes: minutes become seconds.")
@click.option("--seed", "seeds", type=int, multiple=True, help="Instances (default 0, 1 and one drawn now).")
@click.option("--networkx", is_flag=True, help="Add networkx on a sparse graph of 2,820 people: several minutes.")
def main(quick: bool, seeds: tuple[int, ...], networkx: bool) -> None:
    """Print the tables of the matching benchmark."""
    measure(quick=quick, seeds=seeds, networkx=networkx)


def measure(*, quick: bool, seeds: tuple[int, ...] = (), networkx: bool = False) -> None:
    """Measure whole rounds, values beside bounds and optima, and what a year of rounds does."""
    seeds = seeds or (0, 1, int.from_bytes(os.urandom(3), "big"))
    members = 300 if quick else MEMBERS
    say(f"seeds {', '.join(map(str, seeds))}")
    whole_rounds(members, seeds)
    families(members, seeds)
    optima(seeds, 12 if quick else 24)
    year(members, 8 if quick else ROUNDS, seeds[-1])
    large(9_000 if quick else 10_000, seeds[-1])
    if networkx:
        sparse(members, seeds[0])


def alone(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    """Do *work* in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work, *arguments).result()


def _timed(work: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    found = work(*arguments)
    return {**found, "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def one_round(members: int, seed: int, size: int) -> dict[str, float]:
    """Seat an organisation once, from the members to the explanations."""
    guests, past = organisation(members, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    seating = seat(guests, Policy(size=size), past, week=WEEK, seed=seed)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "share": seating.figures.share_of_bound,
        "yielded": float(len(seating.yielded)),
        "lowest": seating.figures.lowest,
    }


def whole_rounds(members: int, seeds: Iterable[int]) -> None:
    """Show time and memory of whole rounds, for groups of each size."""
    rows = []
    for size in (2, 3, 4):
        for seed in seeds:
            found = alone(one_round, members, seed, size)
            texts = [f"groups of {size}, seed {seed}"]
            texts += [number(found[key], 2) for key in ("wall", "cpu")] + [number(found["MB"])]
            rows.append([*texts, number(found["share"], 5), number(found["yielded"]), number(found["lowest"], 3)])
    columns = ("whole round", "wall s", "CPU s", "peak MB", "of the bound", "rules yielded", "worst served")
    show(f"{members:,} members (target: < 3 s, < 500 MB)", columns, rows)


def organisation_values(count: int, seed: int) -> np.ndarray:
    """Weigh an organisation as the facts do: teams, worker types, tenure, hours, and distance in an embedding."""
    guests, past = organisation(count, seed)
    wishes = Wishes(team=0.25, city=0, worker=0.25, tenure=0.15, ties=0, hours=0.10)
    known = past if count > 500 else Past()  # a year has brought a few people together more often than once
    weighed = weigh(Roster.make(guests, Policy(wishes=wishes), WEEK, seed), known)
    values = 0.75 * weighed.wishes / 10_000 + 0.25 * embedding(count, seed)
    values[weighed.breaches > 0] = np.nan
    np.fill_diagonal(values, 0)
    return values


def costs(values: np.ndarray) -> np.ndarray:
    """Turn values into costs; what is not a number is forbidden."""
    return np.where(np.isnan(values), float(FORBIDDEN), -np.rint(np.nan_to_num(values) * 10_000))


FAMILIES = {"organisation": organisation_values, "random": uniform, "embedding": embedding}


def family(name: str, count: int, seed: int) -> dict[str, float]:
    """Match one matrix and compare with its bound and with a shuffle."""
    values = FAMILIES[name](count, seed)
    cost = costs(values)
    begun = time.process_time()
    mates = permutation(cost)
    groups = near(cost, mates, 2, seed)
    spent = time.process_time() - begun
    bound = -cost[np.arange(count), mates].sum()
    order = np.random.default_rng(seed).permutation(count)
    shuffled = 2 * np.nan_to_num(values[order[::2], order[1::2]]).sum() * 10_000
    reached = -sum(SHARE[len(group)] * pair_sum(cost, group) for group in groups)
    return {"cpu": spent, "share": reached / bound, "shuffle": shuffled / bound}


def families(members: int, seeds: Iterable[int]) -> None:
    """Show the value of pairs beside the bound, on three families of weights."""
    rows = []
    for name in FAMILIES:
        for seed in seeds:
            found = alone(family, name, members, seed)
            figures = [number(found["share"], 6), number(found["shuffle"], 3), number(found["cpu"], 2)]
            rows.append([f"{name}, seed {seed}", *figures, number(found["MB"])])
    columns = ("weights", "of the LP bound", "a shuffle", "CPU s", "peak MB")
    show(f"{members:,} members, pairs (target: ≥ 0.9995 of the bound)", columns, rows)


def optima(seeds: Iterable[int], count: int) -> None:
    """Show groups beside the proven optimum of all partitions."""
    rows = []
    for size in (2, 3, 4):
        for name in FAMILIES:
            for seed in seeds:
                cost = costs(FAMILIES[name](count, seed))
                begun = time.process_time()
                groups = near(cost, permutation(cost), size, seed)
                spent = time.process_time() - begun
                reached = sum(SHARE[len(group)] * pair_sum(cost, group) for group in groups)
                best = exact(cost, [len(group) for group in groups])
                share = "-" if best is None else number(reached / best, 6)
                rows.append([f"{count} people, groups of {size}, {name}, seed {seed}", share, number(spent, 3)])
    show("Beside the proven optimum (target: ≥ 0.999)", ("instance", "of the optimum", "CPU s"), rows)


def exact(cost: np.ndarray, sizes: list[int]) -> float | None:
    """Return the least cost of all partitions into groups of these sizes; `None` where HiGHS proves none in time."""
    count = len(cost)
    groups = [group for many in set(sizes) for group in combinations(range(count), many)]
    prices = np.array([SHARE[len(group)] * pair_sum(cost, group) for group in groups])
    groups = [group for group, price in zip(groups, prices, strict=True) if price <= 0]
    if not groups:
        return None
    rows = [place for group in groups for place in group]
    inside = csc_array((np.ones(len(rows)), rows, np.cumsum([0, *map(len, groups)])), shape=(count, len(groups)))
    found = milp(
        prices[prices <= 0] / 10_000,
        integrality=np.ones(len(groups)),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(inside, 1, 1),
            LinearConstraint(np.ones((1, len(groups))), len(sizes), len(sizes)),
        ],
        options={"mip_rel_gap": 0.0, "time_limit": 60.0},
    )
    return float(found.fun) * 10_000 if found.status == 0 else None


def year(members: int, rounds: int, seed: int) -> None:
    """Show what weekly rounds do over a year, beside a shuffle on the same members."""
    guests, past = organisation(members, seed)
    ours = _year(guests, past.ties, rounds, seed, _seated)
    shuffle = _year(guests, past.ties, rounds, seed, _shuffled)
    rows = [_figures("matched", ours, ours.spent / rounds), _figures("shuffled", shuffle, None)]
    rows.append(["ratio", f"{ours.mean / shuffle.mean:.2f}", f"{ours.gini / shuffle.gini:.2f}", *[""] * 5])
    columns = ("", "mean", "Gini", "worst served", "1 in 20", "repeats", "rules broken", "CPU s a round")
    say("Targets: no repeats, no rules broken, mean at least 1.8 times and Gini at most 0.6 times the shuffle's.")
    show(f"{members:,} members, {rounds} weekly rounds, nobody again within {ROUNDS}", columns, rows)


class Year:
    """Count what happens to everybody over many rounds."""

    def __init__(self, guests: list[Guest]) -> None:
        self.guests = {guest.id: guest for guest in guests}
        self.sums = dict.fromkeys(self.guests, 0.0)
        self.met: dict[frozenset[str], int] = {}
        self.repeats = self.broken = self.rounds = 0
        self.spent = 0.0

    def add(self, groups: Iterable[tuple[str, ...]], served: dict[str, float], broken: int) -> None:
        """Take one round in."""
        self.rounds += 1
        self.broken += broken
        for person, value in served.items():
            self.sums[person] += value
        for group in groups:
            for pair in map(frozenset, combinations(group, 2)):
                self.repeats += pair in self.met
                self.met[pair] = self.rounds

    def ages(self) -> dict[frozenset[str], int]:
        """Return how many rounds ago each pair met."""
        return {pair: self.rounds + 1 - at for pair, at in self.met.items()}

    def now(self) -> list[Guest]:
        """Return the guests, with how earlier rounds served them."""
        if not self.rounds:
            return list(self.guests.values())
        return [
            Guest(**{**vars(guest), "served": self.sums[guest.id] / self.rounds}) for guest in self.guests.values()
        ]

    @property
    def means(self) -> np.ndarray:
        """Return everybody's mean, in order."""
        return np.sort(np.array(list(self.sums.values()))) / self.rounds

    @property
    def mean(self) -> float:
        """Return the mean over everybody."""
        return float(self.means.mean())

    @property
    def gini(self) -> float:
        """Return how unevenly rounds served people, 0 where all alike."""
        means = self.means
        ranks = np.arange(1, len(means) + 1)
        return float(2 * (ranks * means).sum() / (len(means) * means.sum()) - (len(means) + 1) / len(means))


def _year(
    guests: list[Guest], ties: object, rounds: int, seed: int, play: Callable[[Year, object, int], None]
) -> Year:
    year = Year(guests)
    for turn in range(rounds):
        play(year, ties, seed + turn)
    return year


def _seated(year: Year, ties: dict[frozenset[str], float], seed: int) -> None:
    past, guests = Past(met=year.ages(), ties=ties), year.now()
    begun = time.process_time()
    seating: Seating = seat(guests, Policy(rounds=ROUNDS), past, week=WEEK, seed=seed)
    year.spent += time.process_time() - begun
    broken = sum(item.rule != "again" for item in seating.yielded)
    year.add([table.people for table in seating.tables], dict(seating.served), broken)


def _shuffled(year: Year, ties: dict[frozenset[str], float], seed: int) -> None:
    """Pair neighbours of a shuffle; a pair that breaks a rule counts nothing for its two."""
    if not hasattr(year, "pairs"):
        roster = Roster.make(year.guests.values(), Policy(), WEEK, 0)
        year.pairs, year.order = weigh(roster, Past(ties=ties)), [guest.id for guest in roster.guests]
    order = np.random.default_rng(seed).permutation(len(year.order))
    one, other = order[:-1:2], order[1::2]
    fine = year.pairs.breaches[one, other] == 0
    values = np.where(fine, year.pairs.wishes[one, other] / 10_000, 0.0)
    served = {
        year.order[place]: float(value)
        for places in (one, other)
        for place, value in zip(places, values, strict=True)
    }
    year.add([(year.order[a], year.order[b]) for a, b in zip(one, other, strict=True)], served, int((~fine).sum()))


def _figures(name: str, year: Year, spent: float | None) -> list[str]:
    means = year.means
    return [
        *(name, number(year.mean, 4), number(year.gini, 4), number(float(means[0]), 3)),
        *(number(float(np.quantile(means, 0.05)), 3), number(year.repeats), number(year.broken), number(spent, 2)),
    ]


def large(members: int, seed: int) -> None:
    """Show a round that is matched in blocks."""
    found = alone(one_round, members, seed, 2)
    row = [f"{members:,} members", *(number(found[key], 1) for key in ("wall", "cpu")), number(found["MB"])]
    row += [number(found["share"], 5), number(1 - found["share"], 5), number(found["yielded"])]
    columns = ("in blocks", "wall s", "CPU s", "peak MB", "of the bound", "gap reported", "rules yielded")
    show("Above 4,000 members", columns, [row])


def sparse(members: int, seed: int) -> None:
    """Show networkx on 24 mates of everybody, the best and some others, beside a whole round of ours."""
    import networkx  # only this table needs it

    values = organisation_values(members, seed)
    chance = np.random.default_rng(seed)
    graph = networkx.Graph()
    for place, row in enumerate(np.nan_to_num(values)):
        fine = np.flatnonzero(row > 0)
        best = np.argsort(-row)[:12]
        for mate in {*best, *chance.choice(fine, min(12, len(fine)), replace=False)} - {place}:
            if row[mate] > 0:
                graph.add_edge(place, int(mate), weight=round(row[mate] * 10_000))
    begun = time.process_time()
    found = networkx.max_weight_matching(graph, maxcardinality=True)
    theirs = time.process_time() - begun
    ours = alone(one_round, members, seed, 2)["cpu"]
    row = [f"{graph.number_of_edges():,} pairs", number(theirs, 1), number(len(found) * 2), number(ours, 2)]
    columns = ("sparse, 24 mates each", "networkx CPU s", "people matched", "our whole round, CPU s", "times")
    show("networkx (target: ≥ 50 ×)", columns, [[*row, number(theirs / ours)]])


if __name__ == "__main__":
    main()
