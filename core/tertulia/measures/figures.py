"""A figure about a group of people as anybody may read it: rounded, with its interval, formula and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from tertulia.surveys.confidentiality.candidates import Group

Family: TypeAlias = Literal["participation", "ties", "turnover"]
"""What is audited together: the figures of one family are about the same facts."""
Unit: TypeAlias = Literal["percent", "count", "share", "score", "per_year", "days", "months", "ties", "index"]
"""`percent` from 0 to 100, `share` from 0 to 1, `per_year` in percent of the average headcount a year."""
COMPANY = Group(family="company")
ZONE = "zone"
FLOOR = 5
WORDS = {
    "too_few": "too few people",
    "refused": "beside what was published before, it would tell about fewer than {k} people",
    "over_budget": "it could not be proven that it tells about no {k} people or fewer",
    "too_coarse": "too few people for a rounded figure",
    "dropped": "it could not be proven that all rounded figures together tell nothing of anybody, so none is shown",
    "undefined": "there is nothing to measure here",
}
"""Why a figure is not shown, in words."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Name a stretch of time by *key* (an ISO week like 2026-W47, or a quarter like 2026-Q4); *end* is outside."""

    key: str
    start: datetime
    end: datetime

    @property
    def month(self) -> str:
        """The month in which the period ended: who is counted is settled once a month."""
        return f"{self.end - timedelta(seconds=1):%Y-%m}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Hold a published figure of *group* in *period*, or in words why it is *withheld*.

    *about* narrows the *key* down (`practice:coffee`, `platform:web`, `round:<id>`), and is empty for the whole. *n*,
    *numerator* and *denominator* are rounded: the figure is about at least *n* people, and *least* to *most* of them
    are in the numerator. *low* and *high* hold 95 % of chance and all that rounding took away. *formula* is an anchor
    in `docs/measures.md`, *source* says where the facts came from.
    """

    family: Family
    key: str
    group: Group
    period: str
    unit: Unit
    formula: str
    source: str
    about: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    numerator: int | None = None
    denominator: int | None = None
    least: int | None = None
    most: int | None = None
    withheld: str | None = None


def why(outcome: str, k: int) -> str:
    """Say in words why nothing is shown."""
    return WORDS[outcome].format(k=k)


def week(now: datetime) -> Period:
    """Return the last ISO week, in UTC, that ended by *now*."""
    day = now.date() - timedelta(days=now.weekday() + 7)
    year, number, _ = day.isocalendar()
    start = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
    return Period(key=f"{year}-W{number:02}", start=start, end=start + timedelta(days=7))


def quarter(now: datetime) -> Period:
    """Return the last quarter of a year, in UTC, that ended by *now*."""
    end = date(now.year, (now.month - 1) // 3 * 3 + 1, 1)
    start = date(end.year - (end.month == 1), (end.month - 4) % 12 + 1, 1)
    ends = [datetime(one.year, one.month, one.day, tzinfo=now.tzinfo) for one in (start, end)]
    return Period(key=f"{start.year}-Q{(start.month - 1) // 3 + 1}", start=ends[0], end=ends[1])


def rounded_down(count: float) -> int:
    """Round a number of people down to a multiple of five."""
    return int(count) // FLOOR * FLOOR


def by_group(figures: Sequence[Figure], key: str, about: str = "") -> Mapping[Group, Figure]:
    """Return the figures called *key* that have a value, by group."""
    return {one.group: one for one in figures if (one.key, one.about) == (key, about) and one.value is not None}
