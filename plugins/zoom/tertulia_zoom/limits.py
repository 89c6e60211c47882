"""Keep below Zoom's rates: nine tenths of what the account's plan allows, shared by all workers.

Zoom counts by account, over all its apps, in four classes of operations, and two of these by the day as well
(developers.zoom.us, rate limits; the class of each operation stands in its description).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

from tertulia import Limiter, Window
from tertulia_zoom.config import Plan

DAY = 86_400.0
WHOLE_DAY = timedelta(days=1)


class Rate(Enum):
    """Name the class that an operation is counted in."""

    LIGHT = "light"
    MEDIUM = "medium"
    HEAVY = "heavy"
    RESOURCE = "resource-intensive"


SECOND = Window(9, 60.0)
"""Resource-intensive operations: 10 a minute on every plan."""
WINDOWS: Mapping[Plan, Mapping[Rate, Window]] = {
    "free": {Rate.LIGHT: Window(18, 5.0), Rate.MEDIUM: Window(9, 5.0), Rate.HEAVY: Window(9, 10.0)},
    "pro": {Rate.LIGHT: Window(27, 1.0), Rate.MEDIUM: Window(18, 1.0), Rate.HEAVY: Window(9, 1.0)},
    "business": {Rate.LIGHT: Window(72, 1.0), Rate.MEDIUM: Window(54, 1.0), Rate.HEAVY: Window(36, 1.0)},
}
"""Light, medium, heavy: 4, 2, 1 a second; 30, 20, 10; 80, 60, 40."""
DAILY: Mapping[Plan, Window] = {
    "free": Window(5_400, DAY, burst=2_700),
    "pro": Window(27_000, DAY, burst=13_500),
    "business": Window(54_000, DAY, burst=27_000),
}
"""6,000 light calls a day on a free plan; elsewhere 30,000 or 60,000 heavy and resource-intensive ones together."""


class Rates:
    """Let calls pass as the account's windows allow."""

    def __init__(self, limiter: Limiter, account: str, plan: Plan):
        self._limiter, self._plan = limiter, plan
        # an account id is personal data to Zoom, so the table of rates holds a digest
        self.account = hashlib.sha256(account.encode()).hexdigest()[:16]

    def key(self, rate: Rate) -> str:
        """Return the limiter's key of a class."""
        return f"{self.account}:{rate.value}"

    @property
    def daily(self) -> str:
        """Return the limiter's key of what is counted by the day."""
        return f"{self.account}:daily"

    async def wait(self, rate: Rate) -> None:
        """Wait until one call of that class fits; raises `RetryLater` where that takes too long."""
        windows = {self.key(rate): (WINDOWS[self._plan].get(rate, SECOND),)}
        if self._by_the_day(rate):
            windows[self.daily] = (DAILY[self._plan],)
        await self._limiter.acquire(windows)

    async def refused(self, rate: Rate, headers: Mapping[str, str]) -> tuple[str, timedelta | datetime]:
        """Keep everybody from the class, or from the day's quota, as long as a 429 says; return key and pause."""
        said = retry_after(headers.get("retry-after"))
        daily = "daily" in headers.get("x-ratelimit-type", "").lower() or isinstance(said, datetime)
        key = self.daily if daily and self._by_the_day(rate) else self.key(rate)
        pause = said or (WHOLE_DAY if daily else timedelta(seconds=60.0 if rate is Rate.RESOURCE else 1.0))
        # signatures, tokens and limits live by real time, whatever clock the rounds live by
        wait = pause if isinstance(pause, timedelta) else pause - datetime.now(UTC)
        await self._limiter.penalty(key, min(max(wait, timedelta(0)), WHOLE_DAY).total_seconds())
        return key, pause

    def _by_the_day(self, rate: Rate) -> bool:
        return rate is Rate.LIGHT if self._plan == "free" else rate in (Rate.HEAVY, Rate.RESOURCE)


def retry_after(value: str | None) -> timedelta | datetime | None:
    """Read seconds, or the instant that Zoom writes in ISO 8601; anything else says nothing."""
    if value is None:
        return None
    try:
        return timedelta(seconds=min(max(float(value), 0.0), DAY))
    except (ValueError, OverflowError):
        pass
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = read(value.strip())
        except (ValueError, TypeError, IndexError):
            continue
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return None
