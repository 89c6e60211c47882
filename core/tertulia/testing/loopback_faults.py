"""What can go wrong at a platform, as values to script a loopback server with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Answer badly once.

    *carried_out* says whether the message takes effect all the same. *status* 0 gives no answer at all: the
    connection is reset, or hangs where *hangs*. *delay* is slept before anything is answered.
    """

    status: int = 0
    carried_out: bool = False
    retry_after: str | None = None
    body: bytes = b"{}"
    delay: float = 0.0
    hangs: bool = False


def too_many(after: float | datetime | None = None) -> Fault:
    """Answer 429, with seconds, an instant or nothing in Retry-After."""
    value = after.isoformat() if isinstance(after, datetime) else None if after is None else str(after)
    return Fault(status=429, retry_after=value)


def refusal(status: int) -> Fault:
    """Answer *status* without carrying anything out: 401, 403, 404, 410, 500, 502, 503."""
    return Fault(status=status)


def error_after() -> Fault:
    """Carry the message out, then answer 500."""
    return Fault(status=500, carried_out=True)


def reset(*, carried_out: bool) -> Fault:
    """Reset the connection, before or after the message takes effect."""
    return Fault(carried_out=carried_out)


def hang(*, carried_out: bool = False) -> Fault:
    """Never answer."""
    return Fault(hangs=True, carried_out=carried_out)


def slow(seconds: float) -> Fault:
    """Carry the message out and answer well, but late."""
    return Fault(status=200, carried_out=True, delay=seconds)


def bad_json() -> Fault:
    """Carry the message out and answer what nobody can read."""
    return Fault(status=200, carried_out=True, body=b'{"ref": ')
