"""Intervals of means and of ratios over ties, beside statsmodels and beside the vertex jackknife."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from tertulia.measures.ties import crossing
from tertulia.measures.ties.intervals import bounded, exactly, mean_of, ratio_of
from tertulia.surveys.scoring import Estimate, Z

from .conftest import drawn, network_of


def test_a_mean_has_the_interval_of_statsmodels() -> None:
    values = np.random.default_rng(1).gamma(2, 3, 40)
    found = mean_of(np.append(values, np.nan))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(DescrStatsW(values).zconfint_mean())
    assert (found.value, found.n) == (pytest.approx(values.mean()), 41)
    assert mean_of(np.array([1.0, np.nan])) is None


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_the_index_is_that_of_the_vertex_jackknife(seed: int) -> None:
    # Snijders and Borgatti 1999: (n - 2) / 2n times the sum of squares over the networks without one vertex
    people = 60
    network, labels = network_of(drawn(seed, people)), np.arange(people) % 4
    found = crossing.crossing(network, labels)
    without = []
    for one in range(people):
        left = np.where(np.arange(people) == one, -1, labels)
        without.append(crossing.crossing(network, left).index())
    spread = np.array(without) - np.mean(without)
    error = math.sqrt((people - 2) / (2 * people) * float((spread**2).sum()))
    ours = ratio_of(found.external - found.internal, found.external + found.internal, shared=True)
    assert ours is not None
    assert ours.value == pytest.approx(found.index())
    assert (ours.high - ours.low) / 2 / Z == pytest.approx(error, rel=0.1)


def test_a_ratio_of_counts_has_the_interval_of_a_ratio_estimator() -> None:
    # Cochran 1977, 6.4, by hand: 1/2, 2/4 and 3/6 lie on one line, so that nothing is uncertain
    assert ratio_of(np.array([1, 2, 3]), np.array([2, 4, 6])) == Estimate(0.5, 0.5, 0.5, 3)
    found = ratio_of(np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    assert found is not None
    assert (found.high - found.low) / 2 == pytest.approx(Z * 0.5)
    assert ratio_of(np.zeros(3), np.zeros(3)) is None


def test_an_interval_stays_within_what_is_possible() -> None:
    assert bounded(Estimate(0.9, 0.7, 1.1, 12), 0, 1) == Estimate(0.9, 0.7, 1, 12)
    assert bounded(None, 0, 1) is None
    assert exactly(0.25, 12) == Estimate(0.25, 0.25, 0.25, 12)
    assert exactly(None, 12) is None
