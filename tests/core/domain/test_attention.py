from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.attention import after_quiet_hours, iso_week, snoozed
from tertulia.domain.people import Person
from tertulia.domain.walltime import wall_time

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati"]


def person(zone: str = "Europe/Berlin", start: time = time(20), end: time = time(8), **wishes: object) -> Person:
    return Person(id="p", organization="o", name="Ana", zone=zone, quiet_start=start, quiet_end=end, **wishes)


def test_a_message_in_the_evening_waits_until_the_morning() -> None:
    at = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    assert after_quiet_hours(person(), at) == datetime(2026, 11, 24, 7, tzinfo=UTC)


def test_a_message_at_work_does_not_wait() -> None:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert after_quiet_hours(person(), at) == at


def test_quiet_hours_within_a_day() -> None:
    siesta = person(start=time(13), end=time(16))
    assert after_quiet_hours(siesta, datetime(2026, 11, 23, 13, tzinfo=UTC)) == datetime(2026, 11, 23, 15, tzinfo=UTC)


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis adds the zone
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 23),
    end=st.integers(0, 23),
)
def test_nobody_is_written_to_in_quiet_hours(at: datetime, zone: str, start: int, end: int) -> None:
    who = person(zone, time(start), time(end))
    due = after_quiet_hours(who, at)
    assert at <= due <= at + timedelta(hours=25)
    local = wall_time(due, zone).time()
    quiet = start <= local.hour < end if start <= end else local.hour >= start or local.hour < end
    # an hour that the clocks repeat can end quiet hours twice; then the first end counts
    assert not quiet or wall_time(due, zone) != wall_time(due + timedelta(hours=1), zone) - timedelta(hours=1)


def test_the_week_is_the_persons_own() -> None:
    sunday_in_utc = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert iso_week(person("UTC"), sunday_in_utc) == "2026-W47"
    assert iso_week(person("Europe/Berlin"), sunday_in_utc) == "2026-W48"


def test_a_snooze_ends() -> None:
    until = datetime(2026, 11, 23, tzinfo=UTC)
    assert snoozed(person(snoozed_until=until), until - timedelta(seconds=1))
    assert not snoozed(person(snoozed_until=until), until)
    assert not snoozed(person(), until)
