"""The directory and the participation port against the contract that every port keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import tertulia_zoom
from tertulia import Place, Recipient
from tertulia.testing.clock import DrivenClock
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.contracts import RETRY_AT, DirectoryPortContract, ParticipationPortContract, Stand, Trouble
from tertulia_zoom.config import Settings
from tertulia_zoom.stand_in import Town, ZoomServer, faults

FAULTS: dict[Trouble, faults.Fault] = {
    "too_many": faults.too_many(),
    "too_many_instant": faults.too_many(until=RETRY_AT),
    "error_before": faults.refusal(500),
    "error_after": faults.error_after(),
    "bad_gateway": faults.refusal(502),
    "unavailable": faults.refusal(503),
    "hang": faults.hang(),
    "reset_before": faults.reset(carried_out=False),
    "reset_after": faults.reset(carried_out=True),
    "bad_answer": faults.bad_json(),
    "unauthorized": faults.refusal(401),
}


@asynccontextmanager
async def stand(port: str, patience: float) -> AsyncIterator[Stand[Any]]:
    clock = DrivenClock(EPOCH)
    town = Town(now=clock.now)
    users = [town.add_user(f"Person {number}", f"p{number}@example.org") for number in range(4)]
    here, elsewhere = town.add_meeting(users[0], "Weekly"), town.add_meeting(users[1], "Other")
    async with ZoomServer(town=town) as server:
        for number in (here, elsewhere, here):
            instance = server.meetings.start(number)
            for user in users:
                server.meetings.join(instance, user)
                clock.advance(timedelta(minutes=1))
            clock.advance(timedelta(minutes=20))
            server.meetings.end(instance)
        clock.advance(timedelta(minutes=10))
        settings = Settings.model_validate(server.settings(timeout=patience))
        async with FakeContext(settings=settings, plugin="zoom", clock=clock) as context:
            (platform,) = tertulia_zoom.register_platforms(context)

            def meet(trouble: Trouble) -> bool:
                fault = FAULTS.get(trouble)
                if fault is not None:
                    server.script(*[fault] * (2 if trouble == "unauthorized" else 1))
                return fault is not None

            recipient = Recipient(ref="1", address={}, language="en", zone="UTC")
            place = Place(platform="zoom", ref=here, kind="meeting")
            effects = len(town.meetings)
            yield Stand(
                port=getattr(platform, port),
                meet=meet,
                carried_out=lambda: len(town.meetings) - effects,
                recipient=recipient,
                place=place,
            )


class TestDirectory(DirectoryPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[Any]]:
        return stand("directory", self.patience)


class TestParticipation(ParticipationPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[Any]]:
        return stand("participation", self.patience)
