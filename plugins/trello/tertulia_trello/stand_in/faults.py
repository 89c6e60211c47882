"""What can go wrong at Trello, as values to script the stand-in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LIMIT = b'{"error":"API_TOKEN_LIMIT_EXCEEDED","message":"Rate limit exceeded"}'


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Answer badly once; *carried_out* says whether the request takes effect all the same.

    *status* 0 gives no answer: the connection is reset, or hangs where *hangs*.
    """

    status: int = 0
    carried_out: bool = False
    retry_after: str | None = None
    body: bytes = b"{}"
    hangs: bool = False


def too_many(after: float | datetime | None = None) -> Fault:
    """Answer 429 as Trello does, which says no more; *after* is for a proxy that does."""
    value = after.isoformat() if isinstance(after, datetime) else None if after is None else str(after)
    return Fault(status=429, retry_after=value, body=LIMIT)


def storm(count: int) -> tuple[Fault, ...]:
    """Answer 429 *count* times."""
    return (too_many(),) * count


def refusal(status: int) -> Fault:
    """Answer *status* without carrying anything out."""
    return Fault(status=status, body=b"refused")


def error_after() -> Fault:
    """Carry the request out, then answer 500."""
    return Fault(status=500, carried_out=True)


def reset(*, carried_out: bool) -> Fault:
    """Reset the connection, before or after the request takes effect."""
    return Fault(carried_out=carried_out)


def hang() -> Fault:
    """Carry the request out and never answer."""
    return Fault(hangs=True, carried_out=True)


def bad_json() -> Fault:
    """Carry the request out and answer what nobody can read."""
    return Fault(status=200, carried_out=True, body=b'{"id": ')
