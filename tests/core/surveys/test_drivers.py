"""Drivers: the published weights, and that what is told is made of rounded counts of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.domain.surveys import agreement
from tertulia.surveys.confidentiality.release import Closed, Release
from tertulia.surveys.drivers import drivers, of_round, relative_weights, rounded_correlations

# Motor Trend 1974, the data set `mtcars` of R: mpg, cyl, disp, hp, gear
CARS = """
21.0 6 160.0 110 4;21.0 6 160.0 110 4;22.8 4 108.0 93 4;21.4 6 258.0 110 3;18.7 8 360.0 175 3;18.1 6 225.0 105 3
14.3 8 360.0 245 3;24.4 4 146.7 62 4;22.8 4 140.8 95 4;19.2 6 167.6 123 4;17.8 6 167.6 123 4;16.4 8 275.8 180 3
17.3 8 275.8 180 3;15.2 8 275.8 180 3;10.4 8 472.0 205 3;10.4 8 460.0 215 3;14.7 8 440.0 230 3;32.4 4 78.7 66 4
30.4 4 75.7 52 4;33.9 4 71.1 65 4;21.5 4 120.1 97 3;15.5 8 318.0 150 3;15.2 8 304.0 150 3;13.3 8 350.0 245 3
19.2 8 400.0 175 3;27.3 4 79.0 66 4;26.0 4 120.3 91 5;30.4 4 95.1 113 5;15.8 8 351.0 264 5;19.7 6 145.0 175 5
15.0 8 301.0 335 5;21.4 4 121.0 109 4
"""


def test_the_weights_are_the_published_ones() -> None:
    """Those that the R package rwa prints for miles per gallon by cylinders, displacement, power and gears."""
    rows = [[float(one) for one in line.split()] for line in CARS.replace("\n", ";").split(";") if line.strip()]
    cars = np.array(rows)
    assert cars.shape == (32, 5)
    found = relative_weights(np.corrcoef(cars[:, [1, 2, 3, 4, 0]].T))
    assert found.parts == pytest.approx((0.2284797, 0.2221469, 0.2321744, 0.0963886), abs=5e-7)
    assert found.explained == pytest.approx(0.7791896, abs=5e-7)


def answers(n: int, seed: int = 3) -> np.ndarray:
    """Draw answers to three questions of which the last follows the first closely and the second hardly."""
    drawn = np.random.default_rng(seed)
    first, second = drawn.random(n) < 0.6, drawn.random(n) < 0.5
    last = np.where(drawn.random(n) < 0.8, first, np.where(drawn.random(n) < 0.2, second, drawn.random(n) < 0.5))
    return np.stack([first, second, last.astype(bool)], axis=1)


def test_what_goes_together_comes_first() -> None:
    found = drivers("recommend", ("proud", "voice"), answers(300), seed=1)
    assert found is not None
    assert found == drivers("recommend", ("proud", "voice"), answers(300), seed=1)
    assert (found.of, found.answered, found.clear) == ("recommend", 300, True)
    shares = dict(found.shares)
    assert shares["proud"] >= 90
    assert all(share % 5 == 0 for share in (*shares.values(), found.explained, found.answered))


def test_what_cannot_be_told_is_not() -> None:
    assert drivers("r", ("a", "b"), answers(49), seed=1) is None
    assert drivers("r", ("a",), answers(300)[:, 1:], seed=1) is None
    same = answers(300)
    same[:, 0] = True
    assert drivers("r", ("a", "b"), same, seed=1) is None
    even = np.random.default_rng(4).random((90, 3)) < 0.5
    vague = drivers("r", ("a", "b"), even, seed=1)
    assert vague is not None
    assert not vague.clear


@settings(max_examples=40, deadline=None)
@given(st.integers(50, 120), st.integers(0, 10_000))
def test_most_single_answers_change_nothing_that_is_told(n: int, seed: int) -> None:
    """Counts are rounded first: whoever changes an answer moves a figure only where a count passes a band's edge."""
    given_ = answers(n, seed)
    before = rounded_correlations(given_)
    assert before is None or (np.linalg.eigvalsh(before) > 0).all()
    moved = 0
    for person in range(10):
        other = given_.copy()
        other[person, 1] ^= True
        after = rounded_correlations(other)
        moved += (after is None) != (before is None) or (
            after is not None and before is not None and not np.array_equal(after, before)
        )
    counts = [int(given_[:, 1].sum()), *(int((given_[:, 1] & given_[:, one]).sum()) for one in (0, 2))]
    if all(count % 5 not in (2, 3) and 4 < count < n - 4 for count in counts):
        assert moved == 0


def test_a_round_tells_them_part_by_part_and_never_when_withheld() -> None:
    items = [
        replace(agreement("recommend", "Would you?"), blocks=frozenset({"0", "1"})),
        *(replace(agreement(key, key), blocks=frozenset({"0"})) for key in ("a", "b")),
        *(replace(agreement(key, key), blocks=frozenset({"1"})) for key in ("c", "d")),
    ]
    asked = {f"{number:03d}": {"block": str(number % 2)} for number in range(160)}
    drawn = answers(160)
    given_ = {
        person: {
            name: "5" if liked else "1"
            for name, liked in zip((*("ab" if number % 2 == 0 else "cd"), "recommend"), drawn[number], strict=True)
        }
        for number, person in enumerate(asked)
    }
    closed = Closed(round="r", asked=asked, answers=given_, items=items)
    made = Release(state="released", gate="all", k=5, cells=(), left_out=frozenset({"000"}))
    first, second = of_round(closed, made)
    assert [name for name, _ in first.shares] == ["a", "b"]
    assert [name for name, _ in second.shares] == ["c", "d"]
    assert (first.of, first.answered, second.answered) == ("recommend", 75, 80)
    assert of_round(closed, replace(made, state="withheld")) == ()
