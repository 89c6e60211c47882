"""What every port and webhook must keep, as test classes that a plugin subclasses in three lines.

::

    class TestAsking(SurveyPortContract):
        def stand(self) -> AbstractAsyncContextManager[Stand[SurveyPort]]:
            return my_platform_stand()

A `Stand` gives the port and a local stand-in of the platform whose next answer can be made to go wrong. Let the port
wait `self.patience` seconds for an answer: that is short only where the stand-in will hang, so that a busy machine is
never taken for a platform that hangs. The classes need pytest and hypothesis.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import pytest

from tertulia.capabilities import Batch, DirectoryPort, ParticipationPort, ReplyPort, RitualPort, SurveyPort
from tertulia.domain.identifiers import new_id
from tertulia.domain.markup import Markup
from tertulia.domain.participation import Participation
from tertulia.domain.people import Place, Recipient
from tertulia.domain.prompts import Reply
from tertulia.errors import OperatorError, OutcomeUnknown, RetryLater, SendError, Unreachable
from tertulia.testing.preview_contract import PreviewPortContract
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia.testing.webhook_contract import WebhookContract

__all__ = [
    "RETRY_AT",
    "RETRY_SECONDS",
    "TROUBLES",
    "DirectoryPortContract",
    "ParticipationPortContract",
    "PreviewPortContract",
    "ReplyPortContract",
    "RitualPortContract",
    "Stand",
    "SurveyPortContract",
    "Trouble",
    "WebhookContract",
]

P = TypeVar("P")
T = TypeVar("T")

RETRY_SECONDS = 7
"""What a stand-in says in Retry-After for `too_many_seconds`."""
PATIENT = 20.0
IMPATIENT = 0.8
"""Seconds that a port waits for an answer; the second where the stand-in hangs."""
RETRY_AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""What a stand-in says in Retry-After for `too_many_instant`."""

Trouble: TypeAlias = Literal[
    "too_many",
    "too_many_seconds",
    "too_many_instant",
    "error_before",
    "error_after",
    "bad_gateway",
    "unavailable",
    "hang",
    "reset_before",
    "reset_after",
    "bad_answer",
    "forbidden",
    "unauthorized",
]
TROUBLES: dict[Trouble, tuple[type[SendError], ...]] = {
    "too_many": (RetryLater,),
    "too_many_seconds": (RetryLater,),
    "too_many_instant": (RetryLater,),
    "error_before": (OutcomeUnknown, RetryLater),
    "error_after": (OutcomeUnknown,),
    "bad_gateway": (OutcomeUnknown, RetryLater),
    "unavailable": (OutcomeUnknown, RetryLater),
    "hang": (OutcomeUnknown,),
    "reset_before": (OutcomeUnknown, RetryLater),
    "reset_after": (OutcomeUnknown,),
    "bad_answer": (OutcomeUnknown,),
    "forbidden": (Unreachable,),
    "unauthorized": (OperatorError,),
}
"""What a send may raise in which trouble; a read may always say `RetryLater` instead of `OutcomeUnknown`."""


@dataclass(frozen=True, kw_only=True)
class Stand(Generic[P]):
    """Hold a port connected to a stand-in.

    *meet* makes the port's next request meet a trouble, and returns false where the platform cannot have it: that
    test is skipped. *carried_out* counts what took effect. *recipient* and *place* exist on the stand-in.
    """

    port: P
    meet: Callable[[Trouble], bool]
    carried_out: Callable[[], int]
    recipient: Recipient
    place: Place


Call: TypeAlias = Callable[[], Awaitable[object]]


class _SendContract(Generic[P]):
    """Hold what all ports that send have in common."""

    patience = PATIENT

    def stand(self) -> AbstractAsyncContextManager[Stand[P]]:
        """Return a fresh stand."""
        raise NotImplementedError("return your stand here")

    async def _calls(self, stand: Stand[P]) -> dict[str, Call]:
        raise NotImplementedError

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_a_trouble_becomes_the_right_error(self, trouble: Trouble) -> None:
        """Only the four errors come out, and nothing that took effect is called undelivered."""
        self.patience = IMPATIENT if trouble == "hang" else PATIENT
        asyncio.run(self._check_trouble(trouble))

    async def _check_trouble(self, trouble: Trouble) -> None:
        async with self.stand() as stand:
            for name, call in (await self._calls(stand)).items():
                before = stand.carried_out()
                if not stand.meet(trouble):
                    pytest.skip(f"this platform has no {trouble}")
                raised = await _raised(call)
                assert raised is not None, f"{name} took {trouble} for success"
                assert isinstance(raised, TROUBLES[trouble]), f"{name} made {raised!r} of {trouble}"
                if stand.carried_out() > before:
                    assert isinstance(raised, OutcomeUnknown), f"{name} took effect, yet raised {raised!r}"
                _check_pause(trouble, raised)

    def test_a_send_after_a_trouble_succeeds(self) -> None:
        """One failure breaks nothing that follows."""

        async def check() -> None:
            async with self.stand() as stand:
                for name, call in (await self._calls(stand)).items():
                    stand.meet("reset_before")
                    await _raised(call)
                    assert await _raised(call) is None, f"{name} does not recover"

        asyncio.run(check())


async def _raised(call: Call) -> SendError | None:
    try:
        await asyncio.wait_for(call(), 30)
    except SendError as error:
        return error
    return None


def _check_pause(trouble: Trouble, raised: SendError) -> None:
    if not isinstance(raised, RetryLater):
        return
    if trouble == "too_many_seconds":
        assert raised.after == timedelta(seconds=RETRY_SECONDS), "Retry-After in seconds is lost"
    if trouble == "too_many_instant":
        assert raised.after == RETRY_AT, "Retry-After as an instant is lost"


class SurveyPortContract(_SendContract[SurveyPort]):
    """Test a port that asks people one by one."""

    async def _calls(self, stand: Stand[SurveyPort]) -> dict[str, Call]:
        port, prompt = stand.port, sample_prompt()
        ref = await port.ask(stand.recipient, prompt, new_id())
        return {
            "ask": lambda: port.ask(stand.recipient, prompt, new_id()),
            "amend": lambda: port.amend(ref, summary_prompt()),
            "withdraw": lambda: port.withdraw(ref),
        }

    def test_a_question_is_asked_replaced_and_withdrawn(self) -> None:
        """The reference that `ask` returns leads to the message."""

        async def check() -> None:
            async with self.stand() as stand:
                assert stand.port.confidential in {"native", "link", "no"}
                before = stand.carried_out()
                ref = await stand.port.ask(stand.recipient, sample_prompt(), new_id())
                assert isinstance(ref, str)
                assert ref
                assert stand.carried_out() > before
                await stand.port.amend(ref, summary_prompt())
                await stand.port.withdraw(ref)

        asyncio.run(check())


class RitualPortContract(_SendContract[RitualPort]):
    """Test a port that posts in shared places."""

    async def _calls(self, stand: Stand[RitualPort]) -> dict[str, Call]:
        port, prompt = stand.port, replace(sample_prompt(), link=None)
        ref = await port.post(stand.place, prompt, new_id())
        return {
            "post": lambda: port.post(stand.place, prompt, new_id()),
            "refresh": lambda: port.refresh(ref, prompt),
            "close": lambda: port.close(ref, summary_prompt()),
        }

    def test_a_posting_is_shown_refreshed_and_closed(self) -> None:
        """The reference that `post` returns leads to the posting."""

        async def check() -> None:
            async with self.stand() as stand:
                before = stand.carried_out()
                ref = await stand.port.post(stand.place, replace(sample_prompt(), link=None), new_id())
                assert isinstance(ref, str)
                assert ref
                assert stand.carried_out() > before
                await stand.port.refresh(ref, summary_prompt())
                await stand.port.close(ref, summary_prompt())

        asyncio.run(check())

    def test_a_group_is_gathered_or_declined(self) -> None:
        """`gather` returns a reference, or `None` and does nothing."""

        async def check() -> None:
            async with self.stand() as stand:
                before = stand.carried_out()
                ref = await stand.port.gather((stand.recipient, stand.recipient), summary_prompt(), new_id())
                assert (ref is None) == (stand.carried_out() == before)

        asyncio.run(check())


class ReplyPortContract(_SendContract[ReplyPort]):
    """Test a port that answers late; *reply_to* is what the platform's events carry."""

    reply_to = ""

    async def _calls(self, stand: Stand[ReplyPort]) -> dict[str, Call]:
        text = Reply(status="taken", text=Markup.literal("Thank you & good-bye"), private=True)
        prompt = Reply(status="closed", prompt=summary_prompt())
        return {
            "reply with a text": lambda: stand.port.reply(self.reply_to, text),
            "reply with a prompt": lambda: stand.port.reply(self.reply_to, prompt),
        }


class _ReadContract(Generic[P, T]):
    """Hold what both ports that read have in common; the stand-in must hold at least three items."""

    patience = PATIENT

    def stand(self) -> AbstractAsyncContextManager[Stand[P]]:
        """Return a fresh stand."""
        raise NotImplementedError("return your stand here")

    def _read(self, stand: Stand[P], cursor: str | None) -> AsyncIterator[Batch[T]]:
        raise NotImplementedError

    async def _batches(self, stand: Stand[P], cursor: str | None) -> list[Batch[T]]:
        return [batch async for batch in self._read(stand, cursor)]

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_a_trouble_becomes_one_of_the_errors(self, trouble: Trouble) -> None:
        """Only the four errors come out of a read; one that tries again by itself reads everything."""
        self.patience = IMPATIENT if trouble == "hang" else PATIENT

        async def check() -> None:
            async with self.stand() as stand:
                if not stand.meet(trouble):
                    pytest.skip(f"this platform has no {trouble}")
                got: list[Batch[T]] = []

                async def read() -> None:
                    got.extend(await self._batches(stand, None))

                raised = await _raised(read)
                if raised is None:
                    assert got == await self._batches(stand, None), f"{trouble} was taken for an answer"
                else:
                    assert isinstance(raised, (RetryLater, *TROUBLES[trouble])), f"{raised!r} of {trouble}"
                    _check_pause(trouble, raised)

        asyncio.run(check())

    def test_every_cursor_resumes_behind_its_batch(self) -> None:
        """Reading on from any cursor gives the rest, or behind the last one everything anew."""

        async def check() -> None:
            async with self.stand() as stand:
                batches = await self._batches(stand, None)
                everything = [item for batch in batches for item in batch.items]
                assert len(everything) >= 3, "give the stand-in at least three items"
                seen: list[T] = []
                for batch in batches:
                    seen += batch.items
                    rest = [item for later in await self._batches(stand, batch.cursor) for item in later.items]
                    starts_over = batch is batches[-1] and rest == everything
                    assert seen + rest == everything or starts_over

        asyncio.run(check())

    def test_a_reader_may_stop_early(self) -> None:
        """Closing the iterator after the first batch leaves nothing behind."""

        async def check() -> None:
            async with self.stand() as stand:
                reading = self._read(stand, None)
                await anext(reading)
                if isinstance(reading, AsyncGenerator):
                    await reading.aclose()
                assert await self._batches(stand, None)

        asyncio.run(check())


class DirectoryPortContract(_ReadContract[DirectoryPort, Any]):
    """Test a port that lists accounts."""

    def _read(self, stand: Stand[DirectoryPort], cursor: str | None) -> AsyncIterator[Batch[Any]]:
        return stand.port.members(cursor)

    def test_an_account_is_listed_once(self) -> None:
        """Actors are unique and complete."""

        async def check() -> None:
            async with self.stand() as stand:
                members = [item for batch in await self._batches(stand, None) for item in batch.items]
                actors = [member.actor for member in members]
                assert len(set(actors)) == len(actors)
                assert all(actor.platform and actor.realm and actor.user for actor in actors)

        asyncio.run(check())


class ParticipationPortContract(_ReadContract[ParticipationPort, Any]):
    """Test a port that reads facts; the stand-in holds some at its place and some elsewhere."""

    def _read(self, stand: Stand[ParticipationPort], cursor: str | None) -> AsyncIterator[Batch[Any]]:
        return stand.port.since(cursor, frozenset({stand.place}))

    def test_only_known_places_yield_facts(self) -> None:
        """What happened elsewhere never leaves the port."""

        async def check() -> None:
            async with self.stand() as stand:
                facts = [item for batch in await self._batches(stand, None) for item in batch.items]
                assert {fact.place for fact in facts} == {stand.place}
                nothing = [batch async for batch in stand.port.since(None, frozenset())]
                assert not [item for batch in nothing for item in batch.items]

        asyncio.run(check())

    def test_facts_come_oldest_first_with_aware_instants(self) -> None:
        """Instants are aware and ascend."""

        async def check() -> None:
            async with self.stand() as stand:
                facts = [item for batch in await self._batches(stand, None) for item in batch.items]
                instants = [fact.started if isinstance(fact, Participation) else fact.at for fact in facts]
                assert all(instant.tzinfo is not None for instant in instants)
                assert instants == sorted(instants)

        asyncio.run(check())
