"""The life of a round: its states, and the one next step that its timer waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

RoundState = Literal["planned", "open", "closing", "closed", "released", "withheld", "cancelled"]
DeliveryState = Literal["planned", "sending", "sent", "ambiguous", "failed", "skipped"]
SessionState = Literal["lobby", "asking", "turns", "groups", "ended"]
RoundAction = Literal["open", "deliver", "remind", "close", "results", "enrol", "rest"]
Repeatability = Literal["repeat", "never"]

ROUND: dict[str, frozenset[str]] = {
    "planned": frozenset({"open", "cancelled"}),
    "open": frozenset({"closing", "cancelled"}),
    "closing": frozenset({"closed"}),
    "closed": frozenset({"released", "withheld"}),
    "released": frozenset(),
    "withheld": frozenset(),
    "cancelled": frozenset(),
}
DELIVERY: dict[str, frozenset[str]] = {
    "planned": frozenset({"sending", "skipped"}),
    "sending": frozenset({"sent", "planned", "ambiguous", "failed"}),
    "ambiguous": frozenset({"planned"}),
    "sent": frozenset(),
    # what certainly did not arrive may be tried again, by those who run the program
    "failed": frozenset({"planned"}),
    "skipped": frozenset(),
}
SESSION: dict[str, frozenset[str]] = {
    "lobby": frozenset({"asking"}),
    "asking": frozenset({"turns", "groups", "ended"}),
    "turns": frozenset({"groups", "ended"}),
    "groups": frozenset({"ended"}),
    "ended": frozenset(),
}
PURPOSES: dict[str, Repeatability] = {
    "invite": "never",
    "post": "never",
    "gather": "never",
    "remind": "repeat",
    "summary": "repeat",
    "results": "repeat",
    "alert": "repeat",
}
"""Whether a message of unknown outcome is sent again. A reminder is written `remind:<n>` in tables."""


def repeatability(purpose: str) -> Repeatability:
    """Tell whether a delivery of *purpose* may be sent twice."""
    return PURPOSES[purpose.partition(":")[0]]


@dataclass(frozen=True, kw_only=True)
class ShardDue:
    """Hold one shard of a round's recipients: what for, when due, and whether its work was handed out.

    *origin* is the instant it was planned for; quiet hours can make it due later.
    """

    purpose: str
    origin: datetime
    due: datetime
    started: bool


@dataclass(frozen=True)
class Step:
    """Hold the next thing to do for a round, and when."""

    action: RoundAction
    at: datetime


def next_step(shards: Iterable[ShardDue], reminders: tuple[timedelta, ...], closes: datetime) -> Step:
    """Find the step an open round waits for.

    Shards are started when due; the *n*-th reminder of the invitations due at *d* is planned at *d* + reminder *n*
    while that is before the close; then the round closes.
    """
    known = list(shards)
    steps = [Step("deliver", shard.due) for shard in known if not shard.started]
    planned = {(shard.purpose, shard.origin) for shard in known}
    for due in {shard.due for shard in known if shard.purpose == "invite"}:
        for number, pause in enumerate(reminders, start=1):
            at = due + pause
            if at < closes and (f"remind:{number}", at) not in planned:
                steps.append(Step("remind", at))
    steps = [step for step in steps if step.at < closes]
    return min(steps, key=lambda step: (step.at, step.action), default=Step("close", closes))
