"""Form the groups of one café round: everybody who takes part in, tables and the reasons for them out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal, TypeAlias

from tertulia.domain.identifiers import Id
from tertulia.matching import blocks
from tertulia.matching.assignment import Group
from tertulia.matching.fairness import importance
from tertulia.matching.people import Guest, Past
from tertulia.matching.policy import Policy
from tertulia.matching.quality import Figures, figures
from tertulia.matching.reasons import Yielded, why, yielded
from tertulia.matching.roster import Roster, tongues
from tertulia.matching.rules import BIGGEST

Groups: TypeAlias = Sequence[Sequence[Id]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Hold people who are introduced to each other; they meet, or exchange notes where no hour suits them all."""

    people: tuple[Id, ...]
    by: Literal["meeting", "notes"]
    why: str


@dataclass(frozen=True, kw_only=True)
class Seating:
    """Hold a round: its tables, who is left alone, every rule that yielded, and its figures.

    *served* tells for each person the share of wishes that the round fulfils; kept, it lets the next rounds be even.
    """

    tables: tuple[Table, ...]
    alone: tuple[Id, ...]
    yielded: tuple[Yielded, ...]
    served: Mapping[Id, float]
    figures: Figures


def seat(guests: Collection[Guest], policy: Policy, past: Past, *, week: date, seed: int) -> Seating:
    """Form the groups of the round in the week of *week*; the same arguments give the same groups everywhere."""
    roster = Roster.make(guests, policy, week, seed)
    return _seating(roster, past, blocks.form(roster, past, importance(roster.guests, policy.evenness), seed))


def seat_as(
    groups: Groups, guests: Collection[Guest], policy: Policy, past: Past, *, week: date, seed: int
) -> Seating:
    """Give *groups* that were formed elsewhere the same reasons and figures."""
    roster = Roster.make(guests, policy, week, seed)
    places = roster.places()
    formed = [tuple(places[person] for person in group) for group in groups if group]
    return _seating(roster, past, blocks.judged(roster, past, importance(roster.guests, policy.evenness), formed))


def keeps_lists_and_languages(guests: Collection[Guest], groups: Groups) -> bool:
    """Tell whether *groups* have a size that can be seated and keep the two rules that never yield."""
    known = {guest.id: guest for guest in guests}
    return all(_fits([known[person] for person in group]) for group in groups)


def _fits(group: Sequence[Guest]) -> bool:
    if len(group) > BIGGEST or not set.intersection(*({*tongues(guest)} for guest in group)):
        return False
    return not any(
        one.id in other.avoid or other.id in one.avoid or (one.side is not None and one.side == other.side)
        for one, other in combinations(group, 2)
    )


def _seating(roster: Roster, past: Past, sitting: blocks.Sitting) -> Seating:
    groups = sorted(tuple(sorted(group, key=lambda place: roster.guests[place].id)) for group in sitting.groups)
    yields = yielded(roster, groups, past)
    return Seating(
        tables=tuple(_table(roster, group, past) for group in groups if len(group) > 1),
        alone=tuple(sorted(roster.guests[place].id for group in groups if len(group) == 1 for place in group)),
        yielded=tuple(yields),
        served={guest.id: float(value) for guest, value in zip(roster.guests, sitting.served, strict=True)},
        figures=figures(roster, groups, sitting.served, sitting.share, yields),
    )


def _table(roster: Roster, group: Group, past: Past) -> Table:
    people = tuple(roster.guests[place].id for place in group)
    again = any(past.met.get(frozenset(pair), 0) > 0 for pair in combinations(people, 2))
    return Table(people=people, by="meeting" if roster.can_meet(group) else "notes", why=why(roster, group, again))
