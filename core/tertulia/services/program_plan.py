"""What a program would change and when its next rounds are: values, and the words for the command line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Literal

from tertulia.domain.people import Person
from tertulia.domain.programs import Moment, Practice, Program
from tertulia.domain.walltime import instant, wall_time
from tertulia.services.cadence import occurrences
from tertulia.services.program_tables import show_duration

SHOWN: Final = 3
"""Rounds that a plan shows for each practice."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold one difference; *practice* is `None` for the program itself, *field* empty for a practice as a whole."""

    what: Literal["added", "removed", "changed"]
    practice: str | None
    field: str = ""
    old: str | None = None
    new: str | None = None

    def __str__(self) -> str:
        name = f'practice "{self.practice}"' if self.practice is not None else "program"
        if self.what == "added":
            return f"+ {name} is added: {self.new}"
        if self.what == "removed":
            return f"- {name} is removed: {self.old}"
        return f"~ {name} {self.field}: {_or_nothing(self.old)} -> {_or_nothing(self.new)}"


@dataclass(frozen=True, kw_only=True)
class NextRound:
    """Hold when *people* in one *zone* are asked: their wall time and the instant.

    *people* is `None` for a group, whose size is not told.
    """

    practice: str
    zone: str
    people: int | None
    local: datetime
    utc: datetime

    def __str__(self) -> str:
        people = "a group" if self.people is None else "1 person" if self.people == 1 else f"{self.people} people"
        return f"{self.zone:<24} {people:>12}   {self.local:%a %Y-%m-%d %H:%M}   {self.utc:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hold what applying a document would do; *current* is the version in force, `None` before the first."""

    current: int | None
    program: Program
    changes: tuple[Change, ...]
    rounds: tuple[NextRound, ...]

    def text(self) -> str:
        """Render the plan for the command line."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        if not self.changes:
            yield f"Nothing changes: this is version {self.current}."
        else:
            yield f"Version {self.current or 'none'} -> {self.program.version}"
            yield from map(str, self.changes)
        for practice in self.program.practices:
            yield ""
            yield f'Next rounds of "{practice.key}":'
            lines = [f"  {each}" for each in self.rounds if each.practice == practice.key]
            yield from lines or [f"  none: {_why_none(practice)}"]


def differences(old: Program | None, new: Program) -> tuple[Change, ...]:
    """Say in words what *new* changes, practice by practice and field by field."""
    if old is None:
        old = Program(version=0, practices=(), message_budget=new.message_budget)
    return tuple(_differences(old, new))


def next_rounds(program: Program, members: Mapping[Person, int], zone: str, now: datetime) -> tuple[NextRound, ...]:
    """Find the next rounds of each practice for each time zone of *members*, or for *zone* without members.

    The members are counted by their kind, see `makeup.counted`.
    """
    zones = sorted({person.zone for person in members}) or [zone]
    return tuple(found for practice in program.practices for found in _rounds_of(practice, members, zones, now))


def _rounds_of(
    practice: Practice, members: Mapping[Person, int], zones: Sequence[str], now: datetime
) -> Iterator[NextRound]:
    # how many are in a group, and where, is for nobody to see
    counts: Counter[str] = Counter()
    for person, many in members.items():
        if practice.audience.includes(person):
            counts[person.zone] += many
    asked = sorted(counts) if members and not practice.audience.groups else zones
    common = practice.cadence.zone if practice.cadence.time == "common" else None
    for wall in islice(_ahead(practice, [common] if common else zones, now), SHOWN):
        for zone in asked:
            utc = instant(wall, common or zone)
            local = wall_time(utc, zone)
            people = None if practice.audience.groups else counts[zone]
            yield NextRound(practice=practice.key, zone=zone, people=people, local=local, utc=utc)


def _ahead(practice: Practice, zones: Sequence[str], now: datetime) -> Iterator[datetime]:
    # zones differ by at most 26 hours and a gap by 24: two days before is surely before all of them
    for wall in occurrences(practice.cadence, now.replace(tzinfo=None) - timedelta(days=3)):
        if min(instant(wall, zone) for zone in zones) >= now:
            yield wall


def _differences(old: Program, new: Program) -> Iterator[Change]:
    if old.message_budget != new.message_budget:
        budgets = (str(old.message_budget), str(new.message_budget))
        yield Change(what="changed", practice=None, field="message_budget", old=budgets[0], new=budgets[1])
    for practice in new.practices:
        before = old.practice(practice.key)
        if before is None:
            yield Change(what="added", practice=practice.key, new=_summary(practice))
        else:
            yield from _changed(practice.key, _fields(before), _fields(practice))
    for practice in old.practices:
        if new.practice(practice.key) is None:
            yield Change(what="removed", practice=practice.key, old=_summary(practice))


def _changed(key: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for field in [*new, *(name for name in old if name not in new)]:
        if old.get(field) != new.get(field):
            yield Change(what="changed", practice=key, field=field, old=old.get(field), new=new.get(field))


def _fields(practice: Practice) -> dict[str, str]:
    """Return a practice as flat text, by the keys of the document."""
    places = [f"{place.platform}:{place.ref} ({place.kind})" for place in practice.places]
    audience = {field.name: getattr(practice.audience, field.name) for field in fields(practice.audience)}
    return {
        "kind": practice.kind,
        "title": practice.title,
        **{f"cadence.{name}": value for name, value in vars(practice.cadence).items()},
        **{f"audience.{name}": ", ".join(values) for name, values in audience.items()},
        "ask": practice.ask,
        "join": practice.join,
        **({"moment": _moment(practice.moment)} if practice.moment else {}),
        "places": ", ".join(places),
        "open_for": show_duration(practice.open_for),
        "reminders": ", ".join(map(show_duration, practice.reminders)),
        **{
            f"options.{name}": json.dumps(value, ensure_ascii=False, sort_keys=True)
            for name, value in practice.options.items()
        },
    }


def _moment(moment: Moment) -> str:
    return f"{show_duration(moment.after)} after a member {moment.event}"


def _summary(practice: Practice) -> str:
    cadence = practice.cadence
    where = "local time" if cadence.time == "local" else cadence.zone
    return (
        f"{practice.kind}, {cadence.rule} from {cadence.start} {where}, open for {show_duration(practice.open_for)}"
    )


def _why_none(practice: Practice) -> str:
    ended = next(occurrences(practice.cadence, None), None) is not None
    return "nobody is in the audience, or the rule has ended." if ended else "the rule never occurs."


def _or_nothing(text: str | None) -> str:
    return text or "(nothing)"
