"""Every rate against a published worked example, and against a second implementation on generated data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from tertulia.measures import rates
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate

COUNTS = st.tuples(st.integers(0, 400), st.integers(1, 400)).map(lambda pair: (min(pair), max(pair)))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_the_difference_of_two_shares_is_newcombe_s(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10, examples (a), (b) and (h)."""
    found = rates.difference(first, second)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((100 * low, 100 * high), abs=0.0051)


@given(first=COUNTS, second=COUNTS)
def test_differences_and_shares_agree_with_statsmodels(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = rates.difference(first, second)
    assert found is not None
    theirs = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(tuple(100 * end for end in theirs), abs=1e-6)
    share = scoring.share(*first)
    assert share is not None
    assert (share.low, share.high) == pytest.approx(
        [100 * end for end in proportion_confint(*first, method="wilson")], abs=1e-6
    )
    known = [scoring.share(*one) for one in (first, second)]
    assert rates.difference_of(*(one for one in known if one)).low == pytest.approx(max(-100, found.low))


def test_a_count_s_interval_is_garwood_s() -> None:
    """Garwood, Biometrika 28 (1936), as in any table of exact Poisson limits: 10 events, 4.795 to 18.39."""
    assert rates.poisson(10) == pytest.approx((4.795, 18.390), abs=0.001)
    assert rates.poisson(0) == pytest.approx((0.0, 3.689), abs=0.001)


@given(count=st.integers(1, 300))
def test_the_ends_of_a_count_s_interval_leave_a_fortieth_on_each_side(count: int) -> None:
    low, high = rates.poisson(count)
    assert poisson.sf(count - 1, low) == pytest.approx(0.025, abs=1e-6)
    assert poisson.cdf(count, high) == pytest.approx(0.025, abs=1e-6)


def test_a_rate_s_interval_holds_every_rate_that_rounding_allows() -> None:
    found = rates.per_headcount((5, 3, 7), 42.0, 1.0)
    assert found.n == 40
    assert found.value == pytest.approx(100 * 5 / 40)
    assert found.low < 100 * 3 / 42.5 < 100 * 7 / 37.5 < found.high
    assert rates.per_headcount((5, 3, 7), 42.0, 4.0).value == pytest.approx(4 * found.value)


INCOMES = [1, 3, 4, 5, 6, 8, 8, 9, 11, 12, 14, 17, 19, 21, 23, 27, 29, 32, 33, 38]
"""In thousands; a class-room sheet of twenty incomes whose Gini coefficient is given as 0.38625."""


def test_inequality_of_a_published_example() -> None:
    assert rates.gini(INCOMES) == pytest.approx(0.38625)
    assert rates.gini([0, 0, 0, 7]) == pytest.approx(3 / 4)
    assert rates.gini([2, 2, 2]) == 0
    assert rates.gini([0, 0]) is None


@given(counts=st.lists(st.integers(0, 50), min_size=2, max_size=60).filter(any))
def test_inequality_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    """The definition by all pairs, as a second implementation."""
    x = np.array(counts, dtype=float)
    pairs = np.abs(x[:, None] - x[None, :]).mean()
    assert rates.gini(counts) == pytest.approx(pairs / (2 * x.mean()))
    assert rates.gini([3 * one for one in counts]) == pytest.approx(pairs / (2 * x.mean()))


@given(value=st.floats(-1000, 1000), step=st.sampled_from([0.01, 0.05, 0.5, 1, 5]))
def test_a_rounded_value_is_the_nearest_multiple(value: float, step: float) -> None:
    found = rates.to_step(value, step)
    assert abs(found - value) <= step / 2 + 1e-9
    assert found / step == pytest.approx(round(found / step), abs=1e-6)


def test_a_difference_of_published_shares_is_as_wide_as_both_allow() -> None:
    found = rates.difference_of(Estimate(60, 50, 70, 40), Estimate(50, 42, 58, 60))
    assert (found.value, found.n) == (10, 100)
    assert found.low == pytest.approx(10 - np.hypot(10, 8))
    assert found.high == pytest.approx(10 + np.hypot(10, 8))
