"""Who is isolated, and whose ties are few, fading or all with one other."""

from __future__ import annotations

import numpy as np

from tertulia.measures.ties.contacts import contacts
from tertulia.measures.ties.edges import UNIT, Edges, combined
from tertulia.measures.ties.network import WEEKS, Network

LAST = 2960
STATES = ("new", "isolated", "few", "fading", "one", "at_risk")


def edges(rows: list[tuple[int, int, int, float]]) -> Edges:
    week, one, other, weight = (np.array(column) for column in zip(*rows, strict=True))
    whole = np.rint(weight * UNIT).astype(np.int64)
    few = [column.astype(np.int32) for column in (week, one, other)]
    return combined([Edges(*few, whole, np.zeros_like(whole))])


def always(one: int, other: int, weight: float = 1.0, until: int = LAST) -> list[tuple[int, int, int, float]]:
    return [(week, one, other, weight) for week in range(LAST - WEEKS + 1, until + 1)]


def found(rows: list[tuple[int, int, int, float]], people: int, new: tuple[int, ...] = ()) -> dict[str, list[int]]:
    told = edges(rows)
    joined = np.isin(np.arange(people), new)
    network = Network.of(told.within(LAST - WEEKS + 1, LAST), people)
    state = contacts(network, told, LAST, joined)
    masks = {name: getattr(state, name) for name in STATES}
    return {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()}


def test_who_has_enough_partners_is_neither() -> None:
    rows = [row for one in range(4) for other in range(one) for row in always(one, other)]
    assert found(rows, 4) == {name: [] for name in STATES}


def test_who_has_no_tie_is_isolated_and_not_at_risk() -> None:
    rows = [row for one in range(4) for other in range(one) for row in always(one, other)]
    state = found(rows, 6, new=(5,))
    assert state["isolated"] == [4]
    assert state["new"] == [5]
    assert state["at_risk"] == []


def test_two_partners_in_the_last_four_weeks_are_few() -> None:
    circle = [row for one in range(4) for other in range(one) for row in always(one, other)]
    rows = [*circle, *always(4, 0), *always(4, 1), *always(4, 2, until=LAST - 4)]
    state = found(rows, 5)
    assert state["few"] == [4]
    assert state["at_risk"] == [4]


def test_strength_below_a_quarter_of_ones_own_median_is_fading() -> None:
    circle = [row for one in range(8) for other in range(one) for row in always(one, other)]
    before = [row for other in range(4) for row in always(8, other, 4.0, until=LAST - 4)]
    lately = [(LAST - 1, 8, other, 4.0) for other in range(3)]
    assert found([*circle, *before, *lately], 9)["fading"] == [8]
    more = [(LAST, 8, other, 4.0) for other in range(4)]
    assert found([*circle, *before, *lately, *more], 9)["fading"] == []


def test_nine_tenths_of_all_strength_with_one_partner() -> None:
    circle = [row for one in range(5) for other in range(one) for row in always(one, other)]
    rows = [*circle, *always(5, 0, 18.0), *always(5, 1), *always(5, 2)]
    assert 5 in found(rows, 6)["one"]
    less = [*circle, *always(5, 0, 17.0), *always(5, 1), *always(5, 2)]
    assert 5 not in found(less, 6)["one"]
