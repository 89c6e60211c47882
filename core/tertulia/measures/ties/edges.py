"""Weekly weighted edges, folded from single interactions or from other edges.

Weights are whole thousandths, so that a sum is the same in whatever order and in however many parts it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Whole: TypeAlias = npt.NDArray[np.int64]
Small: TypeAlias = npt.NDArray[np.int32]
Codes: TypeAlias = npt.NDArray[np.uint8]
Bools: TypeAlias = npt.NDArray[np.bool_]

UNIT = 1000
"""So many make a weight of one."""
MUTUAL = frozenset({"co-assignment", "co-attendance"})
"""Kinds that two people share; all others go from one to the other, and may be returned or not."""
LEFT_OUT = frozenset({"reaction"})
"""Kinds that are no tie: a click asks for nothing and answers nothing."""
FIRST_MONDAY = date(1970, 1, 5)
WEEK = 7 * 86_400
TO_MONDAY = 4 * 86_400  # 1 January 1970 was a Thursday


@dataclass(frozen=True)
class Worth:
    """Say what one event of each kind counts, in thousandths: as given by one to another, and as shared by two."""

    given: Whole
    shared: Whole

    @classmethod
    def of(cls, weights: Sequence[tuple[str, float]]) -> Worth:
        """Read kinds and their weights; an event's code is its place among them."""
        whole = np.array(
            [0 if kind in LEFT_OUT else round(weight * UNIT) for kind, weight in weights], dtype=np.int64
        )
        mutual = np.array([kind in MUTUAL for kind, _ in weights], dtype=np.bool_)
        return cls(np.where(mutual, 0, whole), np.where(mutual, whole, 0))


@dataclass(frozen=True)
class Events:
    """Hold interactions as columns: seconds since 1970 (UTC), the places of two people, and the code of the kind."""

    at: Small | Whole
    source: Small
    target: Small
    kind: Codes

    def part(self, which: Whole | slice) -> Events:
        """Return the events that an index or a slice selects."""
        return Events(self.at[which], self.source[which], self.target[which], self.kind[which])


@dataclass(frozen=True)
class Edges:
    """Hold what each person gave to and shared with each other in each week, by week, source and target.

    Weeks are counted from that of Monday, 5 January 1970, in UTC: they are those of ISO 8601.
    """

    week: Small
    source: Small
    target: Small
    given: Whole
    shared: Whole

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.week)

    def part(self, which: Bools | Whole | slice) -> Edges:
        """Return the edges that a mask, an index or a slice selects."""
        return Edges(
            self.week[which], self.source[which], self.target[which], self.given[which], self.shared[which]
        )  # fmt: skip

    def within(self, first: int, last: int) -> Edges:
        """Return the edges of the weeks from *first* to *last*."""
        return self.part(slice(*np.searchsorted(self.week, [first, last + 1]).tolist()))


def week_number(label: str) -> int:
    """Return the number of an ISO week such as 2026-W47."""
    year, _, week = label.partition("-W")
    return (date.fromisocalendar(int(year), int(week), 1) - FIRST_MONDAY).days // 7


def week_label(number: int) -> str:
    """Return the ISO week of a number."""
    year, week, _ = (FIRST_MONDAY + timedelta(weeks=number)).isocalendar()
    return f"{year}-W{week:02d}"


def fold(events: Events, worth: Worth, people: int) -> Edges:
    """Add events between *people* up to weekly edges; their order is of no account, ties with oneself are dropped.

    Whether an event was told before is known where it comes in, not here (`services.facts`).
    """
    person = max(1, (people - 1).bit_length())
    kind = (len(worth.given) - 1).bit_length()
    if 2 * person + kind > 62:
        raise ValueError("too many people for one key")
    return _stacked([_folded(number, some, worth, person, kind) for number, some in _weeks(events)])


def combined(parts: Sequence[Edges]) -> Edges:
    """Add up edges that came in parts, such as late ones to those of their weeks."""
    whole = _stacked(parts)
    whole = whole.part(np.lexsort((whole.target, whole.source, whole.week)))
    same = np.ones(max(0, len(whole) - 1), dtype=np.bool_)
    for column in (whole.week, whole.source, whole.target):
        same &= column[1:] == column[:-1]
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(whole)), dtype=np.bool_), ~same]))
    if not len(starts):
        return whole
    first = whole.part(starts)
    given, shared = (np.add.reduceat(column, starts) for column in (whole.given, whole.shared))
    return Edges(first.week, first.source, first.target, given, shared)


def _stacked(parts: Sequence[Edges]) -> Edges:
    short, whole = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    every = [Edges(short, short, short, whole, whole), *parts]
    return Edges(
        np.concatenate([one.week for one in every]),
        np.concatenate([one.source for one in every]),
        np.concatenate([one.target for one in every]),
        np.concatenate([one.given for one in every]),
        np.concatenate([one.shared for one in every]),
    )


def _weeks(events: Events) -> Iterator[tuple[int, Events]]:
    """Yield the events of each week: a week's keys fit the processor's cache, all of them do not."""
    if not len(events.at):
        return
    first, last = ((int(end) - TO_MONDAY) // WEEK for end in (events.at.min(), events.at.max()))
    if (events.at[1:] >= events.at[:-1]).all():
        bounds = np.searchsorted(events.at, [number * WEEK + TO_MONDAY for number in range(first, last + 2)])
    else:
        weeks = (events.at - TO_MONDAY) // WEEK - first
        # a stable sort of short numbers counts instead of comparing
        order = np.argsort(weeks.astype(np.uint16), kind="stable")
        events = events.part(order)
        bounds = np.searchsorted(weeks[order], np.arange(last - first + 2))
    for number, start, end in zip(range(first, last + 1), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        if start < end:
            yield number, events.part(slice(start, end))


def _folded(number: int, events: Events, worth: Worth, person: int, kind: int) -> Edges:
    """Add up one week's events by sorting keys of source, target and kind, in that order of weight."""
    key = events.source.astype(np.int64)
    key <<= person
    key |= events.target
    key <<= kind
    key |= events.kind
    key = key[events.source != events.target]
    key.sort()
    pair = key >> kind
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(pair)), dtype=np.bool_), pair[1:] != pair[:-1]]))
    if not len(starts):
        return _stacked([])
    key &= (1 << kind) - 1
    given, shared = (np.add.reduceat(each[key], starts) for each in (worth.given, worth.shared))
    pair = pair[starts]
    source, target = (pair >> person).astype(np.int32), (pair & ((1 << person) - 1)).astype(np.int32)
    edges = Edges(np.full(len(pair), number, dtype=np.int32), source, target, given, shared)
    return edges.part((given > 0) | (shared > 0))
