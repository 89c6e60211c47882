"""Zoom's rates, by class and by the day, with the real limiter while Zoom refuses."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia import RetryLater
from tertulia.testing.context import FakeLimiter
from tertulia_zoom.account import Account
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import desk
from tertulia_zoom.limits import DAILY, WINDOWS, Rate, Rates, retry_after
from tertulia_zoom.stand_in import faults
from tertulia_zoom.stand_in.faults import Fault

ALLOWED = {"free": (4, 2, 1), "pro": (30, 20, 10), "business": (80, 60, 40)}
"""What Zoom allows in a second: light, medium, heavy."""
REPORT = "/report/meetings/{meetingId}/participants"


def most_in_a_second(instants: list[float]) -> int:
    return max(sum(0 <= later - first < 1.0 for later in instants) for first in instants)


@pytest.mark.parametrize("plan", sorted(ALLOWED))
def test_windows_are_nine_tenths_of_what_zoom_allows(plan: Any) -> None:
    for rate, allowed in zip((Rate.LIGHT, Rate.MEDIUM, Rate.HEAVY), ALLOWED[plan], strict=True):
        window = WINDOWS[plan][rate]
        assert window.count / window.seconds == pytest.approx(0.9 * allowed)
        assert window.burst == 1
    assert DAILY[plan].count == {"free": 5_400, "pro": 27_000, "business": 54_000}[plan]


async def test_a_storm_is_sat_out_within_the_rates(open_village: Any, tmp_path: Path) -> None:
    """Reports and looks at meetings at once; every fifth answer is 429; what Zoom allows is never exceeded."""
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, plan="pro") as village:
        account: Account = desk(village.live.context).account
        instance = village.server.meetings.start(village.number)
        for user in village.users:
            village.server.meetings.join(instance, user)
        village.server.meetings.end(instance)
        village.server.journal.clear()
        draw = random.Random(20260105)

        def choose(method: str, path: str) -> Fault | None:
            return faults.too_many(rate="Heavy") if path.startswith("/report") and draw.random() < 0.2 else None

        village.server.choose = choose

        async def heavy() -> int:
            for attempt in range(20):
                try:
                    return len([page async for page in account.reported_participants(instance.uuid)]) + attempt
                except RetryLater:
                    continue
            raise AssertionError("it never got through")

        light = (account.meeting(village.number) for _ in range(35))
        done = await asyncio.gather(*(heavy() for _ in range(10)), *light)
        assert len(done) == 45
        reports = [one.at for one in village.server.arrived("GET", REPORT)]
        looks = [one.at for one in village.server.arrived("GET", "/meetings/{meetingId}")]
        assert len(reports) > 10
        assert most_in_a_second(reports) <= 10
        assert most_in_a_second(looks) <= 30


async def test_a_day_that_is_used_up_stops_its_class_only(open_village: Any, tmp_path: Path) -> None:
    """Retry-After is an instant in ISO 8601, and the next call of the class does not even leave."""
    async with open_village(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, plan="pro") as village:
        account: Account = desk(village.live.context).account
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
        refusal = faults.too_many(until=until, rate="Heavy")
        village.server.choose = lambda method, path: refusal if path.startswith("/report") else None
        with pytest.raises(RetryLater) as refused:
            await anext(account.reported_participants("abcdefgh=="))
        assert refused.value.after == until
        with pytest.raises(RetryLater) as refused:
            await anext(account.reported_participants("abcdefgh=="))
        assert isinstance(refused.value.after, timedelta)
        assert timedelta(hours=2, minutes=59) < refused.value.after <= timedelta(hours=3)
        assert len([one for one in village.server.journal if one.path.startswith("/report")]) == 1
        assert await account.meeting(village.number)


async def test_what_429_says_is_kept_to() -> None:
    limiter = FakeLimiter()
    rates = Rates(limiter, "AbCdEfGhIjKlMnOpQr", "pro")
    soon = datetime.now(UTC) + timedelta(minutes=5)
    for rate, headers, key, seconds in (
        (Rate.MEDIUM, {"x-ratelimit-type": "QPS"}, "medium", 1),
        (Rate.HEAVY, {}, "heavy", 1),
        (Rate.RESOURCE, {}, "resource-intensive", 60),
        (Rate.HEAVY, {"retry-after": "7"}, "heavy", 7),
        (Rate.HEAVY, {"x-ratelimit-type": "Daily-limit"}, "daily", 86_400),
        (Rate.HEAVY, {"retry-after": soon.isoformat()}, "daily", 300),
        (Rate.MEDIUM, {"retry-after": "2020-01-01T00:00:00Z"}, "medium", 0),
        (Rate.LIGHT, {"retry-after": "9" * 30}, "light", 86_400),
    ):
        await rates.refused(rate, headers)
        kept, pause = limiter.penalties[-1]
        assert kept == f"{rates.account}:{key}"
        assert pause == pytest.approx(seconds, abs=2)


def test_an_account_s_id_is_not_in_the_table_of_rates() -> None:
    assert "AbCd" not in Rates(FakeLimiter(), "AbCdEfGhIjKlMnOpQr", "pro").key(Rate.LIGHT)


@given(st.text(max_size=40) | st.sampled_from(["inf", "nan", "-1", "1e400", "2026-01-05T09:00:00Z", "0"]))
def test_any_retry_after_can_be_read(value: str) -> None:
    said = retry_after(value)
    if isinstance(said, timedelta):
        assert timedelta(0) <= said <= timedelta(days=1)
    elif said is not None:
        assert said.tzinfo is not None


def test_instants_are_read_as_zoom_writes_them() -> None:
    nine = datetime(2026, 1, 5, 9, tzinfo=UTC)
    for written in (
        "2026-01-05T09:00:00Z",
        "2026-01-05T10:00:00+01:00",
        "Mon, 05 Jan 2026 09:00:00 GMT",
        "2026-01-05T09:00:00",
    ):
        assert retry_after(written) == nine
    assert retry_after(None) is None
    assert Settings.model_fields["plan"].default == "pro"
