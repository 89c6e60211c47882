"""Scores, checked against published examples and by drawing samples."""

from __future__ import annotations

import numpy as np
import pytest

from tertulia.surveys import scoring
from tertulia.surveys.scoring import Comparison, Estimate


@pytest.mark.parametrize("shares", [(0.7, 0.25, 0.05), (0.2, 0.4, 0.4), (0.33, 0.34, 0.33)])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_the_interval_of_the_recommendation_score_holds_the_true_value(
    shares: tuple[float, float, float], n: int
) -> None:
    draws = np.random.default_rng(5).multinomial(n, shares, size=6000)
    true = 100 * (shares[0] - shares[2])
    held = 0
    for counts, times in zip(*np.unique(draws, axis=0, return_counts=True), strict=True):
        score = scoring.recommendation_score(*(int(count) for count in counts))
        assert score is not None
        held += int(times) * (score.low <= true <= score.high)
    assert held / 6000 >= 0.93


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


def test_an_index_runs_from_0_to_100() -> None:
    """The engagement index of the Civil Service People Survey weighs its points 0, 25, 50, 75 and 100 %."""
    index = scoring.index([10, 10, 20, 40, 20])
    assert index is not None
    assert index.value == (10 * 25 + 20 * 50 + 40 * 75 + 20 * 100) / 100
    assert index.low < index.value < index.high
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


def test_a_change_is_told_from_chance() -> None:
    change, p = scoring.recommendation_change((200, 200, 200), (300, 200, 100))
    assert change.value == pytest.approx(100 / 3)
    assert change.low > 0
    assert p < 0.001
    _, chance = scoring.recommendation_change((7, 7, 6), (8, 6, 6))
    assert chance > 0.5


def test_who_did_not_answer_could_have_said_anything() -> None:
    assert scoring.nonresponse_bracket(80, 0.75) == (60, 85)
    assert scoring.nonresponse_bracket(80, 1) == (80, 80)


def test_periods_above_a_benchmark_are_counted_from_the_last() -> None:
    surely, by_value = Estimate(60, 56, 64, 500), Estimate(60, 50, 70, 40)
    row = [scoring.compare(one, 55) for one in (surely, by_value, surely, surely)]
    assert row[1] == Comparison(55, above=True, surely=False)
    assert scoring.consecutive(row) == (2, 4)
    assert scoring.consecutive([]) == (0, 0)
    assert scoring.nearest_year({2016: 59, 2023: 64}, 2020) == (2016, 59)
    assert scoring.nearest_year({2023: 64}, 2020) is None
