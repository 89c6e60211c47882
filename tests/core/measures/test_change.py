"""Differences of figures, and which of many stand, against published examples and statsmodels."""

from __future__ import annotations

import warnings
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.change import Change, beyond, change, settle
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate, Z

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    proportion = pytest.importorskip("statsmodels.stats.proportion")

# Benjamini and Hochberg 1995, section 4: the fifteen p-values of the thrombolysis trial; four stand at 0.05
THROMBOLYSIS = (
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459),
    *(0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
)


def with_p(p: float, value: float = 1.0) -> Change:
    """Return a change with a symmetric interval and that p."""
    reach = abs(value) * Z / NormalDist().inv_cdf(1 - p / 2) if p < 1 else 1e9
    return Change(value=value, low=value - reach, high=value + reach, p=p)


def share(count: int, n: int) -> Estimate:
    found = scoring.share(count, n)
    assert found is not None
    return found


# Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 6/7 - 2/7 and 10/10 - 0/10
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_the_difference_of_shares_has_newcombe_s_interval(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = change(share(*second), share(*first))
    assert found.low == pytest.approx(100 * low, abs=0.006)
    assert found.high == pytest.approx(100 * high, abs=0.006)
    counts = (first[0], first[1], second[0], second[1])
    same = proportion.confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx((100 * same[0], 100 * same[1]), abs=1e-6)


def test_four_of_the_fifteen_of_benjamini_and_hochberg_stand() -> None:
    settled = settle([with_p(p) for p in THROMBOLYSIS])
    assert [one.direction for one in settled] == ["risen"] * 4 + ["unclear"] * 11
    assert settled[0].level == pytest.approx(1 - 0.05 * 4 / 15)


p_values = st.lists(st.floats(1e-6, 0.9999), min_size=1, max_size=12)


@settings(max_examples=60)
@given(p_values, st.sampled_from([0.01, 0.05, 0.2]))
def test_an_interval_leaves_out_nothing_exactly_where_statsmodels_rejects(values: list[float], rate: float) -> None:
    rejected = multitest.multipletests(values, alpha=rate, method="fdr_bh")[0]
    settled = settle([with_p(p, (-1) ** place) for place, p in enumerate(values)], rate)
    for one, stands, place in zip(settled, rejected, range(len(values)), strict=True):
        margin = min(abs(one.low), abs(one.high))
        if margin > 1e-9:  # where p is the limit itself the end is 0 but for rounding
            assert (one.direction != "unclear") == stands
        if one.direction != "unclear":
            assert (one.direction == "risen") == (place % 2 == 0)


estimates = st.tuples(st.floats(-90, 90), st.floats(0.1, 40), st.floats(0.1, 40)).map(
    lambda one: Estimate(one[0], one[0] - one[1], one[0] + one[2], 50)
)


@settings(max_examples=60)
@given(estimates, estimates)
def test_p_and_the_interval_say_the_same_and_going_back_is_the_opposite(before: Estimate, after: Estimate) -> None:
    found, back = change(before, after), change(after, before)
    if abs(found.p - 0.05) > 1e-9:
        assert (found.p < 0.05) == (found.direction != "unclear")
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert back.p == pytest.approx(found.p)


def test_how_probable_a_change_of_that_size_is() -> None:
    found = change(Estimate(50, 46, 54, 600), Estimate(60, 56, 64, 600))
    deviation = (found.value - found.low) / Z
    assert beyond(found, 10) == pytest.approx(0.5)
    assert beyond(found, 5) == pytest.approx(NormalDist().cdf(5 / deviation))
    assert beyond(settle([found])[0], 5) == pytest.approx(beyond(found, 5))
    assert beyond(change(Estimate(60, 56, 64, 600), Estimate(50, 46, 54, 600)), 10) == pytest.approx(0.5)
    exact = Estimate(50, 50, 50, 600)
    assert beyond(change(exact, exact), 5) == 0


def test_nothing_changed_is_told_as_nothing() -> None:
    assert settle([]) == []
    same = Estimate(40, 30, 50, 80)
    found = change(same, same)
    assert (found.value, found.p, found.direction) == (0, 1, "unclear")
