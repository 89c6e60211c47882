"""Hours are compared in the members' own zones, over a whole week, and a week is a ring."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.matching import Guest
from tertulia.matching.hours import WEEK, common_starts, meeting_starts, monday

SUMMER, CHANGE = date(2026, 7, 8), date(2026, 10, 26)
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Kiritimati")


def at_work(guest: Guest, instant: datetime) -> bool:
    """Tell slowly whether somebody works at an instant."""
    local = instant.astimezone(ZoneInfo(guest.zone))
    if guest.start < guest.end:
        return local.weekday() in guest.days and guest.start <= local.time() < guest.end
    if local.time() >= guest.start:
        return local.weekday() in guest.days
    return local.time() < guest.end and (local.weekday() - 1) % 7 in guest.days


def hours() -> st.SearchStrategy[time]:
    return st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45)))


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    zone=st.sampled_from(ZONES),
    start=hours(),
    end=hours(),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    minutes=st.sampled_from((15, 30, 60)),
)
def test_a_meeting_begins_only_while_all_of_it_fits(
    zone: str, start: time, end: time, days: frozenset[int], minutes: int
) -> None:
    guest = Guest(id="a", zone=zone, start=start, end=end, days=days)
    found = meeting_starts(guest, SUMMER, minutes)
    origin = datetime.combine(monday(SUMMER), time(), UTC)
    for slot in range(WEEK):
        quarters = [origin + timedelta(minutes=15 * ((slot + later) % WEEK)) for later in range(minutes // 15)]
        assert bool(found >> slot & 1) == all(at_work(guest, quarter) for quarter in quarters)


def test_the_week_in_which_clocks_change_has_its_own_hours() -> None:
    berlin = Guest(id="a", zone="Europe/Berlin", start=time(9), end=time(10))
    summer, winter = (meeting_starts(berlin, week, 60) for week in (SUMMER, CHANGE))
    assert summer & 1 << 7 * 4
    assert winter & 1 << 8 * 4
    assert not summer & winter


def test_common_starts_count_what_both_can() -> None:
    guests = [
        Guest(id="a", zone="Europe/London"),
        Guest(id="b", zone="Europe/Berlin"),
        Guest(id="c", zone="Pacific/Auckland"),
    ]
    masks = [meeting_starts(guest, date(2026, 12, 9), 60) for guest in guests]
    shared = common_starts(masks)
    assert shared[0, 0] == 5 * 29
    assert shared[0, 1] == shared[1, 0] == 5 * 25
    assert shared[0, 2] == 0


@pytest.mark.parametrize("day", range(7))
def test_any_day_names_its_week(day: int) -> None:
    guest = Guest(id="a", zone="Asia/Tokyo")
    assert meeting_starts(guest, date(2026, 11, 23 + day), 30) == meeting_starts(guest, date(2026, 11, 23), 30)
