"""Who attended, how unequally, at what hours, and how often in a row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.measures import participation, rates
from tertulia.measures.participation import Occasion, Stay

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def stay(person: str, start: int, end: int | None) -> Stay:
    return Stay(person=person, start=NOON + start * MINUTE, end=None if end is None else NOON + end * MINUTE)


def test_five_minutes_or_a_quarter_is_attendance() -> None:
    hour = [stay("all", 0, 60), stay("five", 20, 25), stay("four", 30, 34), stay("seen", 10, None)]
    assert participation.attended(hour) == {"all", "five", "seen"}
    short = [stay("all", 0, 12), stay("three", 0, 3), stay("two", 0, 2)]
    assert participation.attended(short) == {"all", "three"}
    assert participation.attended([]) == frozenset()


def test_two_tools_at_once_count_once() -> None:
    both = [stay("all", 0, 60), stay("twice", 0, 3), stay("twice", 1, 4), stay("apart", 0, 3), stay("apart", 30, 33)]
    assert participation.attended(both) == {"all", "apart"}


@given(spans=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8))
def test_the_union_of_spans_is_the_minutes_in_any(spans: list[tuple[int, int]]) -> None:
    ordered = [(min(pair), max(pair)) for pair in spans]
    minutes = {minute for start, end in ordered for minute in range(start, end)}
    found = participation.union((NOON + start * MINUTE, NOON + end * MINUTE) for start, end in ordered)
    assert found == len(minutes) * MINUTE


def test_a_person_counts_once_in_a_round_over_all_platforms() -> None:
    first, second = Occasion(round="1", practice="p"), Occasion(round="2", practice="p")
    for name in ("teams", "zoom", "teams"):
        first.took_part("ana", name)
    second.took_part("ana", "web")
    second.took_part("bob", "web")
    assert participation.times([first, second]) == {"ana": 2, "bob": 1}


@given(counts=st.lists(st.integers(0, 9), min_size=6, max_size=40))
def test_the_jackknife_is_that_of_leaving_each_person_out(counts: list[int]) -> None:
    people = [f"p{number:02}" for number in range(len(counts))]
    found = participation.inequality(Counter(dict(zip(people, counts, strict=True))), people)
    if sum(one > 0 for one in counts) < 5:
        assert found is None
        return
    without = [rates.gini(counts[:place] + counts[place + 1 :]) or 0.0 for place in range(len(counts))]
    n = len(counts)
    error = np.sqrt((n - 1) / n * ((np.array(without) - np.mean(without)) ** 2).sum())
    assert found is not None
    assert found.value == pytest.approx(rates.gini(counts))
    assert found.high == pytest.approx(min(1.0, found.value + 1.959964 * error), abs=1e-6)


def test_hours_outside_eight_to_eighteen_are_a_burden() -> None:
    moments = [datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (7, 8, 17, 18)]
    assert participation.burdened(moments, "UTC") == 2
    assert participation.burdened(moments, "Asia/Tokyo") == 2  # 16, 17, 2 and 3 o'clock
    assert participation.burdened(moments, "Asia/Kolkata") == 2


def test_streaks() -> None:
    assert participation.streak([]) == (0, 0)
    assert participation.streak([True, True, False, True]) == (1, 2)
    assert participation.streak([False, True, True]) == (2, 2)
    assert participation.streak([True, False]) == (0, 1)
