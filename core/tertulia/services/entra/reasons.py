"""Why a sign-in came to nothing: a code for logs and the audit log, and what it means for the person."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Reason: TypeAlias = Literal[
    "another_browser",
    "expired",
    "repeated",
    "cancelled",
    "not_agreed",
    "refused_there",
    "unavailable",
    "secret",
    "invalid",
    "tenant",
    "unknown",
    "taken",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
STATUS: dict[Reason, int] = {"unavailable": 503, "secret": 503, "tenant": 403, "unknown": 403, "taken": 409}
"""The HTTP status of a reason; 400 where none is named."""


class NotSignedIn(Exception):
    """Tell why somebody could not be signed in; *detail* is for the log and holds nothing of a person."""

    def __init__(self, reason: Reason, detail: str = ""):
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail
