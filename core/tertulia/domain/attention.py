"""When a person may be written to: quiet hours, snooze, and the weekly message budget."""

from __future__ import annotations

from datetime import datetime, timedelta

from tertulia.domain.people import Person
from tertulia.domain.walltime import instant, wall_time


def after_quiet_hours(person: Person, at: datetime) -> datetime:
    """Return *at*, or the end of the person's quiet hours where *at* lies in them."""
    if person.quiet_start == person.quiet_end:
        return at
    wall = wall_time(at, person.zone)
    spans_midnight = person.quiet_start > person.quiet_end
    late = wall.time() >= person.quiet_start
    early = wall.time() < person.quiet_end
    if not (late or early if spans_midnight else late and early):
        return at
    day = wall.date() + timedelta(days=1) if spans_midnight and late else wall.date()
    # never earlier: the end may lie in an hour that the clocks repeat
    return max(at, instant(datetime.combine(day, person.quiet_end), person.zone))


def undisturbed(person: Person, at: datetime) -> datetime:
    """Return *at*, or the first moment after it at which the person may be written to unasked."""
    awake = person.snoozed_until if snoozed(person, at) and person.snoozed_until is not None else at
    return after_quiet_hours(person, awake)


def iso_week(person: Person, at: datetime) -> str:
    """Return the ISO week that *at* lies in where the person is, like `2026-W47`."""
    year, week, _ = wall_time(at, person.zone).isocalendar()
    return f"{year}-W{week:02d}"


def snoozed(person: Person, at: datetime) -> bool:
    """Tell whether the person asked not to be written to at *at*."""
    return person.snoozed_until is not None and at < person.snoozed_until
