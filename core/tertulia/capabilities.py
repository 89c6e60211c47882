"""What a platform can do for the program, and what the core takes in return.

A plugin implements the ports it can serve and leaves the others `None`. Every coroutine of a port may raise the
four `SendError`s of `tertulia.errors` and nothing else. The core calls a port under a time-out of 30 s; an
exceeded one counts as `OutcomeUnknown`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.looks import Look
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member, Place, Recipient
from tertulia.domain.prompts import Prompt, Reply

T_co = TypeVar("T_co", covariant=True)
Ref: TypeAlias = str
"""What a platform calls a message of ours, so that it can be changed later."""


@dataclass(frozen=True)
class Batch(Generic[T_co]):
    """Hold items and the cursor behind them; both are stored in one transaction."""

    items: tuple[T_co, ...]
    cursor: str


class RitualPort(Protocol):
    """Carry a ritual in a shared place."""

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Show *prompt* in *place*; *key* is the same at every attempt, for platforms with idempotency keys."""
        ...

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was shown."""
        ...

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """End it and show the summary."""
        ...

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Bring a group together in one conversation; `None` where the platform cannot."""
        ...


class SurveyPort(Protocol):
    """Carry every private question, a ritual's too.

    *confidential* says how a survey is asked: `native` in the platform's own form, `link` by `Prompt.link`, `no`
    never through this platform.
    """

    @property
    def confidential(self) -> Literal["native", "link", "no"]:
        """Say how a survey is asked."""
        ...

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Ask one person."""
        ...

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was asked."""
        ...

    async def withdraw(self, ref: Ref) -> None:
        """Take the question back."""
        ...


class ReplyPort(Protocol):
    """Answer an actor after the request that carried the answer has ended."""

    async def reply(self, to: str, reply: Reply) -> None:
        """Send *reply* to what `Inbox` was given as *reply_to*."""
        ...


class ParticipationPort(Protocol):
    """Read facts of the past, for reconciliation after an outage."""

    def since(
        self, cursor: str | None, places: frozenset[Place]
    ) -> AsyncIterator[Batch[Participation | Interaction]]:
        """Yield the facts at *places* behind *cursor*, oldest first."""
        ...


class DirectoryPort(Protocol):
    """Read who has an account."""

    def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the accounts behind *cursor*; `None` starts from the beginning."""
        ...


class PreviewPort(Protocol):
    """Show how a prompt would look, before anybody gets it; pure: it makes no call and keeps nothing.

    .. versionadded:: 0.1
    """

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        """Return what one person would see, or a shared *place*; raises `Mistake` where it could not be sent."""
        ...


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Name a platform and the ports it serves."""

    name: str
    ritual: RitualPort | None = None
    survey: SurveyPort | None = None
    replies: ReplyPort | None = None
    participation: ParticipationPort | None = None
    directory: DirectoryPort | None = None
    preview: PreviewPort | None = None


@dataclass(frozen=True, kw_only=True)
class Command:
    """Hold a command of the core's grammar, see `parse_command`."""

    name: str
    actor: Actor
    args: tuple[str | Actor, ...] = ()
    place: Place | None = None
    reply_to: str | None = None


class Inbox(Protocol):
    """Take what a platform brings in, per installation.

    *key* is the event's id on the platform: a call repeated with the same key changes nothing and answers as before.
    """

    async def answered(self, token: str, actor: Actor, values: Json, key: str, reply_to: str | None = None) -> Reply:
        """Take an answer given through the action that carried *token*."""
        ...

    async def command(self, command: Command, key: str) -> Reply:
        """Carry out a command."""
        ...

    async def participated(self, facts: Sequence[Participation], key: str) -> None:
        """Record that people took part."""
        ...

    async def interacted(self, facts: Sequence[Interaction], key: str) -> None:
        """Record ties between people."""
        ...

    async def joined(self, member: Member, key: str) -> None:
        """Record an account that appeared."""
        ...

    async def left(self, actor: Actor, key: str) -> None:
        """Record an account that went."""
        ...

    async def reachable(self, actor: Actor, address: Json | None) -> None:
        """Record how to write to an account; `None` means it cannot be written to."""
        ...

    async def linked(self, actor: Actor, person: Id) -> None:
        """Join an account to the person who proved, in a session of their own on a plugin's route, that it is theirs.

        Raises `Mistake` where the account belongs to somebody else, `Refused` for what names no account.

        .. versionadded:: 0.1
        """
        ...

    async def page(self, actor: Actor) -> str:
        """Return a link, good once and for five minutes, that signs the actor's person in on the member's page.

        Give it to that account only, after the platform proved who asks. Raises `Refused` for an account that nobody
        knows or that was never verified.

        .. versionadded:: 0.1
        """
        ...

    async def prompts(self, actor: Actor) -> tuple[Prompt, ...]:
        """Return what the actor's person was invited to and may still answer, what closes first at the beginning.

        Show it to that account only, after the platform proved who asks. Raises `Refused` as `page` does.

        .. versionadded:: 0.1
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Hold a request as it arrived: headers with lower-case names, the body byte for byte."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """Hold a registered webhook: the exact *url* the platform calls and the secrets it may sign with."""

    id: Id
    name: str
    url: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold a synchronous HTTP answer of a handshake."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Say that `Inbox.answered` is to be called."""

    token: str
    actor: Actor
    values: Json
    reply_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Say that `Inbox.joined` is to be called."""

    member: Member


@dataclass(frozen=True, kw_only=True)
class Left:
    """Say that `Inbox.left` is to be called."""

    actor: Actor


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """Say that `Inbox.reachable` is to be called."""

    actor: Actor
    address: Json | None


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Ask the core to run `ParticipationPort.since` for *place*, *after* a while."""

    place: Place
    after: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Ask the core to put *value* under *key* of the installation's sealed store, where `since` finds it.

    For events that make a fact only together with others. The plugin deletes what it has used.

    .. versionadded:: 0.1
    """

    key: str
    value: Json


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """Say that the owner of *realm* took the plugin's rights away: what came from there is deleted, at once.

    The installation is disabled, and the audit log says what was deleted; *due* is when the platform wants that done.

    .. versionadded:: 0.1
    """

    platform: str
    realm: str
    due: datetime


Fact: TypeAlias = (
    Answered | Command | Participation | Interaction | Joined | Left | Reachable | Collect | Keep | Withdrawn
)


class Webhook(Protocol):
    """Read what a platform posts; every method is a pure function and makes no call."""

    @property
    def name(self) -> str:
        """Name the webhook within its plugin; subscriptions refer to it."""
        ...

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        """Answer a synchronous check by the platform; `None` where *raw* is an event."""
        ...

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        """Raise `Refused` unless *raw* is genuine and fresh."""
        ...

    def event_id(self, raw: Raw) -> str:
        """Return what repeats when the platform sends the event again."""
        ...

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        """Tell whether the event is worth keeping; what is not is dropped before it is stored."""
        ...

    def facts(self, raw: Raw) -> Sequence[Fact]:
        """Return the event as facts for the core."""
        ...
