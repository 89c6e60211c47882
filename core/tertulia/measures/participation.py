"""Who took part in what, counted: what is true of each person, and figures that no fact about a person is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.measures import rates
from tertulia.surveys.scoring import Estimate, Z

LONG_ENOUGH = timedelta(minutes=5)
PART_ENOUGH = 0.25
"""Whoever was there for five minutes, or for a quarter of it, attended."""
DAY_STARTS, DAY_ENDS = time(8), time(18)


@dataclass(frozen=True, kw_only=True)
class Stay:
    """State that a person was there from *start* to *end*; without an end it was seen for a moment."""

    person: Id
    start: datetime
    end: datetime | None


@dataclass(kw_only=True)
class Occasion:
    """Hold who came how far in one round; *platforms* are those through which each person took part."""

    round: Id
    practice: str
    eligible: frozenset[Id] = frozenset()
    invited: set[Id] = field(default_factory=set)
    reached: set[Id] = field(default_factory=set)
    responded: set[Id] = field(default_factory=set)
    attended: set[Id] = field(default_factory=set)
    platforms: dict[Id, set[str]] = field(default_factory=dict)

    def took_part(self, person: Id, platform: str) -> None:
        """Note that a person answered (a pass is none) or attended."""
        self.platforms.setdefault(person, set()).add(platform)


def attended(stays: Iterable[Stay]) -> frozenset[Id]:
    """Return who was there long enough: five minutes, or a quarter of the time between first arrival and last leave.

    Stays that overlap, as of somebody in two tools at once, count once; a moment without an end counts.
    """
    known = list(stays)
    ended = [one.end for one in known if one.end is not None]
    length = max(ended) - min(one.start for one in known) if ended else timedelta(0)
    enough = min(LONG_ENOUGH, length * PART_ENOUGH)
    moments = {one.person for one in known if one.end is None}
    by_person: dict[Id, list[tuple[datetime, datetime]]] = {}
    for one in known:
        if one.end is not None:
            by_person.setdefault(one.person, []).append((one.start, one.end))
    return frozenset(moments | {person for person, spans in by_person.items() if union(spans) >= enough})


def union(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """Return how long at least one of *spans* lasts."""
    total, reached = timedelta(0), None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
        reached = end if reached is None else max(reached, end)
    return total


def times(occasions: Iterable[Occasion]) -> Counter[Id]:
    """Count in how many rounds each person took part, one once in each whatever the number of platforms."""
    return Counter(person for one in occasions for person in one.platforms)


def inequality(counts: Mapping[Id, int], people: Collection[Id]) -> Estimate | None:
    """Return the Gini coefficient of how often *people* took part, with the jackknife's 95 % interval.

    `None` where fewer than five took part: an exact 0 would say that nobody did.

    Jackknife of the Gini coefficient: Yitzhaki, "Calculating jackknife variance estimators for parameters of the Gini
    method", Journal of Business & Economic Statistics 9 (1991) 235-239.
    """
    x = np.sort(np.array([counts.get(one, 0) for one in people], dtype=np.float64))
    n, total = len(x), float(x.sum())
    value = rates.gini([float(one) for one in x])
    if value is None or (x > 0).sum() < FEWEST_ANSWERS:
        return None
    place = np.arange(1, n + 1)
    above = total - np.cumsum(x)
    weighted, rest = (place * x).sum() - place * x - above, total - x
    without = 2 * weighted / ((n - 1) * rest) - n / (n - 1)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return Estimate(value, max(0.0, value - Z * error), min(1.0, value + Z * error), n)


def burdened(moments: Sequence[datetime], zone: str) -> int:
    """Count the moments that lie before 8 or from 18 on in a time zone."""
    local = [one.astimezone(ZoneInfo(zone)).time() for one in moments]
    return sum(not DAY_STARTS <= one < DAY_ENDS for one in local)


def streak(taken: Sequence[bool]) -> tuple[int, int]:
    """Return how many of the last occasions in a row a person took part in, and the longest such row."""
    longest = run = 0
    for one in taken:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return run, longest
