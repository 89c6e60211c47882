"""Scores, checked against published examples and by drawing samples.

Where no worked example was found in print, the figures are those of statsmodels 0.15.0, and the test says so.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.surveys import scoring
from tertulia.surveys.scoring import Comparison, Estimate


@pytest.mark.parametrize("shares", [(0.7, 0.25, 0.05), (0.2, 0.4, 0.4), (0.33, 0.34, 0.33)])
@pytest.mark.parametrize("n", [10, 13, 20, 50, 100])
def test_the_interval_of_the_recommendation_score_holds_the_true_value(
    shares: tuple[float, float, float], n: int
) -> None:
    """Nothing is drawn: the probabilities of all outcomes whose interval holds the true score are added up."""
    true, held = 100 * (shares[0] - shares[2]), 0.0
    ways = [math.lgamma(one + 1) for one in range(n + 1)]
    for up, down in [(one, other) for one in range(n + 1) for other in range(n + 1 - one)]:
        counts = (up, n - up - down, down)
        score = scoring.recommendation_score(*counts)
        assert score is not None
        if score.low <= true <= score.high:
            exponent = sum(count * math.log(share) - ways[count] for count, share in zip(counts, shares, strict=True))
            held += math.exp(ways[n] + exponent)
    assert 0.93 <= held < 1


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((16, 12, 8), -4.0348, 45.0604), ((5, 9, 16), -59.1083, -7.5584), ((40, 10, 0), 63.0343, 87.9091)],
)
def test_the_interval_of_the_recommendation_score_is_that_of_three_more_answers(
    counts: tuple[int, int, int], low: float, high: float
) -> None:
    """Rocks (2016) gives the constants, and no worked example that was found.

    So the figures are the mean and the variance that statsmodels' `DescrStatsW([1, 0, -1], weights)` has for the
    counts and 0.75, 1.5 and 0.75 more, at mean -+ 1.96 sqrt(variance / sum of the weights).
    """
    score = scoring.recommendation_score(*counts)
    assert score is not None
    assert (score.low, score.high) == pytest.approx((low, high), abs=1e-4)


def test_the_recommendation_score_is_the_plain_one() -> None:
    score = scoring.recommendation_score(20, 40, 40)
    assert score is not None
    assert (score.value, score.n) == (-20, 100)
    assert -35 < score.low < -20 < score.high < -4
    assert scoring.recommendation_score(0, 0, 0) is None
    everybody = scoring.recommendation_score(5, 0, 0)
    assert everybody is not None
    assert everybody.high == 100
    assert everybody.low < 60


@pytest.mark.parametrize(("score", "word"), [(-1, "low"), (0, "middle"), (29.9, "middle"), (30, "high")])
def test_few_answers_make_a_word(score: float, word: str) -> None:
    assert scoring.score_band(Estimate(score, -100, 100, 12)) == word


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.0, 16.11), (1, 29, 0.61, 17.18)],
)
def test_shares_have_the_published_score_intervals(count: int, n: int, low: float, high: float) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17, 1998, table I."""
    share = scoring.share(count, n)
    assert share is not None
    assert (share.low, share.high) == pytest.approx((low, high), abs=0.006)


def test_the_response_rate_is_the_published_one() -> None:
    """Civil Service People Survey 2023, quality and methodology information: 356,715 of 549,574 people, 65 %."""
    rate = scoring.share(356_715, 549_574)
    assert rate is not None
    assert round(rate.value) == 65
    # Wilson's interval of it, by statsmodels' `proportion_confint(method="wilson")`
    assert (rate.low, rate.high) == pytest.approx((64.78126, 65.03362), abs=1e-5)


@pytest.mark.parametrize(("place", "points"), [(0, 0), (1, 25), (2, 50), (3, 75), (4, 100)])
def test_points_weigh_as_published(place: int, points: int) -> None:
    """Welsh Revenue Authority people survey 2020: 0 where all strongly disagree, 100 where all strongly agree.

    The steps between are those of the same scale in bcgov/WEStblr, `calculate_scores`: 1 to 5 are 0, 25, 50, 75, 100.
    """
    index = scoring.index([7 * (one == place) for one in range(5)])
    assert index is not None
    assert index.value == points


def test_an_index_is_a_mean_with_its_interval() -> None:
    """No interval of it was found in print: it is statsmodels' `DescrStatsW(points, counts).zconfint_mean()`."""
    index = scoring.index([10, 10, 20, 40, 20])
    assert index is not None
    assert (index.value, index.low, index.high) == pytest.approx((62.5, 56.57000, 68.43000), abs=1e-5)
    all_of_them = scoring.mean_of([index, Estimate(100, 90, 100, 50)])
    assert all_of_them is not None
    assert (all_of_them.value, all_of_them.n) == ((index.value + 100) / 2, 50)
    assert scoring.index([0, 0, 0]) is None


def test_differences_stand_as_published() -> None:
    """Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995), section 4.1: four of fifteen stand at 0.05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert scoring.discoveries(p) == [True] * 4 + [False] * 11
    assert scoring.discoveries([]) == []


@pytest.mark.parametrize(
    ("before", "after", "value", "low", "high", "p"),
    [
        ((200, 200, 200), (300, 200, 100), 100 / 3, 24.34552, 41.98947, 1.7221e-13),
        ((7, 7, 6), (12, 5, 3), 40, -9.85193, 79.41714, 0.126673),
    ],
)
def test_a_change_is_told_from_chance(
    before: tuple[int, int, int], after: tuple[int, int, int], value: float, low: float, high: float, p: float
) -> None:
    """No worked example with these constants was found; the figures are made of statsmodels' means and variances."""
    change, chance = scoring.recommendation_change(before, after)
    assert (change.value, change.low, change.high) == pytest.approx((value, low, high), abs=1e-4)
    assert chance == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize(
    ("found", "of", "asked", "low", "high"), [(60, 70, 100, 60, 90), (20, 40, 50, 40, 60), (3, 4, 4, 75, 75)]
)
def test_who_did_not_answer_could_have_said_anything(
    found: int, of: int, asked: int, low: float, high: float
) -> None:
    """Manski's bounds in Baltagi, "Econometrics": 60 of 70 men reached of 100, and 20 of 40 women of 50."""
    assert scoring.nonresponse_bracket(100 * found / of, of / asked) == pytest.approx((low, high))


def test_periods_above_a_benchmark_are_counted_from_the_last() -> None:
    surely, by_value = Estimate(60, 56, 64, 500), Estimate(60, 50, 70, 40)
    row = [scoring.compare(one, 55) for one in (surely, by_value, surely, surely)]
    assert row[1] == Comparison(55, above=True, surely=False)
    assert scoring.consecutive(row) == (2, 4)
    assert scoring.consecutive([]) == (0, 0)
    assert scoring.nearest_year({2016: 59, 2023: 64}, 2020) == (2016, 59)
    assert scoring.nearest_year({2023: 64}, 2020) is None


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30))))
def test_being_above_in_a_row_means_what_it_says(periods: list[tuple[float, float]]) -> None:
    """No published count of quarters gives its intervals, so the definition itself is tried on drawn periods."""
    row = [scoring.compare(Estimate(mid, mid - half, mid + half, 100), 55) for mid, half in periods]
    surely, by_value = scoring.consecutive(row)
    assert surely <= by_value
    last = periods[len(periods) - by_value :]
    assert all(mid > 55 for mid, _ in last)
    assert by_value == len(periods) or periods[-by_value - 1][0] <= 55
    certain = [mid - half > 55 for mid, half in periods]
    assert all(certain[len(certain) - surely :])
    assert surely == len(certain) or not certain[-surely - 1]


def test_a_published_series_is_above_a_mark_for_its_last_five_years() -> None:
    """The published series of its engagement index, 2009 to 2016: 58, 56, 56, 58, 58, 59, 58, 59; the mark is 57."""
    row = [
        scoring.compare(Estimate(one, one - 0.5, one + 0.5, 250_000), 57) for one in (58, 56, 56, 58, 58, 59, 58, 59)
    ]
    assert scoring.consecutive(row) == (5, 5)
