"""What an organisation asks of its cafés: the size of a group, what must hold, and what is wished for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tertulia.errors import Mistake


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Weigh what makes a good group; only the proportions count, 0 leaves a wish out."""

    team: float = 0.20
    city: float = 0.10
    worker: float = 0.20
    tenure: float = 0.15
    ties: float = 0.25
    hours: float = 0.10

    def __post_init__(self) -> None:
        weights = (self.team, self.city, self.worker, self.tenure, self.ties, self.hours)
        if min(weights) < 0 or sum(weights) <= 0:
            raise Mistake("A café's wishes must be 0 or more, and one of them above 0.")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """State the rules of a café.

    *size* is the group wished for; others from 2 to 4 are formed only where the number or a rule asks for it.
    *rounds* is how long a pair does not meet again. Two people can meet where *minutes* at a stretch fit both their
    working hours at *starts* quarter hours of the week or more. *evenness* says how much those whom earlier rounds
    served badly come first (0: not at all).
    """

    size: Literal[2, 3, 4] = 2
    rounds: int = 52
    minutes: int = 60
    starts: int = 3
    newcomer_days: int = 90
    veteran_days: int = 730
    evenness: float = 2.0
    wishes: Wishes = field(default_factory=Wishes)

    def __post_init__(self) -> None:
        if self.size not in (2, 3, 4):
            raise Mistake(f"size is {self.size}: a café's group has 2, 3 or 4 people.")
        if self.minutes < 15 or self.minutes % 15 or self.minutes > 240:
            raise Mistake(f"minutes is {self.minutes}: a café takes 15 to 240 minutes, in quarter hours.")
        if self.rounds < 0 or self.starts < 1 or self.evenness < 0:
            raise Mistake("A café's rounds and evenness must be 0 or more, and its starts 1 or more.")
