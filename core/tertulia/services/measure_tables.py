"""Published figures as a document, as CSV and in words, always the same figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from tertulia.domain.identifiers import Json
from tertulia.measures.figures import Figure
from tertulia.services.figures import name_of
from tertulia.services.tabular import plain_cell

COLUMNS = (
    *("family", "key", "about", "period", "kind", "group", "unit", "value", "low", "high", "n"),
    *("numerator", "denominator", "at_least", "at_most", "withheld", "formula", "source"),
)
UNITS = {"percent": " %", "per_year": " % a year", "share": "", "score": "", "count": "", "ties": ""}


def as_json(figures: Sequence[Figure]) -> list[Json]:
    """Return figures as a document; numbers are rounded to a tenth, or a hundredth where they are shares."""
    return [
        {
            "family": one.family,
            "key": one.key,
            "about": one.about,
            "period": one.period,
            "kind": one.group.family,
            "group": name_of(one.group),
            "unit": one.unit,
            **{name: _number(one, value) for name, value in _numbers(one)},
            "n": one.n,
            "numerator": one.numerator,
            "denominator": one.denominator,
            "at_least": one.least,
            "at_most": one.most,
            "withheld": one.withheld,
            "formula": f"docs/measures.md#{one.formula}",
            "source": one.source,
        }
        for one in figures
    ]


def _numbers(figure: Figure) -> list[tuple[str, float | None]]:
    return [("value", figure.value), ("low", figure.low), ("high", figure.high)]


def _number(figure: Figure, value: float | None) -> float | None:
    return None if value is None else round(value, 1 if figure.unit in ("percent", "per_year") else 4)


def as_csv(figures: Sequence[Figure]) -> str:
    """Write figures as RFC 4180, none of whose cells a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in as_json(figures):
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> object:
    return plain_cell(value) if value is None or isinstance(value, str) else value


def words(figure: Figure) -> str:
    """Say what a figure says, with its interval and the number of people behind it."""
    if figure.withheld is not None:
        return figure.withheld
    if figure.value is None:
        return f"between {figure.least} and {figure.most} of at least {figure.n}"
    unit = UNITS.get(figure.unit, f" {figure.unit}")
    text = f"{_number(figure, figure.value):g}{unit}"
    if figure.low is not None and figure.high is not None and figure.low != figure.high:
        text += f" (between {_number(figure, figure.low):g} and {_number(figure, figure.high):g})"
    if figure.numerator is not None and figure.denominator:
        return f"{text}: about {figure.numerator} of at least {figure.denominator}"
    return text
