"""Cadence: RFC 5545 rules in wall time, and both clock changes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tertulia.domain.programs import Cadence
from tertulia.errors import Mistake
from tertulia.services.cadence import instant, occurrences

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu",
         "Pacific/Apia", "America/St_Johns", "Pacific/Chatham")  # fmt: skip


def walls(rule: str, start: str = "2027-01-04T09:30", *, after: datetime | None = None, first: int = 5) -> list[str]:
    """Return the first occurrences as text."""
    found = islice(occurrences(Cadence(rule=rule, start=start), after), first)
    return [wall.isoformat(timespec="minutes") for wall in found]


def test_working_days_skip_the_weekend() -> None:
    assert walls("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2027-01-07T09:30", first=3) == [
        "2027-01-07T09:30",
        "2027-01-08T09:30",
        "2027-01-11T09:30",
    ]


def test_every_other_week_keeps_its_phase_after_any_instant() -> None:
    every = walls("FREQ=WEEKLY;INTERVAL=2", first=6)
    assert walls("FREQ=WEEKLY;INTERVAL=2", after=datetime(2027, 2, 1, 9, 29), first=4) == every[2:]  # noqa: DTZ001  # wall time
    assert walls("FREQ=WEEKLY;INTERVAL=2", after=datetime(2027, 2, 1, 9, 30), first=3) == every[3:]  # noqa: DTZ001  # wall time


def test_first_and_last_days_of_a_month() -> None:
    assert walls("FREQ=MONTHLY;BYDAY=1MO", first=2) == ["2027-01-04T09:30", "2027-02-01T09:30"]
    assert walls("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", first=2) == ["2027-01-29T09:30", "2027-02-26T09:30"]


def test_count_ends_the_rule_even_when_asked_for_later() -> None:
    assert len(walls("FREQ=DAILY;COUNT=3", first=10)) == 3
    assert walls("FREQ=DAILY;COUNT=3", after=datetime(2027, 1, 5, 12)) == ["2027-01-06T09:30"]  # noqa: DTZ001  # wall time


def test_until_is_local_and_a_date_includes_its_day() -> None:
    assert walls("FREQ=DAILY;UNTIL=20270105")[-1] == "2027-01-05T09:30"
    assert walls("FREQ=DAILY;UNTIL=20270105T093000")[-1] == "2027-01-05T09:30"
    assert walls("FREQ=DAILY;UNTIL=20270105T092959")[-1] == "2027-01-04T09:30"


def test_leap_days_are_found_across_a_century_without_one() -> None:
    assert walls("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2093-01-01T10:00", first=2) == [
        "2096-02-29T10:00",
        "2104-02-29T10:00",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=3",
    ],
)
def test_a_rule_without_occurrences_ends_soon(rule: str) -> None:
    begin = time.process_time()
    assert walls(rule) == []
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("FREQ=HOURLY", "FREQ=HOURLY"),
        ("FREQ=MINUTELY;INTERVAL=5", "FREQ=MINUTELY"),
        ("FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("BYDAY=MO", "no FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;COUNT=two", "COUNT=TWO"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=20271231T235959Z", "leave out the Z"),
        ("FREQ=DAILY;UNTIL=20271331", "UNTIL=20271331"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL=SOON"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX"),
        ("FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYDAYS=MO", "did you mean BYDAY?"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"),
        ("FREQ=DAILY;BYHOUR=9,15", "several practices"),
        ("FREQ=DAILY;FREQ=WEEKLY", "twice"),
        ("FREQ=DAILY;WKST=XX", "WKST=XX"),
        ("FREQ=DAILY;COUNT", "COUNT has no value"),
        ("every monday", "unknown part"),
        ("", "unknown part"),
    ],
)
def test_a_rule_outside_the_support_is_refused_at_once(rule: str, part: str) -> None:
    with pytest.raises(Mistake) as refused:
        occurrences(Cadence(rule=rule, start="2027-01-04T09:30"), None)
    assert part in str(refused.value)


@pytest.mark.parametrize(
    "start", ["soon", "2027-01-04T09:30Z", "2027-01-04T09:30+01:00", "0001-01-01T00:00", "9:30", "2027-01-04"]
)
def test_a_start_that_is_no_local_time_is_refused(start: str) -> None:
    with pytest.raises(Mistake, match="The start"):
        occurrences(Cadence(rule="FREQ=DAILY", start=start), None)


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/Berlin", "2026-03-28T09:00", "2026-03-28T08:00"),
        ("Europe/Berlin", "2026-03-29T09:00", "2026-03-29T07:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),  # in the gap: becomes 03:30
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),  # twice: the first
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30"),  # in the gap: becomes 03:30
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),  # half an hour twice: the first
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45"),  # half an hour missing: becomes 02:45
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),  # midnight is missing: becomes 01:00
        ("Asia/Kathmandu", "2026-05-01T09:30", "2026-05-01T03:45"),
    ],
)
def test_instant_at_the_changes_of_the_clock(zone: str, wall: str, utc: str) -> None:
    found = instant(datetime.fromisoformat(wall), zone)
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../etc/passwd", "America", "/etc/localtime", "local"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(Mistake, match="is not a time zone"):
        instant(datetime(2027, 1, 4, 9, 30), zone)  # noqa: DTZ001  # wall time


def test_an_unknown_zone_suggests_the_nearest() -> None:
    with pytest.raises(Mistake, match='did you mean "Europe/Berlin"'):
        instant(datetime(2027, 1, 4, 9, 30), "Europe/Berln")  # noqa: DTZ001  # wall time


local_times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 12, 31))  # noqa: DTZ001  # wall time
minutes = local_times.map(lambda wall: wall.replace(second=0, microsecond=0))


@given(st.lists(minutes, min_size=2, max_size=6), st.sampled_from(ZONES))
def test_days_in_order_stay_in_order(drawn: list[datetime], zone: str) -> None:
    days = sorted(drawn)
    assume(all(after - before >= timedelta(days=1) for before, after in pairwise(days)))
    placed = [instant(wall, zone) for wall in days]
    assert placed == sorted(placed)


@given(minutes, st.sampled_from(ZONES))
def test_a_wall_time_that_exists_is_met_and_a_missing_one_moves_forward(wall: datetime, zone: str) -> None:
    placed = instant(wall, zone)
    local = placed.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert local >= wall
    assert local - wall <= timedelta(days=1)
    assert instant(local, zone) == placed


@given(minutes, st.sampled_from(ZONES))
def test_the_first_of_two_is_meant(wall: datetime, zone: str) -> None:
    second = wall.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    both_exist = second.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    assume(both_exist)
    assert instant(wall, zone) <= second


rules = st.builds(
    lambda freq, interval, days: f"FREQ={freq};INTERVAL={interval}" + (f";BYDAY={','.join(days)}" if days else ""),
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    st.integers(1, 5),
    st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), unique=True),
)


@given(rules, st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1)))  # noqa: DTZ001  # wall time
def test_asking_after_a_time_gives_the_rest_of_the_same_sequence(rule: str, after: datetime) -> None:
    cadence = Cadence(rule=rule, start="2026-01-05T09:30")
    every = list(islice(occurrences(cadence, None), 40))
    assert every == sorted(set(every))
    rest = [wall for wall in every if wall > after]
    assert list(islice(occurrences(cadence, after), len(rest))) == rest


def test_a_driven_week_crosses_the_change_of_the_clock_with_one_round_a_day() -> None:
    cadence = Cadence(rule="FREQ=DAILY", start="2026-10-22T02:30")
    placed = [instant(wall, "Europe/Berlin") for wall in islice(occurrences(cadence, None), 7)]
    hours = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(placed)]
    assert hours == [24, 24, 24, 25, 24, 24]
