"""Weekly edges: in whatever order and in however many parts events come, the same comes out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.ties.edges import (
    UNIT,
    Edges,
    Events,
    Worth,
    combined,
    fold,
    week_label,
    week_number,
)
from tertulia.services.facts import week_of

KINDS = [("comment", 0.25), ("reply", 1.0), ("co-attendance", 0.5), ("reaction", 1.0)]
WORTH = Worth.of(KINDS)
PEOPLE = 6
START = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp())
EVENT = st.tuples(
    st.integers(START, START + 20 * 7 * 86_400),
    st.integers(0, PEOPLE - 1),
    st.integers(0, PEOPLE - 1),
    st.integers(0, len(KINDS) - 1),
)


def events(rows: list[tuple[int, int, int, int]]) -> Events:
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 4).T
    return Events(columns[0], columns[1].astype(np.int32), columns[2].astype(np.int32), columns[3].astype(np.uint8))


def rows(edges: Edges) -> list[tuple[int, ...]]:
    columns = (edges.week, edges.source, edges.target, edges.given, edges.shared)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def counted(some: list[tuple[int, int, int, int]]) -> list[tuple[int, ...]]:
    """Add up the same with a dictionary and the calendar of the standard library."""
    given_, shared = Counter[tuple[int, int, int]](), Counter[tuple[int, int, int]]()
    for at, source, target, kind in some:
        name, weight = KINDS[kind]
        if source != target and name != "reaction":
            key = (week_number(week_of(datetime.fromtimestamp(at, UTC))), source, target)
            (shared if name == "co-attendance" else given_)[key] += round(weight * UNIT)
    return [(*key, given_[key], shared[key]) for key in sorted({*given_, *shared})]


@given(st.lists(EVENT, max_size=60), st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_order_parts_and_late_events_change_nothing(some: list[tuple[int, int, int, int]], lot, parts: int) -> None:
    whole = rows(fold(events(sorted(some)), WORTH, PEOPLE))
    assert whole == counted(some)
    lot.shuffle(some)
    assert rows(fold(events(some), WORTH, PEOPLE)) == whole
    told = [fold(events(some[start::parts]), WORTH, PEOPLE) for start in range(parts)]
    kept = combined([])
    for part in told:
        kept = combined([kept, part])
    assert rows(kept) == whole == rows(combined(told))


@given(st.lists(EVENT, max_size=30))
@settings(max_examples=30, deadline=None)
def test_ties_with_oneself_change_nothing(some: list[tuple[int, int, int, int]]) -> None:
    with_oneself = [*some, *((at, source, source, kind) for at, source, _, kind in some)]
    assert rows(fold(events(with_oneself), WORTH, PEOPLE)) == rows(fold(events(some), WORTH, PEOPLE))


@pytest.mark.parametrize("label", ["2020-W53", "2021-W01", "2026-W47", "2015-W01"])
def test_weeks_are_those_of_iso_8601(label: str) -> None:
    assert week_label(week_number(label)) == label
    monday = datetime.fromisocalendar(int(label[:4]), int(label[6:]), 1).replace(tzinfo=UTC)
    one = fold(events([(int(monday.timestamp()), 0, 1, 1)]), WORTH, PEOPLE)
    before = fold(events([(int(monday.timestamp()) - 1, 0, 1, 1)]), WORTH, PEOPLE)
    assert (one.week[0], before.week[0]) == (week_number(label), week_number(label) - 1)


def test_a_window_holds_its_weeks_alone() -> None:
    told = fold(events([(START + number * 7 * 86_400, 0, 1, 1) for number in range(6)]), WORTH, PEOPLE)
    first = int(told.week[0])
    assert told.within(first + 1, first + 3).week.tolist() == [first + 1, first + 2, first + 3]
    assert len(told.within(first + 9, first + 12)) == 0


def test_more_people_than_a_key_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="too many people"):
        fold(events([]), WORTH, 2**31)
