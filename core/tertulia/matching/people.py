"""Who comes to a café, and what is known of them: plain values, read by the matcher and never changed by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time

from tertulia.domain.identifiers import Id
from tertulia.domain.people import WorkerType

WEEKDAYS = frozenset(range(5))
"""Monday to Friday."""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Hold what matters of one person for one round.

    Hours are local wall time, an end before the start is past midnight. *avoid* is the person's private list: no rule
    is kept more strictly and nothing that is shown depends on it. Two of one *side* are never brought together, so
    that mentors meet those who are none. *served* is how well earlier rounds suited the person on average (0 to 1),
    `None` before the first.
    """

    id: Id
    team: str | None = None
    city: str | None = None
    worker: WorkerType = "employee"
    zone: str = "UTC"
    start: time = time(9)
    end: time = time(17)
    days: frozenset[int] = WEEKDAYS
    languages: tuple[str, ...] = ("en",)
    joined: date | None = None
    asynchronous: bool = False
    avoid: frozenset[Id] = frozenset()
    side: str | None = None
    served: float | None = None


@dataclass(frozen=True, kw_only=True)
class Past:
    """Hold what two people have had to do with each other.

    *met* tells how many rounds ago a pair was in one group (1: in the last round), *ties* how strongly two people
    interact at work; who is not named there has no tie. *circles* numbers the circles that ties fall into.
    """

    met: Mapping[frozenset[Id], int] = field(default_factory=dict)
    ties: Mapping[frozenset[Id], float] = field(default_factory=dict)
    circles: Mapping[Id, int] = field(default_factory=dict)
