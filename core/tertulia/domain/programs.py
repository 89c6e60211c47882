"""The program: a versioned list of practices, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from tertulia.domain.identifiers import Json
from tertulia.domain.people import Person, Place, WorkerType


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Choose members; an empty field chooses all.

    Who is in one of the affinity *groups* no attribute of a person tells: whoever asks must know it already.
    """

    worker_types: tuple[WorkerType, ...] = ()
    teams: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def includes(self, person: Person, *, in_group: bool = False) -> bool:
        """Tell whether *person* belongs to the audience; *in_group* says that they are in one of its groups."""
        return (
            (not self.groups or in_group)
            and (not self.worker_types or person.worker_type in self.worker_types)
            and (not self.teams or person.team in self.teams)
            and (not self.locations or person.location in self.locations)
            and (not self.languages or any(tag in self.languages for tag in person.languages))
        )


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """Say when a practice occurs.

    *start* is a local date and time in ISO form without an offset, *rule* an RFC 5545 recurrence rule without
    DTSTART. `local` places each occurrence in every member's own zone, `common` once in *zone*.
    """

    rule: str
    start: str
    time: Literal["local", "common"] = "local"
    zone: str = "UTC"


@dataclass(frozen=True)
class Moment:
    """Name a moment in a person's own time: so long *after* they joined the workspace, or left it."""

    event: Literal["joined", "left"]
    after: timedelta


@dataclass(frozen=True, kw_only=True)
class Practice:
    """Hold one ritual or survey of a program.

    *ask* says where people are asked: each person privately, the shared *places*, or both. *reminders* are pauses
    after a person's own due instant. *join* says who takes part: all of the audience, or those of it who signed up.
    Where there is a *moment*, each person is asked once, at theirs, by the round that is open then; the cadence then
    says for how long answers are pooled.
    """

    key: str
    kind: str
    title: str
    cadence: Cadence
    audience: Audience = Audience()
    ask: Literal["each", "place", "both"] = "each"
    places: tuple[Place, ...] = ()
    open_for: timedelta = timedelta(hours=24)
    reminders: tuple[timedelta, ...] = ()
    options: Json = field(default_factory=dict)
    join: Literal["all", "opt-in"] = "all"
    moment: Moment | None = None


@dataclass(frozen=True, kw_only=True)
class Program:
    """Hold a workspace's program at one version."""

    version: int
    practices: tuple[Practice, ...]
    message_budget: int = 10

    def practice(self, key: str) -> Practice | None:
        """Return the practice called *key*."""
        return next((practice for practice in self.practices if practice.key == key), None)
