"""The ports against the contract classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from tertulia import DirectoryPort, ParticipationPort, Place, Platform, Recipient, ReplyPort, RitualPort
from tertulia.testing.context import EPOCH
from tertulia.testing.contracts import (
    RETRY_AT,
    RETRY_SECONDS,
    DirectoryPortContract,
    ParticipationPortContract,
    ReplyPortContract,
    RitualPortContract,
    Stand,
    Trouble,
)
from tertulia_trello import replies
from tertulia_trello.stand_in import TrelloServer
from tertulia_trello.stand_in.faults import Fault, bad_json, error_after, hang, refusal, reset, too_many

T = TypeVar("T")
FAULTS: dict[Trouble, Fault] = {
    "too_many": too_many(),
    "too_many_seconds": too_many(RETRY_SECONDS),
    "too_many_instant": too_many(RETRY_AT),
    "error_before": refusal(500),
    "error_after": error_after(),
    "bad_gateway": refusal(502),
    "unavailable": refusal(503),
    "hang": hang(),
    "reset_before": reset(carried_out=False),
    "reset_after": reset(carried_out=True),
    "bad_answer": bad_json(),
    "forbidden": refusal(403),
    "unauthorized": refusal(401),
}


def meet(server: TrelloServer, trouble: Trouble) -> bool:
    """Let the next request meet *trouble*; one that aiohttp may repeat by itself meets a reset twice."""
    fault, left = FAULTS[trouble], [0]

    def choose(method: str, path: str) -> Fault | None:
        if not left[0]:
            left[0] = 2 if trouble.startswith("reset") and method in ("GET", "PUT") else 1
        left[0] -= 1
        if not left[0]:
            server.choose = None
        return fault

    server.choose = choose
    return True


class Connected:
    """Connect a port to a stand-in with a little history on two boards."""

    choose: Callable[[Platform], Any]
    patience: float

    @pytest.fixture(autouse=True)
    def _bench(self, open_bench: Any) -> None:
        self.open = open_bench

    @asynccontextmanager
    async def _stand(self) -> AsyncIterator[Stand[Any]]:
        async with self.open(timeout=self.patience) as bench:
            town = bench.town
            others = town.board("Elsewhere", bench.ana, bench.ben)
            for board in (bench.board, others):
                card = town.card(bench.ana, town.add_list(board, "To do"), "Something")
                for hour in range(250):
                    who = (bench.ana, bench.ben, bench.carla)[hour % 3]
                    town.comment(who, card, "words", at=EPOCH - timedelta(hours=300 - hour))
            bench.context.settings.boards.append(others)
            if bench.platform.ritual is not None:
                town.lists[town.add_list(bench.board, "Tertulia")]["pos"] = 0

            yield Stand(
                port=type(self).choose(bench.platform),
                meet=lambda trouble: meet(bench.server, trouble),
                carried_out=lambda: len(bench.server.carried_out()),
                recipient=Recipient(ref="1", address={"member": bench.ana}, language="en", zone="UTC"),
                place=Place(platform="trello", ref=bench.board, kind="board"),
            )

    def stand(self) -> AbstractAsyncContextManager[Stand[Any]]:
        return self._stand()


class TestRituals(Connected, RitualPortContract):
    choose: Callable[[Platform], RitualPort | None] = staticmethod(lambda platform: platform.ritual)


class TestDirectory(Connected, DirectoryPortContract):
    choose: Callable[[Platform], DirectoryPort | None] = staticmethod(lambda platform: platform.directory)


class TestParticipation(Connected, ParticipationPortContract):
    choose: Callable[[Platform], ParticipationPort | None] = staticmethod(lambda platform: platform.participation)


class TestReplies(Connected, ReplyPortContract):
    choose: Callable[[Platform], ReplyPort | None] = staticmethod(lambda platform: platform.replies)

    @asynccontextmanager
    async def _stand(self) -> AsyncIterator[Stand[Any]]:
        async with super()._stand() as stand, self.open(timeout=self.patience) as bench:
            card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Something")
            comment = bench.town.comment(bench.ana, card, "@tertulia snooze")
            self.reply_to = replies.address(card, comment, "snooze")
            yield Stand(
                port=bench.platform.replies,
                meet=lambda trouble: meet(bench.server, trouble),
                carried_out=lambda: len(bench.server.carried_out()),
                recipient=stand.recipient,
                place=stand.place,
            )


def test_there_is_no_way_to_ask_in_private(open_bench: Any) -> None:
    import asyncio

    async def check() -> None:
        async with open_bench() as bench:
            assert bench.platform.survey is None

    asyncio.run(check())
