"""Decide for one person whether, when and where a round reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tertulia.domain.attention import after_quiet_hours, snoozed
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person

WEB = "web"
"""The built-in channel; a person with an e-mail address has it without an account."""


@dataclass(frozen=True)
class Channel:
    """Hold one way to write to a person; *identity* is `None` for the web channel by e-mail."""

    platform: str
    installation: Id
    identity: Id | None


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """Hold what was decided; *reason* says why the person is skipped, otherwise *channel* carries it."""

    person: Person
    origin: datetime
    due: datetime
    channel: Channel | None = None
    reason: str | None = None


def choose_channel(person: Person, channels: Sequence[Channel]) -> Channel | None:
    """Choose the person's preferred channel, else an account on a platform, else the web channel."""
    return min(
        channels,
        key=lambda channel: (
            channel.platform != person.preferred_channel,
            channel.platform == WEB,
            channel.platform,
            channel.identity or "",
        ),
        default=None,
    )


def appoint(
    person: Person,
    *,
    practice: str,
    origin: datetime,
    closes: datetime,
    now: datetime,
    channels: Sequence[Channel],
    opt_outs: frozenset[str],
) -> Appointment:
    """Plan one message to *person* at *origin*, deferred by quiet hours, or say why there is none."""
    due = after_quiet_hours(person, max(origin, now))
    channel = choose_channel(person, channels)
    if "*" in opt_outs or practice in opt_outs:
        reason = "opted out"
    elif snoozed(person, due):
        reason = "snoozed"
    elif due >= closes:
        reason = "quiet hours until the close"
    elif channel is None:
        reason = "no channel"
    else:
        return Appointment(person=person, origin=origin, due=due, channel=channel)
    return Appointment(person=person, origin=origin, due=due, reason=reason)
