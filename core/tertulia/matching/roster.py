"""A round's guests in an order of their own, with hours and languages as bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_

import numpy as np

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.matching.hours import meeting_starts
from tertulia.matching.people import Guest
from tertulia.matching.policy import Policy
from tertulia.matching.rules import Breach


@dataclass(frozen=True)
class Roster:
    """Hold the guests of a round; whoever is at a place has the same place in every tuple.

    The order depends on the ids and the seed alone, never on how the guests were given: it decides between equals.
    """

    guests: tuple[Guest, ...]
    hours: tuple[int, ...]
    tongues: tuple[int, ...]
    policy: Policy
    week: date

    @classmethod
    def make(cls, guests: Iterable[Guest], policy: Policy, week: date, seed: int) -> Roster:
        """Put the guests in the order that *seed* gives."""
        ordered = sorted(guests, key=lambda guest: guest.id)
        if len({guest.id for guest in ordered}) < len(ordered):
            raise Mistake("A guest is named twice; everybody sits at one table only.")
        shuffled = [ordered[place] for place in np.random.default_rng(seed).permutation(len(ordered))]
        return cls(
            tuple(shuffled),
            tuple(meeting_starts(guest, week, policy.minutes) for guest in shuffled),
            _masks(shuffled),
            policy,
            week,
        )

    def part(self, places: Sequence[int]) -> Roster:
        """Return the guests at *places* alone."""
        return Roster(
            tuple(self.guests[place] for place in places),
            tuple(self.hours[place] for place in places),
            tuple(self.tongues[place] for place in places),
            self.policy,
            self.week,
        )

    def places(self) -> dict[Id, int]:
        """Return where each guest is."""
        return {guest.id: place for place, guest in enumerate(self.guests)}

    def shared_hours(self, group: Iterable[int]) -> int:
        """Return the quarter hours at which all of *group* can begin to meet."""
        return reduce(and_, (self.hours[place] for place in group))

    def can_meet(self, group: Sequence[int]) -> bool:
        """Tell whether all of *group* have enough hours in common."""
        return self.shared_hours(group).bit_count() >= self.policy.starts

    def can_write(self, group: Iterable[int]) -> bool:
        """Tell whether all of *group* are willing to exchange notes instead of meeting."""
        return all(self.guests[place].asynchronous for place in group)

    def together(self, group: Sequence[int]) -> Breach:
        """Return what keeps *group* as a whole from talking, though every two of them might."""
        breach = Breach.NONE
        if not reduce(and_, (self.tongues[place] for place in group)):
            breach |= Breach.LANGUAGE
        if not self.can_meet(group) and not self.can_write(group):
            breach |= Breach.HOURS
        return breach


def _masks(guests: Sequence[Guest]) -> tuple[int, ...]:
    known: dict[str, int] = {}
    masks = []
    for guest in guests:
        masks.append(sum(1 << known.setdefault(tongue, len(known)) for tongue in sorted(tongues(guest))))
    return tuple(masks)


def tongues(guest: Guest) -> frozenset[str]:
    """Return the languages that a guest speaks, without their regions."""
    return frozenset(language.partition("-")[0].lower() for language in guest.languages)
