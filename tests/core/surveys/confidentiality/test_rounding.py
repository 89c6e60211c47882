"""A band never tells a count."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.surveys.confidentiality.rounding import FEW, band, bands


@given(st.integers(5, 3000), st.sampled_from([5, 10]))
def test_bands_hold_every_count_once_and_at_least_two_each(n: int, base: Literal[5, 10]) -> None:
    found = bands(n, base)
    if n < FEW and base == 10:
        assert found == []
        return
    assert [count for one in found for count in range(one.low, one.high + 1)] == list(range(n + 1))
    assert all(one.high > one.low for one in found)
    assert all(abs(one.value - count) <= base for one in found for count in (one.low, one.high) if n >= FEW)


@pytest.mark.parametrize("n", range(5, 10))
def test_few_answers_have_three_levels(n: int) -> None:
    assert len(bands(n, 5)) == 3


def test_the_last_count_does_not_stand_alone() -> None:
    assert band(13, 13, 5) == band(8, 13, 5)
    assert (band(13, 13, 5).low, band(13, 13, 5).high) == (8, 13)
    assert (band(0, 13, 5).low, band(0, 13, 5).high) == (0, 2)


def test_nothing_is_said_of_fewer_than_five() -> None:
    assert bands(4, 5) == []
