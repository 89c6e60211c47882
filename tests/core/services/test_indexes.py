"""An instrument's index stands beside its published series only where every item of it is published."""

from __future__ import annotations

import pytest

from tertulia.services.figures import Line, line_of
from tertulia.services.indexes import indexes
from tertulia.surveys.confidentiality.candidates import Group
from tertulia.surveys.confidentiality.release import Cell, Figure
from tertulia.surveys.instruments import instrument

CIVIL = instrument("civil_service_engagement")
FEDERAL = instrument("federal_satisfaction")


def lines(name: str, counts: dict[str, int], *, family: str = "company") -> list[Line]:
    """Publish every item of an instrument with the same counts."""
    made = []
    for item in instrument(name).items():
        levels = tuple(
            Figure(name=key, points=(key,), value=count, low=max(0, count - 2), high=count + 2)
            for key, count in counts.items()
        )
        cell = Cell(
            item=item.key,
            group=Group(family=family),  # type: ignore[arg-type]  # a name of the test
            outcome="published",
            answered=sum(counts.values()) // 5 * 5,
            figures=levels,
            points=item.points,
        )
        made.append(line_of(item, cell))
    return made


def test_the_civil_service_index_is_the_mean_of_equal_steps() -> None:
    # by hand: (0*50 + 25*50 + 50*200 + 75*400 + 100*300) / 1000
    (index,) = indexes(lines(CIVIL.key, {"1": 50, "2": 50, "3": 200, "4": 400, "5": 300}), 2026)
    assert index.estimate.value == pytest.approx(71.25)
    # 1.96 * sqrt(656) / sqrt(1000) = 1.6 on each side, and a little for the rounding
    assert 68.5 < index.estimate.low < 69.7
    assert 72.8 < index.estimate.high < 74
    assert (index.series, index.year) == ("UK Civil Service", 2024)
    assert index.compared is not None
    assert (index.compared.benchmark, index.compared.above, index.compared.surely) == (64, True, True)


def test_an_interval_that_reaches_down_is_not_surely_above() -> None:
    (index,) = indexes(lines(CIVIL.key, {"1": 5, "2": 10, "3": 10, "4": 20, "5": 15}), 2026)
    assert index.compared is not None
    assert (index.compared.above, index.compared.surely) == (index.estimate.value > 64, False)


def test_the_satisfaction_index_is_the_mean_of_favourable_shares() -> None:
    (index,) = indexes(lines(FEDERAL.key, {"favourable": 60, "neutral": 20, "unfavourable": 20}), 2023)
    assert index.estimate.value == pytest.approx(60)
    assert (index.year, index.compared.benchmark if index.compared else 0) == (2023, 64)


def test_a_series_that_begins_later_is_not_compared() -> None:
    (index,) = indexes(lines(FEDERAL.key, {"favourable": 60, "neutral": 20, "unfavourable": 20}), 2020)
    assert index.compared is None


def test_a_missing_item_or_point_or_another_group_gives_no_index() -> None:
    whole = lines(CIVIL.key, {"1": 5, "2": 5, "3": 20, "4": 40, "5": 30})
    assert indexes(whole[1:], 2026) == []
    assert indexes(lines(CIVIL.key, {"favourable": 20, "neutral": 5, "unfavourable": 5}), 2026) == []
    assert indexes(lines(CIVIL.key, {"1": 5, "2": 5, "3": 20, "4": 40, "5": 30}, family="team"), 2026) == []
