"""Judge what Zoom answers, whichever client asked: a JSON object, or one of the four errors, and here only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tertulia import Json, OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable
from tertulia_zoom.limits import Rate, Rates
from tertulia_zoom.paths import Gone

LARGEST = 16 * 1024 * 1024
"""An answer is not read beyond that."""
ABSENT = frozenset({1001, 1010, 3000, 3001, 4400, 5010})
"""Zoom's own codes for what is not there: user, group, meeting, meeting, poll, message."""
PAID = frozenset({200, 3161})
"""Zoom's own codes for what the account's plan does not include."""
SCOPES = frozenset({104, 4700, 4711})
"""Zoom's own codes for a token without the scopes of the operation."""


class NotOnPlan(OperatorError):
    """Tell that the account's plan does not include the operation."""


class Expired(OperatorError):
    """Tell that Zoom does not take the token; a new one may do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold an answer: its status, its headers by lower-case name, and its body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def code(self) -> int | None:
        """Return Zoom's own code of an error."""
        value = self._object().get("code")
        return value if isinstance(value, int) else None

    def json(self) -> Json:
        """Return the body as an object, empty where there is none; raises `OutcomeUnknown` for garbage."""
        if not self.body.strip():
            return {}
        value = self._object()
        if not value:
            try:
                empty = json.loads(self.body) in ({}, None)
            except ValueError:
                empty = False
            if not empty:
                raise OutcomeUnknown("Zoom's answer cannot be read")
        return value

    def _object(self) -> Json:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


async def judge(answer: Answer, *, rate: Rate, rates: Rates, writes: bool) -> Json:
    """Return what was asked for; raises one of the four errors, `Gone`, `NotOnPlan` and `Expired` among them."""
    if answer.status in (200, 201, 202, 204):
        return answer.json()
    if answer.status == 429:
        key, pause = await rates.refused(rate, answer.headers)
        raise RetryLater("Zoom's rate limit is used up", pause, everyone=key)
    raise _error(answer, writes)


def _error(answer: Answer, writes: bool) -> SendError:
    status, code = answer.status, answer.code()
    shown = f"Zoom answered {status}" if code is None else f"Zoom answered {status} with code {code}"
    if status >= 500:
        # a read that failed can simply be done again
        return OutcomeUnknown(shown) if writes else RetryLater(shown)
    if status == 401 or code == 124:
        return Expired(f"{shown}: check the client id and secret, and that the app is activated")
    if code in SCOPES:
        return OperatorError(f"{shown}: add the missing scopes to the app; the plugin's README lists them")
    if code in PAID:
        return NotOnPlan(f"{shown}: the account's plan does not include this")
    if status in (404, 410) or code in ABSENT:
        return Gone(f"{shown}: it is not there, or not any more")
    if status == 403:
        return Unreachable(f"{shown}: it is not for this account")
    return OperatorError(f"{shown}: it does not take what the settings lead to")
