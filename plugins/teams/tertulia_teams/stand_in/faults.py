"""What can go wrong at Microsoft, as values to script the stand-in with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Literal, TypeAlias

Api: TypeAlias = Literal["connector", "graph", "login", "metadata"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Answer badly once.

    *carried_out* says whether the request takes effect all the same. *status* 0 gives no answer: the connection is
    reset, or hangs where *hangs*. *delay* is slept before anything else; with status 200 that is all that is wrong,
    unless there is a *body* which is sent instead of the true one. *code* is Microsoft's name for the error.
    """

    status: int = 0
    carried_out: bool = False
    retry_after: str | None = None
    code: str = "ServiceError"
    body: bytes | None = None
    delay: float = 0.0
    hangs: bool = False


def too_many(after: float | datetime | None = None) -> Fault:
    """Answer 429, with seconds, an instant or nothing in Retry-After."""
    value = (
        format_datetime(after, usegmt=True) if isinstance(after, datetime) else None if after is None else str(after)
    )
    return Fault(status=429, retry_after=value, code="Throttled")


def refusal(status: int, code: str = "ServiceError", *, after: float | None = None) -> Fault:
    """Answer *status* without carrying anything out."""
    return Fault(status=status, code=code, retry_after=None if after is None else str(after))


def blocked() -> Fault:
    """Answer as if the person had blocked the bot."""
    return Fault(status=403, code="MessageWritesBlocked")


def error_after(status: int = 500) -> Fault:
    """Carry the request out, then answer an error."""
    return Fault(status=status, carried_out=True)


def reset(*, carried_out: bool) -> Fault:
    """Reset the connection, before or after the request takes effect."""
    return Fault(carried_out=carried_out)


def hang(*, carried_out: bool = False) -> Fault:
    """Never answer."""
    return Fault(hangs=True, carried_out=carried_out)


def slow(seconds: float) -> Fault:
    """Carry the request out and answer well, but late."""
    return Fault(status=200, carried_out=True, delay=seconds)


def bad_answer() -> Fault:
    """Carry the request out and answer what nobody can read."""
    return Fault(status=200, carried_out=True, body=b'{"id": ')


class Script:
    """Say which fault the next request meets: scripted ones first, then what *choose* draws."""

    def __init__(self) -> None:
        self.choose: Callable[[Api], Fault | None] | None = None
        self._next: dict[Api, deque[Fault | None]] = {}
        self._again: tuple[str, Fault] | None = None

    def add(self, api: Api, *faults: Fault | None) -> None:
        """Let the next requests of *api* meet *faults*, one each; `None` lets one pass."""
        self._next.setdefault(api, deque()).extend(faults)

    def clear(self) -> None:
        """Let everything pass again that was scripted to fail."""
        self._next.clear()

    def take(self, api: Api, request: str = "") -> Fault | None:
        """Return what the request that is here now meets; *request* is its method and path.

        HTTP clients repeat a PUT or DELETE by themselves once, where a connection that was open before is reset. That
        repetition meets the same fault, so that the reset is seen by who asked.
        """
        again, self._again = self._again, None
        if again is not None and again[0] == request:
            return again[1]
        fault = self._drawn(api)
        if fault is not None and fault.status == 0 and not fault.hangs and request.startswith(("PUT", "DELETE")):
            self._again = (request, fault)
        return fault

    def _drawn(self, api: Api) -> Fault | None:
        waiting = self._next.get(api)
        if waiting:
            return waiting.popleft()
        return self.choose(api) if self.choose else None
