"""What can go wrong at Zoom, as values to script the stand-in with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Answer badly once; *carried_out* says whether the request takes effect all the same.

    *status* 0 gives no answer: the connection is reset, or hangs where *hangs*. *drips* sends the body byte by byte,
    that many a second.
    """

    status: int = 0
    carried_out: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    hangs: bool = False
    drips: float = 0.0


def _said(code: int, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


def too_many(*, until: datetime | None = None, rate: str = "Medium") -> Fault:
    """Answer 429 as Zoom does: by the second, or by the day until an instant in ISO 8601."""
    headers = {"X-RateLimit-Category": rate, "X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0"}
    if until is None:
        message = "You have reached the maximum per-second rate limit for this API. Try again later."
        return Fault(status=429, headers=headers | {"X-RateLimit-Type": "QPS"}, body=_said(429, message))
    message = "You have reached the maximum daily rate limit for this API."
    daily = {"X-RateLimit-Type": "Daily-limit", "Retry-After": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return Fault(status=429, headers=headers | daily, body=_said(429, message))


def storm(count: int) -> tuple[Fault, ...]:
    """Answer 429 *count* times."""
    return (too_many(),) * count


def expired_token() -> Fault:
    """Answer 401 as Zoom does where an hour is over."""
    return Fault(status=401, body=_said(124, "Access token is expired."))


def no_scope() -> Fault:
    """Answer 400 as Zoom does where the app was not given the scope."""
    return Fault(status=400, body=_said(4711, "Invalid access token, does not contain scopes:[meeting:read:admin]."))


def not_on_plan() -> Fault:
    """Answer 400 as Zoom does where only paid accounts may."""
    return Fault(status=400, body=_said(200, "Only available for Paid account."))


def refusal(status: int) -> Fault:
    """Answer *status* without carrying anything out."""
    return Fault(status=status, body=_said(300, "refused"))


def error_after() -> Fault:
    """Carry the request out, then answer 500."""
    return Fault(status=500, carried_out=True)


def reset(*, carried_out: bool) -> Fault:
    """Reset the connection, before or after the request takes effect."""
    return Fault(carried_out=carried_out)


def hang() -> Fault:
    """Carry the request out and never answer."""
    return Fault(hangs=True, carried_out=True)


def drip(each_second: float = 20.0) -> Fault:
    """Answer well, but byte by byte."""
    return Fault(status=200, carried_out=True, drips=each_second)


def bad_json() -> Fault:
    """Carry the request out and answer what nobody can read."""
    return Fault(status=200, carried_out=True, body=b'{"id": ')
