"""What a plugin that holds a ritual live, in a meeting or a channel, gives to the core and gets from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Actor, Place
from tertulia.domain.prompts import Prompt, Reply


@dataclass(frozen=True, kw_only=True)
class Attendee:
    """Name one participant of a meeting: *ref* is what the meeting calls them, opaque to the core.

    *actor* is the account that the platform proved, `None` for a guest; an account is never guessed from a name.
    *holder* is a hash of whatever tells the participant's session from another's, so that nobody speaks for them.
    """

    ref: str
    actor: Actor | None = None
    holder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Hold whose turn it is: *number* of *of*, counted from 1, until *ends*; `None` once all have spoken."""

    number: int
    of: int
    ends: datetime | None


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold which question of a quiz is asked: *number* of *of*, counted from 1, until *ends*.

    Once it is *closed* it takes no answer, and `LiveRounds.summary` tells the right one and how all stand.
    """

    number: int
    of: int
    ends: datetime
    closed: bool


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Hold how a live round stands; never who. Where it asks several questions, the counts are of the last one.

    *guests* are those present whom nobody knows, *groups* the rooms formed, *apart* who is in none of them.
    """

    state: Literal["lobby", "asking", "turns", "groups", "ended"]
    present: int
    answered: int
    passed: int
    shared: tuple[str, ...] = ()
    guests: int = 0
    turn: Turn | None = None
    groups: int = 0
    apart: int = 0
    question: Question | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Tell one participant how they stand in a live round.

    *member*: their account is a member's, who answers through `Inbox.answered` and may see what was shared. *turn*
    and *group* are counted from 1, *answered* is `None` before they answered, otherwise whether with an answer.
    """

    member: bool
    answered: bool | None = None
    turn: int | None = None
    group: int | None = None
    group_size: int = 0


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Name a practice that can be held live; *kind* is its ritual kind."""

    practice: str
    title: str
    kind: str


class LiveRounds(Protocol):
    """Run a round live, in a meeting or a channel, as a session.

    What a host does raises `Refused` where the actor is no host or admin of the workspace.
    """

    async def offers(self) -> tuple[Offer, ...]:
        """Return the practices that can be held live."""
        ...

    async def start(self, place: Place, host: Actor, practice: str, options: Json) -> Id:
        """Open a session in the lobby; raises `Refused` where *host* may not. One that runs there is ended."""
        ...

    async def running(self, place: Place) -> Id | None:
        """Return the session that runs at *place*, or `None`."""
        ...

    async def advance(self, session: Id, host: Actor, state: str) -> Counts:
        """Take the session to its next state; raises `Refused` where the order does not allow it.

        With `ended` the members who were not there are asked the same question, for 24 hours.
        """
        ...

    async def over(self, place: Place, at: datetime | None = None) -> None:
        """End what runs at *place*: the platform says that the meeting is over, perhaps for a while (*at*)."""
        ...

    async def prompt(self, session: Id, actor: Actor | None = None) -> Prompt:
        """Show the session's question to *actor*, or for everybody where that is `None` or a stranger."""
        ...

    async def language(self, actor: Actor) -> str | None:
        """Return the language that the actor's person chose, `None` for a stranger and for who chose none."""
        ...

    async def guest_prompt(self, session: Id) -> Prompt:
        """Show the question to somebody whom nobody knows; answers go to `respond`."""
        ...

    def watch(self, session: Id) -> AsyncIterator[Counts]:
        """Yield the counts now and at every change, until the session has ended."""
        ...

    async def present(self, session: Id, host: Actor, attendees: Sequence[Attendee]) -> None:
        """Take *attendees* for everybody who is in the meeting now; the others have left."""
        ...

    async def seen(self, session: Id, host: Actor, actors: Sequence[Actor]) -> None:
        """Note accounts that are in the meeting, in whatever seat, so that nobody of them is asked as absent."""
        ...

    async def enter(self, session: Id, attendee: Attendee) -> None:
        """Note that one participant is there; raises `Refused` where another holds that seat."""
        ...

    async def leave(self, session: Id, ref: str) -> None:
        """Note that one participant left."""
        ...

    async def turns(self, session: Id, host: Actor, seconds: int = 60) -> tuple[str, ...]:
        """Give everybody a turn of so many seconds, and return the participants in their order."""
        ...

    async def next_turn(self, session: Id, host: Actor, number: int) -> Counts:
        """End turn *number* (counted from 1) before its time; where it is over already nothing changes."""
        ...

    async def groups(self, session: Id, host: Actor, size: int = 2) -> tuple[tuple[str, ...], ...]:
        """Divide the participants into groups of 2, 3 or 4, apart from whom they met last time, and remember that."""
        ...

    async def show_question(self, session: Id, host: Actor, number: int) -> Counts:
        """Ask question *number* of a quiz (counted from 1) and close the one before; once asked it stays asked.

        The first one is asked as the session goes to `asking`. Each closes by itself at its end.
        """
        ...

    async def close_question(self, session: Id, host: Actor, number: int) -> Counts:
        """Close question *number* before its time; where it has closed already nothing changes."""
        ...

    async def standing(self, session: Id, attendee: Attendee) -> Standing:
        """Tell one participant how they stand."""
        ...

    async def respond(self, session: Id, attendee: Attendee, verb: str, values: Json) -> Reply:
        """Take the answer of somebody whom nobody knows; kept without a name until the round closes."""
        ...

    async def summary(self, session: Id) -> Prompt | None:
        """Show what members answered so far, or `None` where there is nothing to show.

        Of a quiz that runs: the right answer of the question that closed last, and the leader board after it.
        """
        ...
