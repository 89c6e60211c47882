"""Days, working days and quarters: a candle is never kept with a finer time."""

from __future__ import annotations

from datetime import datetime, timedelta

from tertulia.domain.people import Person
from tertulia.domain.walltime import instant, wall_time

WEEKEND = (5, 6)


def day(at: datetime) -> datetime:
    """Return the midnight (UTC) before *at*."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def end_of_working_day(person: Person, at: datetime, days: int) -> datetime:
    """Return when *person*'s working time ends, *days* working days (Monday to Friday) after the day of *at*."""
    date = wall_time(at, person.zone).date()
    while days:
        date += timedelta(days=1)
        days -= date.weekday() not in WEEKEND
    return instant(datetime.combine(date, person.work_end), person.zone)


def quarter(at: datetime) -> str:
    """Return the quarter of *at*, like `2026-Q4`."""
    return f"{at.year}-Q{(at.month + 2) // 3}"
