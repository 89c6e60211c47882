"""Groups reach the proven optimum of small instances, and stay below the bound on any."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csc_array

from tertulia.matching import exact
from tertulia.matching.arrays import Floats
from tertulia.matching.assignment import Group, pairs, permutation
from tertulia.matching.costs import SHARE, by_size, of_group, pair_sum
from tertulia.matching.groups import near
from tertulia.matching.rules import AGAIN, HOURS


def random(count: int, seed: int, *, tiers: bool = False) -> Floats:
    """Draw costs; with *tiers*, a third of all pairs breaks a rule that may yield."""
    chance = np.random.default_rng(seed)
    cost = -chance.integers(0, 10_000, (count, count)).astype(float)
    if tiers:
        cost += chance.choice([0.0, AGAIN, HOURS], (count, count), p=[0.66, 0.17, 0.17])
    cost = np.triu(cost, 1)
    symmetric: Floats = cost + cost.T
    return symmetric


def optimum(cost: Floats, size: int) -> float:
    """Return the least cost of all partitions, proven by HiGHS."""
    count = len(cost)
    groups = [group for many in (2, 3, 4) for group in combinations(range(count), many)]
    inside = csc_array(
        (
            np.ones(sum(map(len, groups))),
            [place for group in groups for place in group],
            np.cumsum([0, *map(len, groups)]),
        ),
        shape=(count, len(groups)),
    )
    prices = [of_group(cost, group, by_size(size)) for group in groups]
    found = milp(
        prices,
        integrality=np.ones(len(groups)),
        constraints=LinearConstraint(inside, 1, 1),
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun)


def total(cost: Floats, groups: list[Group], size: int) -> float:
    assert sorted(place for group in groups for place in group) == list(range(len(cost)))
    return sum(of_group(cost, group, by_size(size)) for group in groups)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("count", range(2, 11))
def test_a_few_people_are_matched_exactly(count: int, size: int) -> None:
    cost = random(count, seed=count)
    groups = exact.partition(count, lambda group: of_group(cost, group, by_size(size)))
    assert total(cost, groups, size) == pytest.approx(optimum(cost, size), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("count", "size"), [(13, 2), (16, 2), (15, 3), (16, 4)])
def test_more_people_are_matched_next_to_the_optimum(count: int, size: int, seed: int) -> None:
    cost = random(count, seed)
    groups = near(cost, permutation(cost), size, seed)
    assert total(cost, groups, size) <= optimum(cost, size) * 0.999 + by_size(size).max() * 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_no_more_rules_yield_than_have_to(seed: int) -> None:
    cost = random(14, seed, tiers=True)
    groups = near(cost, permutation(cost), 2, seed)
    assert total(cost, groups, 2) <= optimum(cost, 2) + 20_000


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("count", [60, 61, 300])
def test_no_groups_go_below_the_bound(count: int, size: int) -> None:
    cost = random(count, seed=7)
    mates = permutation(cost)
    bound = cost[np.arange(count), mates].sum()
    reached = sum(SHARE[len(group)] * pair_sum(cost, group) for group in near(cost, mates, size, 1))
    assert bound <= reached
    if size == 2:
        assert reached <= 0.995 * bound


def test_islands_of_three_become_groups_of_three() -> None:
    island = np.repeat(np.arange(8), 3)
    cost = np.where(island[:, None] == island[None, :], -5_000.0, float(HOURS))
    np.fill_diagonal(cost, 0)
    groups = near(cost, permutation(cost), 2, 0)
    assert {island[list(group)].min() == island[list(group)].max() for group in groups} == {True}


def test_pairs_of_one_long_odd_cycle_leave_one_over() -> None:
    count = 21
    cost = np.zeros((count, count))
    for place in range(count):
        cost[place, (place + 1) % count] = cost[(place + 1) % count, place] = -100
    mates = np.array([(place + 1) % count for place in range(count)], dtype=np.intp)
    assert sorted(map(len, pairs(cost, mates))) == [1] + [2] * 10
