"""What is proposed to a group fits everybody's hours and is still to come."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.matching import Guest
from tertulia.matching.times import proposals

WEEK = date(2026, 11, 23)
START = datetime(2026, 11, 23, tzinfo=UTC)


def in_hours(guest: Guest, begin: datetime, minutes: int) -> bool:
    local = begin.astimezone(ZoneInfo(guest.zone))
    end = (begin + timedelta(minutes=minutes)).astimezone(ZoneInfo(guest.zone))
    return local.weekday() in guest.days and guest.start <= local.time() and end.time() <= guest.end


@settings(max_examples=50, deadline=None, print_blob=True)
@given(
    zones=st.lists(
        st.sampled_from(("Europe/London", "Europe/Athens", "Asia/Kolkata", "America/New_York")), min_size=1
    ),
    minutes=st.sampled_from((15, 30, 60)),
    late=st.integers(0, 7 * 24 * 60),
)
def test_proposals_are_in_hours_apart_and_to_come(zones: list[str], minutes: int, late: int) -> None:
    guests = [Guest(id=str(number), zone=zone) for number, zone in enumerate(zones)]
    after = START + timedelta(minutes=late)
    found = proposals(guests, WEEK, minutes, after=after)
    assert len(found) <= 3
    for begin in found:
        assert begin >= after
        assert all(in_hours(guest, begin, minutes) for guest in guests)
    assert all(later - earlier >= timedelta(minutes=minutes) for earlier, later in pairwise(found))


def test_three_days_are_proposed_where_there_are_three() -> None:
    guests = [Guest(id="a", zone="Europe/London"), Guest(id="b", zone="America/New_York")]
    found = proposals(guests, WEEK, 30, after=START)
    assert [begin.strftime("%a %H:%M") for begin in found] == ["Mon 15:00", "Wed 15:00", "Fri 15:00"]


def test_one_day_gives_three_times_of_it() -> None:
    guests = [Guest(id="a", days=frozenset({2}), start=time(9), end=time(13))]
    found = proposals(guests, WEEK, 60, after=START)
    assert {begin.day for begin in found} == {25}
    assert len(found) == 3


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Asia/Tokyo"])
def test_nothing_is_proposed_where_nothing_is_in_common(zone: str) -> None:
    guests = [Guest(id="a", zone="Europe/London"), Guest(id="b", zone=zone)]
    assert proposals(guests, WEEK, 60, after=START) == ()
