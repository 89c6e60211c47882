"""Say why a group was formed, and why a rule had to yield, without a word that rests on anything private.

A sentence is made from what colleagues see of each other anyway: team, city, how long somebody is here, and whether
they met in a café. Private lists, ties seen in tools, hours of a single person and how earlier rounds went never
enter, so a sentence stays the same whatever those say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from tertulia.domain.identifiers import Id
from tertulia.matching.people import Guest, Past
from tertulia.matching.roster import Roster
from tertulia.matching.rules import Breach, Rule

NUMBERS = {2: "two", 3: "three", 4: "four"}


@dataclass(frozen=True, kw_only=True)
class Yielded:
    """Tell which rule had to yield, for whom, and why, in a sentence that may be shown to them."""

    rule: Rule
    people: tuple[Id, ...]
    reason: str


def why(roster: Roster, group: Sequence[int], again: bool) -> str:
    """Say in one sentence what brings *group* together; *again* where any two of it met before."""
    guests = [roster.guests[place] for place in group]
    parts = [part for part in (_apart(guests), _tenure(roster, guests)) if part]
    if again:
        parts.append("it has been a while since some of you met" if len(group) > 2 else "it has been a while")
    elif not parts:
        parts.append("you have not met in a café lately")
    sentence = ", and ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _apart(guests: Sequence[Guest]) -> str:
    count = NUMBERS[len(guests)]
    kinds = [
        name
        for name, marks in (
            ("teams", [guest.team for guest in guests]),
            ("cities", [guest.city for guest in guests]),
        )
        if None not in marks and len(set(marks)) == len(marks)
    ]
    return f"you come from {count} different {' and '.join(kinds)}" if kinds else ""


def _tenure(roster: Roster, guests: Sequence[Guest]) -> str:
    days = [(roster.week - guest.joined).days for guest in guests if guest.joined]
    policy = roster.policy
    new, old = (
        any(spent < policy.newcomer_days for spent in days),
        any(spent >= policy.veteran_days for spent in days),
    )
    return "a newcomer meets somebody who knows the place well" if new and old else ""


def yielded(roster: Roster, groups: Iterable[Sequence[int]], past: Past) -> list[Yielded]:
    """Tell every rule that had to yield in *groups*."""
    found: list[Yielded] = []
    for group in groups:
        people = tuple(roster.guests[place].id for place in group)
        if len(group) == 1:
            found.append(Yielded(rule="alone", people=people, reason=_alone(roster, group[0])))
            continue
        if roster.together(group) & Breach.HOURS:
            found.append(Yielded(rule="hours", people=people, reason=HOURS))
        for one, other in combinations(people, 2):
            age = past.met.get(frozenset((one, other)), 0)
            if 0 < age <= roster.policy.rounds:
                found.append(Yielded(rule="again", people=(one, other), reason=_again(age)))
    return found


HOURS = "Your working hours have too little in common this week, so this café is an exchange of notes over some days."


def _again(age: int) -> str:
    ago = "in the last round" if age == 1 else f"{age} rounds ago"
    return f"You met {ago} already: no way was found to give everybody somebody whom they have not met lately."


def _alone(roster: Roster, place: int) -> str:
    """Say why somebody has no group; where it is not that person's own language, the cause stays untold."""
    if len(roster.guests) == 1:
        return "Nobody else takes part in this round."
    mine = roster.tongues[place]
    if not any(mine & other for at, other in enumerate(roster.tongues) if at != place):
        return "Nobody else in this round shares a language with you."
    return "No group could be found for you in this round; you come first in the next."
