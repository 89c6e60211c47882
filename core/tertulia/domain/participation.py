"""Facts that platforms bring back: who took part, and ties between people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tertulia.domain.people import Actor, Place

InteractionKind = Literal[
    "comment", "mention", "reply", "reaction", "co-assignment", "hand-over", "kudos", "co-attendance", "help"
]


@dataclass(frozen=True, kw_only=True)
class Participation:
    """State that an actor took part at a place; *ended* is `None` for a moment or while it lasts.

    *round* is given where the plugin knows it; otherwise the core finds the round that the place carries.
    """

    actor: Actor
    place: Place
    kind: Literal["attended", "answered", "reacted", "commented"]
    started: datetime
    ended: datetime | None = None
    round: str | None = None


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """State a directed tie from *source* to *target*; the core keeps the week and the weight, nothing finer."""

    source: Actor
    target: Actor
    kind: InteractionKind
    at: datetime
    weight: float = 1.0
    place: Place | None = None
