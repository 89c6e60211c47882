"""Wall time placed in a zone: a time in a gap moves forward, a time that occurs twice fires once, the first time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def instant(wall: datetime, zone: str) -> datetime:
    """Return the UTC instant of the naive *wall* time in *zone*.

    With `fold=0`, PEP 495 reads a time that occurs twice as the first, and a time in a gap by the offset before the
    gap, which is the same distance past the gap.
    """
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def wall_time(at: datetime, zone: str) -> datetime:
    """Return the naive wall time of the instant *at* in *zone*."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
