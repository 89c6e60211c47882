from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tertulia.testing.clock import DrivenClock

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def test_it_is_driven_forward_and_back() -> None:
    clock = DrivenClock(START)
    assert clock.advance(timedelta(hours=1)) == clock.now() == START + timedelta(hours=1)
    clock.set(datetime(2026, 3, 28, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 3, 28, 10, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        DrivenClock(datetime(2026, 1, 1))  # noqa: DTZ001  # it is refused


async def test_waiters_wake_when_their_instant_comes() -> None:
    clock = DrivenClock(START)
    early = asyncio.create_task(clock.wait_until(START + timedelta(minutes=1)))
    late = asyncio.create_task(clock.wait_until(START + timedelta(days=1)))
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=5))
    await asyncio.wait_for(early, 1)
    assert not late.done()
    late.cancel()
    await clock.wait_until(START)


async def test_another_thread_may_drive_it() -> None:
    clock = DrivenClock(START)
    waiting = asyncio.create_task(clock.wait_until(START + timedelta(hours=100)))
    await asyncio.sleep(0)
    threads = [threading.Thread(target=clock.advance, args=(timedelta(hours=1),)) for _ in range(100)]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(waiting, 5)
    for thread in threads:
        thread.join()
    assert clock.now() == START + timedelta(hours=100)
