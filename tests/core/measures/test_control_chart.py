"""Control charts against a textbook's, and against a second way to compute them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tertulia.measures.control_chart import (
    FEWEST,
    ControlChart,
    chart,
    individuals_chart,
    laney_chart,
    np_chart,
    p_chart,
)

# Montgomery, Introduction to Statistical Quality Control: cans that leak, of samples of 50; samples 15 and 23 are out
CANS = (12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6)
# the same book's chart for single values: what it costs to work on one mortgage application, by week, in dollars
COSTS = (310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304)


def test_the_p_chart_is_the_textbook_s() -> None:
    found = p_chart(CANS, [50] * 30)
    assert found.centre == pytest.approx(0.2313, abs=5e-5)
    assert {(round(one.low, 4), round(one.high, 4)) for one in found.points} == {(0.0524, 0.4102)}
    assert [place + 1 for place, one in enumerate(found.points) if one.beyond] == [15, 23]


def test_the_np_chart_is_the_p_chart_in_counts() -> None:
    found = np_chart(CANS, 50)
    assert found.centre == pytest.approx(11.57, abs=0.005)
    assert (found.points[0].low, found.points[0].high) == pytest.approx((2.62, 20.51), abs=0.005)
    assert found.signals == p_chart(CANS, [50] * 30).signals


def test_the_chart_of_single_values_is_the_textbook_s() -> None:
    found = individuals_chart(COSTS)
    assert (found.centre, found.points[0].low, found.points[0].high) == pytest.approx(
        (300.5, 279.78, 321.22), abs=0.005
    )
    assert found.signals == ()


def test_laney_s_chart_of_samples_of_one_size_is_that_of_single_values() -> None:
    # Laney 2002: with one size the p' chart is the XmR chart of the shares; the textbook's values as thousandths
    found = laney_chart(COSTS, [1000] * 20)
    assert found.centre == pytest.approx(0.3005)
    assert {(round(one.low, 5), round(one.high, 5)) for one in found.points} == {(0.27978, 0.32122)}


def test_laney_s_chart_agrees_with_its_formula_written_with_arrays() -> None:
    random_ = np.random.default_rng(20)
    sizes = random_.integers(400, 4000, 24)
    counts = random_.binomial(sizes, np.clip(random_.normal(0.3, 0.05, 24), 0.05, 0.9))
    found = laney_chart(counts.tolist(), sizes.tolist())
    p = counts.sum() / sizes.sum()
    deviation = np.sqrt(p * (1 - p) / sizes)
    spread = np.abs(np.diff((counts / sizes - p) / deviation)).mean() / 1.128
    assert found.spread == pytest.approx(spread)
    assert spread > 2
    assert [one.high for one in found.points] == pytest.approx(list(np.minimum(1, p + 3 * deviation * spread)))
    assert len(p_chart(counts.tolist(), sizes.tolist()).signals) > len(found.signals)


def test_twelve_points_make_a_chart_and_large_ones_make_it_laney_s() -> None:
    assert chart([10] * (FEWEST - 1), [50] * (FEWEST - 1)) is None
    assert chart([10] * FEWEST, [0] * FEWEST) is None
    small, large = chart([10, 12] * 6, [50] * FEWEST), chart([100, 120] * 6, [500] * FEWEST)
    assert isinstance(small, ControlChart)
    assert isinstance(large, ControlChart)
    assert (small.kind, large.kind) == ("p", "p′")


def test_eight_in_a_row_on_one_side_are_a_signal() -> None:
    assert p_chart([20] * 7 + [15] * 5 + [20] * 7, [50] * 19).signals == ()
    found = p_chart([18] * 8 + [22] * 8, [50] * 16)
    assert found.signals == (7, 15)
    assert not any(one.beyond for one in found.points)


def test_a_steady_share_gives_few_signals() -> None:
    drawn = random.Random(5)
    alarms = 0
    for _ in range(30):
        counts = [sum(drawn.random() < 0.4 for _ in range(80)) for _ in range(13)]
        alarms += sum(one.beyond for one in p_chart(counts, [80] * 13).points)
    assert alarms <= 6  # of 390 points 1 is expected by chance
