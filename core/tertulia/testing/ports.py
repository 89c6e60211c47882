"""Fakes of every port: they record what they were asked and fail where a test says so."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tertulia.capabilities import Batch, Ref
from tertulia.domain.identifiers import Id
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Member, Place, Recipient
from tertulia.domain.prompts import Prompt, Reply
from tertulia.errors import SendError


@dataclass(frozen=True, kw_only=True)
class Call:
    """Hold one call of a port; what the method does not take is `None`."""

    method: str
    ref: Ref | None = None
    key: Id | None = None
    prompt: Prompt | None = None
    place: Place | None = None
    to: Recipient | None = None
    group: tuple[Recipient, ...] = ()
    reply: Reply | None = None


@dataclass
class Recorder:
    """Record calls, and raise what was scripted for the next call of a method.

    `arrived` distinguishes the two ways in which a send fails: a call that raises `OutcomeUnknown` with
    *carried_out* was recorded as sent, all other failing calls only as attempted.
    """

    attempts: list[Call] = field(default_factory=list)
    sent: list[Call] = field(default_factory=list)
    _script: dict[str, deque[tuple[SendError, bool]]] = field(default_factory=lambda: defaultdict(deque))

    def fail(self, method: str, *errors: SendError, carried_out: bool = False) -> None:
        """Let the next calls of *method* raise *errors*, one each; *carried_out* sends first, then raises."""
        self._script[method].extend((error, carried_out) for error in errors)

    def _take(self, call: Call) -> None:
        self.attempts.append(call)
        script = self._script[call.method]
        error, carried_out = script.popleft() if script else (None, True)
        if carried_out:
            self.sent.append(call)
        if error is not None:
            raise error

    def _ref(self) -> Ref:
        return f"message-{len(self.sent)}"


class FakeRitualPort(Recorder):
    """Carry rituals in memory; `gather` answers `None` unless *gathers*."""

    def __init__(self, *, gathers: bool = False):
        super().__init__()
        self.gathers = gathers

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Record a posting."""
        self._take(Call(method="post", place=place, prompt=prompt, key=key))
        return self._ref()

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Record a refreshed posting."""
        self._take(Call(method="refresh", ref=ref, prompt=prompt))

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """Record a closed posting."""
        self._take(Call(method="close", ref=ref, prompt=summary))

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Record a group brought together."""
        self._take(Call(method="gather", group=group, prompt=prompt, key=key))
        return self._ref() if self.gathers else None


class FakeSurveyPort(Recorder):
    """Ask in memory."""

    def __init__(self, confidential: Literal["native", "link", "no"] = "native"):
        super().__init__()
        self.confidential: Literal["native", "link", "no"] = confidential

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Record a question."""
        self._take(Call(method="ask", to=to, prompt=prompt, key=key))
        return self._ref()

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Record a replaced question."""
        self._take(Call(method="amend", ref=ref, prompt=prompt))

    async def withdraw(self, ref: Ref) -> None:
        """Record a question taken back."""
        self._take(Call(method="withdraw", ref=ref))


class FakeReplyPort(Recorder):
    """Reply in memory."""

    async def reply(self, to: str, reply: Reply) -> None:
        """Record a reply; *to* is the call's `ref`."""
        self._take(Call(method="reply", ref=to, reply=reply))


class FakeParticipationPort(Recorder):
    """Serve *facts* in batches of *size*; the cursor is a position."""

    def __init__(self, facts: Sequence[Participation | Interaction] = (), *, size: int = 100):
        super().__init__()
        self.facts, self.size = list(facts), size

    async def since(
        self, cursor: str | None, places: frozenset[Place]
    ) -> AsyncIterator[Batch[Participation | Interaction]]:
        """Yield the facts at *places* behind *cursor*."""
        self._take(Call(method="since"))
        for start in range(int(cursor or 0), len(self.facts), self.size):
            part = self.facts[start : start + self.size]
            yield Batch(tuple(fact for fact in part if fact.place in places), str(start + len(part)))


class FakeDirectoryPort(Recorder):
    """Serve *directory* in batches of *size*; the cursor is a position."""

    def __init__(self, directory: Sequence[Member] = (), *, size: int = 100):
        super().__init__()
        self.directory, self.size = list(directory), size

    async def members(self, cursor: str | None) -> AsyncIterator[Batch[Member]]:
        """Yield the accounts behind *cursor*."""
        self._take(Call(method="members"))
        for start in range(int(cursor or 0), len(self.directory), self.size):
            part = tuple(self.directory[start : start + self.size])
            yield Batch(part, str(start + len(part)))
