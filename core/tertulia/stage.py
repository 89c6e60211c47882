"""What the sandbox's invented people need of a stand-in: accounts, what came for them, and a way to press.

A stand-in that is a `Playable` besides being a `Sandbox` carries the demo organization: its people have accounts
there, are written to there, and answer there as people do, through what the platform itself sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tertulia.domain.clock import Clock
from tertulia.domain.identifiers import Json
from tertulia.domain.people import Place, PlaceKind, WorkerType
from tertulia.domain.prompts import Field
from tertulia.extension import Sandbox


@dataclass(frozen=True, kw_only=True)
class Resident:
    """Hold one invented person; the address ends in `.example` and is what a directory says of the account, too."""

    name: str
    email: str
    zone: str
    language: str
    team: str
    location: str
    worker_type: WorkerType


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Hold what came for the person with *email*: a question with its form, or the personal *link* to one.

    *key* is the stand-in's own. The keys of *fields*, and the values of their options, are what `press` takes; the
    *verbs* are buttons: `answer` sends the form, `pass` passes, others are called as they are labelled. What is
    *shared* stands where others read along.
    """

    key: str
    email: str
    title: str
    fields: tuple[Field, ...] = ()
    verbs: tuple[str, ...] = ()
    link: str | None = None
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Hold the address of a page where one sits as a person, what the link to it says, and what one sits in."""

    label: str
    url: str
    kind: PlaceKind = "chat"


@runtime_checkable
class Playable(Sandbox, Protocol):
    """A stand-in on which invented people live."""

    def settle(self, residents: Sequence[Resident], clock: Clock) -> None:
        """Invent accounts for those of *residents* who would have one; called once, before `start`.

        Who has an account is the stand-in's choice, the same for the same people. What it dates, it dates by *clock*.
        """
        ...

    def places(self) -> Sequence[Place]:
        """Return the shared places that a program may name, once started."""
        ...

    async def open(self) -> None:
        """Do what somebody does once the plugin is enabled, such as adding the bot to a channel."""
        ...

    def arrivals(self) -> Sequence[Arrival]:
        """Return what came since the last call, oldest first."""
        ...

    async def press(self, arrival: Arrival, verb: str, values: Json) -> bool:
        """Fill in *values* and press a button as the person; return whether the platform carried it out.

        Returns only when what it set off has reached the service.
        """
        ...

    def seats(self, email: str) -> Sequence[Seat]:
        """Return the pages where one sits as that person; none for who has no account here."""
        ...
