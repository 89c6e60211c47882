"""Alerts say nothing, wait for quiet hours to end, go on to the deputy, and end with one word to the owners."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.domain.people import Person
from tertulia.storage import tables
from tertulia.surveys.candle import alerts
from tertulia.surveys.candle.days import end_of_working_day, quarter

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)


async def test_an_alert_goes_out_at_once_and_says_nothing_but_a_name_for_it(open_house: Any) -> None:
    async with open_house() as house:
        reference = await house.light(discreet=True)
        ((to, said),) = await house.alerts()
        assert to == "rosa"
        assert reference in said
        for word in ("Ana", "candle", "care for", "help", "ana@"):
            assert word not in said


async def test_after_a_working_day_the_deputy_and_after_three_the_owner(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        reference = await house.light()
        await house.drive(MONDAY + timedelta(days=1, hours=4, minutes=59))
        assert [to for to, _ in await house.alerts()] == ["rosa"]
        assert await house.waiting("dan") == []
        await house.drive(MONDAY + timedelta(days=1, hours=5))
        assert [to for to, _ in await house.alerts()] == ["dan", "rosa", "rosa"]
        assert {reference in said for _, said in await house.alerts()} == {True}
        assert [one.as_deputy for one in await house.waiting("dan")] == [True]
        await house.drive(MONDAY + timedelta(days=3, hours=5))
        told = dict(await house.alerts())
        assert set(told) == {"rosa", "dan", "olga"}
        assert reference not in told["olga"]
        assert "One request" in told["olga"]
        for name in ("Ana", "Rosa", "Dan"):
            assert name not in told["olga"]
        (mine,) = await house.mine()
        assert [step.verb for step in mine.log] == ["candle.light", "candle.hand_over", "candle.overdue"]
        count = len(await house.alerts())
        await house.drive(MONDAY + timedelta(days=60))
        assert len(await house.alerts()) == count


async def test_a_candle_whose_step_fails_holds_up_no_other(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        house.clock.set(MONDAY + timedelta(hours=1))
        second = await house.light("lea", pass_on=False)
        async with house.database.write() as tx:
            broken = tables.person.update().where(tables.person.c.id == house.persons["dan"])
            await tx.execute(broken.values(zone="Nowhere/Gone"))
        house.clock.set(MONDAY + timedelta(days=2))
        await alerts.advance_due(house.runtime)
        assert [to for to, said in await house.alerts() if second in said] == ["rosa", "rosa"]
        (waits,) = [row for row in await house.rows(tables.candle) if row["step"] == alerts.ALERTED]
        assert waits["next_at"] is not None, "it is tried again"


async def test_what_was_opened_goes_on_to_nobody(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        await house.open()
        await house.drive(MONDAY + timedelta(days=30))
        assert [to for to, _ in await house.alerts()] == ["rosa"]
        assert await house.open("dan") == []


async def test_whoever_does_not_wish_it_has_no_deputy(open_house: Any) -> None:
    async with open_house() as house:
        await house.light(pass_on=False)
        await house.drive(MONDAY + timedelta(days=30))
        assert [to for to, _ in await house.alerts()] == ["olga", "rosa", "rosa", "rosa"]
        assert await house.open("dan") == []
        assert [one.name for one in await house.open("rosa")] == ["Ana Canary"]


async def test_quiet_hours_put_the_alert_off_and_lose_nothing(open_house: Any) -> None:
    async with open_house() as house:
        house.clock.set(datetime(2026, 11, 2, 22, 17, 3, tzinfo=UTC))
        await house.light()
        assert await house.alerts() == []
        (row,) = await house.rows(tables.candle)
        assert row["next_at"] == datetime(2026, 11, 3, 8, tzinfo=UTC)
        await house.drive(datetime(2026, 11, 3, 8, tzinfo=UTC))
        assert [to for to, _ in await house.alerts()] == ["rosa"]


async def test_a_friday_s_candle_waits_for_monday(open_house: Any) -> None:
    async with open_house() as house:
        house.clock.set(datetime(2026, 11, 6, 15, tzinfo=UTC))
        await house.light()
        await house.drive(datetime(2026, 11, 9, 16, 59, tzinfo=UTC))
        assert [to for to, _ in await house.alerts()] == ["rosa"]
        await house.drive(datetime(2026, 11, 9, 17, tzinfo=UTC))
        assert [to for to, _ in await house.alerts()] == ["dan", "rosa", "rosa"]


async def test_several_workers_take_each_step_once(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        await house.light()
        house.clock.set(MONDAY + timedelta(days=1, hours=6))
        await asyncio.gather(*(alerts.advance_due(house.runtime) for _ in range(4)))
        assert [to for to, _ in await house.alerts()] == ["dan", "rosa", "rosa"]


@pytest.mark.parametrize(
    ("zone", "at", "days", "expected"),
    [
        ("UTC", "2026-11-02T12:00", 1, "2026-11-03T17:00"),
        ("UTC", "2026-11-07T12:00", 1, "2026-11-09T17:00"),
        ("UTC", "2026-11-05T23:59", 3, "2026-11-10T17:00"),
        ("Pacific/Auckland", "2026-11-02T12:00", 1, "2026-11-04T04:00"),
        ("America/Lima", "2026-11-02T02:00", 1, "2026-11-02T22:00"),
    ],
)
def test_working_days_end_where_the_responder_is(zone: str, at: str, days: int, expected: str) -> None:
    person = Person(id="p", organization="o", name="P", zone=zone)
    found = end_of_working_day(person, datetime.fromisoformat(at).replace(tzinfo=UTC), days)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_quarters() -> None:
    assert [quarter(datetime(2026, month, 1, tzinfo=UTC)) for month in (1, 3, 4, 9, 10, 12)] == [
        "2026-Q1",
        "2026-Q1",
        "2026-Q2",
        "2026-Q3",
        "2026-Q4",
        "2026-Q4",
    ]
