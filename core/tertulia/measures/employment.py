"""Employment: spells of people, average headcount by person-days, separations, cohorts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, TypeAlias

from tertulia.domain.identifiers import Id
from tertulia.measures.survival import Lifetime

Reason: TypeAlias = Literal["voluntary", "involuntary", "contract_end", "other"]
REASONS: tuple[Reason, ...] = ("voluntary", "involuntary", "contract_end", "other")
NEXT = timedelta(days=1)
NEW = 90
"""Whoever leaves within so many days was a new hire."""
YEAR = 365


@dataclass(frozen=True, kw_only=True)
class Spell:
    """Hold one employment or contract of a person, from its first to its last day; it lasts while there is none."""

    person: Id
    start: date
    end: date | None = None
    reason: Reason | None = None
    worker_type: str = "employee"

    def days(self, start: date, end: date) -> int:
        """Count the days of the spell from *start* on and before *end*."""
        last = end if self.end is None else min(self.end + NEXT, end)
        return max(0, (last - max(self.start, start)).days)


def joined_up(spells: Iterable[Spell]) -> list[Spell]:
    """Join each person's spells that overlap or follow one another on the next day: a renewal is no separation.

    The worker type and the reason are those of the part that ends last.
    """
    found: list[Spell] = []
    for one in sorted(spells, key=lambda spell: (spell.person, spell.start, spell.end or date.max)):
        before = found[-1] if found and found[-1].person == one.person else None
        if before is None or (before.end is not None and one.start > before.end + NEXT):
            found.append(one)
        elif before.end is not None and (one.end is None or one.end >= before.end):
            found[-1] = replace(one, start=before.start)
    return found


def exposure(spells: Iterable[Spell], start: date, end: date) -> Mapping[Id, float]:
    """Return for each person the share of the days from *start* on and before *end* that lie in a spell.

    The sum over people is the average headcount: person-days by days of the period.
    """
    length = (end - start).days
    found: dict[Id, float] = {}
    for one in spells:
        if days := one.days(start, end):
            found[one.person] = found.get(one.person, 0.0) + days / length
    return found


def left(spells: Iterable[Spell], start: date, end: date, reasons: Sequence[Reason] = REASONS) -> frozenset[Id]:
    """Return who was separated from *start* on and before *end* for one of *reasons*; an unknown one is `other`."""
    return frozenset(
        one.person
        for one in spells
        if one.end is not None and start <= one.end < end and (one.reason or "other") in reasons
    )


def cohort(spells: Iterable[Spell], start: date, end: date) -> dict[Id, Spell]:
    """Return the spells that began from *start* on and before *end*, the first of each person."""
    found: dict[Id, Spell] = {}
    for one in sorted(spells, key=lambda spell: spell.start):
        if start <= one.start < end:
            found.setdefault(one.person, one)
    return found


def left_within(spells: Mapping[Id, Spell], days: int) -> frozenset[Id]:
    """Return whose spell ended within its first *days* days."""
    return frozenset(
        person for person, one in spells.items() if one.end is not None and (one.end - one.start).days < days
    )


def lifetimes(spells: Iterable[Spell], start: date, end: date) -> dict[Id, list[Lifetime]]:
    """Return the parts of spells that were seen from *start* on and before *end*, for the analysis of survival.

    Who was there at *start* already is seen from that day of the spell on; who is there at the *end* is censored.
    """
    found: dict[Id, list[Lifetime]] = {}
    for one in spells:
        if one.days(start, end):
            last = end if one.end is None else min(one.end + NEXT, end)
            ended = one.end is not None and one.end < end
            seen = Lifetime(
                entry=max(0, (start - one.start).days),
                exit=(last - one.start).days,
                ended=ended,
                kind=one.worker_type,
            )
            found.setdefault(one.person, []).append(seen)
    return found
