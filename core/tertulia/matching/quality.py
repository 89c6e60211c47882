"""Figures of a round: how well it suits people, how near it is to the best possible, and what had to yield."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tertulia.matching.arrays import Floats
from tertulia.matching.assignment import Group
from tertulia.matching.pairs import Pairs
from tertulia.matching.people import Guest
from tertulia.matching.reasons import Yielded
from tertulia.matching.roster import Roster
from tertulia.matching.rules import NEVER, WISH, Breach, Rule


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Hold the figures of one round, for a dry run too.

    *sizes* counts groups by how many people they have. *mean*, *lowest* and *tenth* (the value that nine in ten
    exceed) tell how many of the wishes are fulfilled for a member, from 0 to 1. *share_of_bound* compares the round
    with a bound that no round exceeds, and *gap* is what may be missing to it. The shares count pairs.
    """

    people: int
    sizes: Mapping[int, int]
    yielded: Mapping[Rule, int]
    mean: float
    lowest: float
    tenth: float
    share_of_bound: float
    other_team: float
    other_city: float
    employee_with_freelancer: float
    newcomer_with_veteran: float

    @property
    def gap(self) -> float:
        """Return what share of the bound may be missing."""
        return 1.0 - self.share_of_bound


def served(pairs: Pairs, groups: Iterable[Group]) -> Floats:
    """Return for each place the share of wishes that the round fulfils: the mean over mates, nothing where alone.

    A mate whose hours do not fit counts nothing, so that whom the rules failed comes first in the next round.
    """
    return worth(pairs, np.ones(len(pairs.wishes)), groups) / WISH


def worth(pairs: Pairs, factors: Floats, groups: Iterable[Group]) -> Floats:
    """Return what the round is worth for each place, each pair weighed by its two *factors*."""
    value: Floats = np.zeros(len(pairs.wishes))
    for group in groups:
        for one, other in combinations(group, 2):
            if not pairs.breaches[one, other] & (NEVER | Breach.HOURS):
                part = 0.5 * (factors[one] + factors[other]) * pairs.wishes[one, other] / (len(group) - 1)
                value[one] += part
                value[other] += part
    return value


def figures(
    roster: Roster, groups: Sequence[Group], satisfied: Floats, share_of_bound: float, yields: Iterable[Yielded]
) -> Figures:
    """Put the figures of a round together."""
    mates = [(roster.guests[one], roster.guests[other]) for group in groups for one, other in combinations(group, 2)]

    def share(holds: Callable[[Guest, Guest], bool]) -> float:
        return sum(holds(one, other) for one, other in mates) / len(mates) if mates else 0.0

    return Figures(
        people=len(roster.guests),
        sizes=dict(sorted(Counter(map(len, groups)).items())),
        yielded=dict(Counter(item.rule for item in yields)),
        mean=float(satisfied.mean()) if len(satisfied) else 0.0,
        lowest=float(satisfied.min()) if len(satisfied) else 0.0,
        tenth=float(np.quantile(satisfied, 0.1)) if len(satisfied) else 0.0,
        share_of_bound=share_of_bound,
        other_team=share(lambda one, other: None not in (one.team, other.team) and one.team != other.team),
        other_city=share(lambda one, other: None not in (one.city, other.city) and one.city != other.city),
        employee_with_freelancer=share(lambda one, other: (one.worker == "employee") != (other.worker == "employee")),
        newcomer_with_veteran=share(lambda one, other: _far(roster, one, other) or _far(roster, other, one)),
    )


def _far(roster: Roster, new: Guest, old: Guest) -> bool:
    if new.joined is None or old.joined is None:
        return False
    policy, week = roster.policy, roster.week
    return (week - new.joined).days < policy.newcomer_days and (week - old.joined).days >= policy.veteran_days
