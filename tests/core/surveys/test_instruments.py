"""Wording is shipped only under a licence that allows it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tertulia.errors import Mistake
from tertulia.surveys import linter
from tertulia.surveys.instruments import LICENSES, Instrument, instrument, instruments


@pytest.mark.parametrize("name", instruments())
def test_no_wording_without_a_licence(name: str) -> None:
    found = instrument(name)
    assert found.title
    assert found.source
    texts = [question.text for question in found.item if question.text]
    assert bool(texts) == found.wording_shipped
    assert found.license in LICENSES or not texts
    assert all(not any(finding.refused for finding in linter.lint(text)) for text in texts)


@pytest.mark.parametrize(
    "change",
    [
        {"license": "none"},
        {"license": "CC-BY-NC-SA-3.0-IGO"},
        {"wording_shipped": False},
        {"benchmark": {"name": "n", "source": "s", "license": "unknown", "series": {2020: 1}}},
        {"item": [{"key": "a", "scale": "agreement"}]},
    ],
)
def test_an_unlicensed_file_is_refused(change: dict[str, object]) -> None:
    fields = instrument("belonging").model_dump() | change
    with pytest.raises(ValidationError):
        Instrument.model_validate(fields)


def test_a_customer_supplies_wording_after_permission() -> None:
    safety = instrument("psychological_safety")
    with pytest.raises(Mistake, match=r"psychological_safety\.safety_1 may not be shipped"):
        safety.items()
    items = safety.items({f"safety_{number}": f"Statement {number}." for number in range(1, 8)})
    assert [number for number, item in enumerate(items, start=1) if item.reversed] == [1, 3, 5]
    assert (items[0].point("5"), items[1].point("5"), items[0].point("6"), items[0].point(None)) == (0, 4, None, None)


def test_published_series_are_there() -> None:
    civil, federal = instrument("civil_service_engagement").benchmark, instrument("federal_engagement").benchmark
    assert civil is not None
    assert federal is not None
    assert [civil.series[year] for year in (2009, 2016, 2024)] == [58, 59, 64]
    assert [federal.series[year] for year in range(2020, 2025)] == [72, 71, 71, 72, 73]


def test_an_unknown_instrument_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="choose among belonging"):
        instrument("q12")
