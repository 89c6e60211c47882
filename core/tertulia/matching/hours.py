"""Working hours as bits: one for every quarter hour of the round's week in UTC, the week closed to a ring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import numpy as np

from tertulia.domain.walltime import instant
from tertulia.matching.arrays import Ints
from tertulia.matching.people import Guest

QUARTER = 15
WEEK = 7 * 24 * 60 // QUARTER
FULL = (1 << WEEK) - 1


def monday(day: date) -> date:
    """Return the Monday of the week that *day* is in."""
    return day - timedelta(days=day.weekday())


def meeting_starts(guest: Guest, week: date, minutes: int) -> int:
    """Return the quarter hours at which *minutes* at a stretch fit the guest's working hours of that week."""
    return _starts(guest.zone, guest.start, guest.end, guest.days, monday(week), minutes)


@lru_cache(maxsize=4096)
def _starts(zone: str, start: time, end: time, days: frozenset[int], week: date, minutes: int) -> int:
    mask = 0
    for day in days:
        morning = datetime.combine(week + timedelta(days=day), start)
        evening = datetime.combine(week + timedelta(days=day + (end <= start)), end)
        mask |= _stretch(instant(morning, zone), instant(evening, zone), week)
    fits = mask
    for later in range(1, minutes // QUARTER):
        fits &= _turned(mask, later)
    return fits


def _stretch(begin: datetime, finish: datetime, week: date) -> int:
    origin = datetime.combine(week, time(), UTC)
    step = timedelta(minutes=QUARTER)
    first, last = -((origin - begin) // step), (finish - origin) // step
    return _turned(((1 << max(0, last - first)) - 1) & FULL, -first)


def _turned(mask: int, by: int) -> int:
    by %= WEEK
    return ((mask >> by) | (mask << (WEEK - by))) & FULL


def common_starts(masks: Sequence[int]) -> Ints:
    """Return for every two *masks* how many quarter hours they share."""
    width = WEEK // 8
    packed = np.frombuffer(b"".join(mask.to_bytes(width, "little") for mask in masks), dtype=np.uint8)
    bits = np.unpackbits(packed.reshape(len(masks), width), axis=1).astype(np.float32)
    shared: Ints = (bits @ bits.T).astype(np.int32)
    return shared
