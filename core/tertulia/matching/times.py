"""Propose times at which a whole group can meet: in everybody's hours, on different days where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import and_

from tertulia.matching.hours import QUARTER, WEEK, meeting_starts, monday
from tertulia.matching.people import Guest

DAY = 24 * 60 // QUARTER


def proposals(
    guests: Sequence[Guest], week: date, minutes: int, *, after: datetime, count: int = 3
) -> tuple[datetime, ...]:
    """Return up to *count* instants of that week, none before *after*; fewer where the group has fewer in common."""
    common = reduce(and_, (meeting_starts(guest, week, minutes) for guest in guests))
    origin = datetime.combine(monday(week), time(), UTC)
    quarter = timedelta(minutes=QUARTER)
    free = [slot for slot in range(WEEK) if common >> slot & 1 and origin + slot * quarter >= after]
    chosen: list[int] = []
    for day in _spread(sorted({slot // DAY for slot in free}), count):
        chosen.append(_middle([slot for slot in free if slot // DAY == day]))
    while len(chosen) < count:
        apart = [slot for slot in free if all(abs(slot - other) * QUARTER >= minutes for other in chosen)]
        if not apart:
            break
        chosen.append(max(apart, key=lambda slot: (min(abs(slot - other) for other in chosen), -slot)))
    return tuple(origin + slot * quarter for slot in sorted(chosen))


def _spread(days: Sequence[int], count: int) -> list[int]:
    """Choose *count* of the days, the first and the last among them."""
    if len(days) <= count or count < 2:
        return list(days[:count])
    return [days[round(step * (len(days) - 1) / (count - 1))] for step in range(count)]


def _middle(slots: Sequence[int]) -> int:
    """Choose the slot nearest to the middle of a day's, on the hour or the half hour where there is one."""
    middle = (slots[0] + slots[-1]) / 2
    return min(slots, key=lambda slot: (slot % 2, abs(slot - middle), slot % 4, slot))
