"""The gate finds whose answer follows from the bands, as trying all answers does."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.surveys.confidentiality.gate import Published, forced, forced_over_rounds


def by_trying_all(cells: list[Published], people: int, points: int) -> int:
    """Count whose point is the same in every assignment that fits."""
    fits = [
        given
        for given in product(range(points), repeat=people)
        if all(
            cell.low
            <= sum(bool(cell.points[one]) for one, inside in zip(given, cell.row, strict=True) if inside)
            <= cell.high
            for cell in cells
        )
    ]
    return sum(len({one[person] for one in fits}) == 1 for person in range(people))


@st.composite
def systems(draw: st.DrawFn) -> tuple[list[Published], np.ndarray, int]:
    people, points = draw(st.integers(2, 6)), draw(st.integers(2, 3))
    answers = np.array(draw(st.lists(st.integers(0, points - 1), min_size=people, max_size=people)))
    cells = []
    for _ in range(draw(st.integers(1, 6))):
        row = np.array(draw(st.lists(st.booleans(), min_size=people, max_size=people)))
        which = np.array(draw(st.lists(st.booleans(), min_size=points, max_size=points)))
        count = int(which[answers[row]].sum())
        low, high = count - draw(st.integers(0, 2)), count + draw(st.integers(0, 2))
        cells.append(Published(row, which, max(0, low), min(int(row.sum()), high)))
    return cells, answers, points


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_forced_are_those_whom_trying_all_finds(system: tuple[list[Published], np.ndarray, int]) -> None:
    cells, answers, points = system
    assert forced(cells, answers, points) == by_trying_all(cells, len(answers), points)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(systems())
def test_over_rounds_whoever_is_forced_in_fractions_is_forced(
    system: tuple[list[Published], np.ndarray, int],
) -> None:
    cells, answers, points = system
    assert forced_over_rounds(cells, points) <= by_trying_all(cells, len(answers), points)


def cell(row: str, low: int, high: int) -> Published:
    return Published(np.array([letter == "1" for letter in row]), np.array([False, True]), low, high)


@pytest.mark.parametrize(
    "decide", [lambda cells: forced(cells, np.ones(4, dtype=int), 2), lambda cells: forced_over_rounds(cells, 2)]
)
def test_a_unanimous_group_is_found(decide: object) -> None:
    assert callable(decide)
    assert decide([cell("1111", 4, 4)]) == 4
    assert decide([cell("1111", 3, 4)]) == 0
    assert decide([cell("1111", 3, 4), cell("1100", 2, 2)]) == 2


def test_bands_that_contradict_each_other_tell_nothing() -> None:
    assert forced_over_rounds([cell("1111", 4, 4), cell("1111", 0, 1)], 2) == 0


def test_no_time_is_no_proof() -> None:
    cells = [cell("1111", 4, 4), cell("1100", 2, 2)]
    assert forced(cells, np.ones(4, dtype=int), 2, seconds=0) == 4
    assert forced_over_rounds(cells, 2, seconds=0) == 4
