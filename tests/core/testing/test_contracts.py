"""The contract classes, kept by the loopback platform."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from tertulia import DirectoryPort, ParticipationPort, Place, Platform, Raw, Recipient, Subscription
from tertulia.capabilities import ReplyPort, RitualPort, SurveyPort
from tertulia.testing import loopback
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.contracts import (
    RETRY_AT,
    RETRY_SECONDS,
    DirectoryPortContract,
    ParticipationPortContract,
    ReplyPortContract,
    RitualPortContract,
    Stand,
    SurveyPortContract,
    Trouble,
    WebhookContract,
)
from tertulia.testing.loopback_faults import Fault, bad_json, error_after, hang, refusal, reset, too_many
from tertulia.testing.loopback_server import LoopbackServer, event
from tertulia.testing.loopback_webhook import LoopbackWebhook, sign

T = TypeVar("T")
FAULTS: dict[Trouble, Fault] = {
    "too_many": too_many(),
    "too_many_seconds": too_many(RETRY_SECONDS),
    "too_many_instant": too_many(RETRY_AT),
    "error_before": refusal(500),
    "error_after": error_after(),
    "bad_gateway": refusal(502),
    "unavailable": refusal(503),
    "hang": hang(carried_out=True),
    "reset_before": reset(carried_out=False),
    "reset_after": reset(carried_out=True),
    "bad_answer": bad_json(),
    "forbidden": refusal(403),
    "unauthorized": refusal(401),
}
HALL = {"ref": "hall", "kind": "channel"}
YARD = {"ref": "yard", "kind": "board"}


@asynccontextmanager
async def stand(choose: Callable[[Platform], T | None], patience: float) -> AsyncIterator[Stand[T]]:
    async with LoopbackServer() as server:
        settings = loopback.Settings.model_validate(server.settings(timeout=patience, gathers=True))
        server.members = [{"user": f"u{number}", "name": f"Member {number}"} for number in range(250)]
        server.facts = [
            event("participated", "u1", place=HALL if hour % 2 else YARD, at=EPOCH + timedelta(hours=hour))
            for hour in range(250)
        ]

        def meet(trouble: Trouble) -> bool:
            server.script(FAULTS[trouble])
            return True

        async with FakeContext(settings=settings) as context:
            (platform,) = loopback.register_platforms(context)
            port = choose(platform)
            assert port is not None
            yield Stand(
                port=port,
                meet=meet,
                carried_out=lambda: len(server.carried_out()),
                recipient=Recipient(ref="1", address={"user": "u1"}, language="en", zone="UTC"),
                place=Place(platform="loopback", ref="hall", kind="channel"),
            )


class TestSurveys(SurveyPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[SurveyPort]]:
        return stand(lambda platform: platform.survey, self.patience)


class TestRituals(RitualPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[RitualPort]]:
        return stand(lambda platform: platform.ritual, self.patience)


class TestReplies(ReplyPortContract):
    reply_to = "chat-1"

    def stand(self) -> AbstractAsyncContextManager[Stand[ReplyPort]]:
        return stand(lambda platform: platform.replies, self.patience)


class TestDirectory(DirectoryPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[DirectoryPort]]:
        return stand(lambda platform: platform.directory, self.patience)


class TestParticipation(ParticipationPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[ParticipationPort]]:
        return stand(lambda platform: platform.participation, self.patience)


class TestWebhook(WebhookContract):
    webhook = LoopbackWebhook("realm")
    subscription = Subscription(id="1" * 32, name="events", url="https://t.example/hooks/1", secrets=("secret",))
    bodies = tuple(
        json.dumps(body).encode()
        for body in (
            event("participated", "u1", place=HALL, at=EPOCH),
            event("participated", "u1", place=HALL, at=EPOCH, ended=EPOCH + timedelta(hours=1)),
            event("interacted", "u1", target="u2", kind="kudos", place=HALL, at=EPOCH),
            event("joined", "u3", name="Third"),
            event("left", "u3"),
            event("reachable", "u3", address=None),
            event("collect", "u3", place=HALL, after=60),
            {"type": "answered", "user": "u1", "token": "t", "values": {"a": "1"}},
            {"type": "command", "user": "u1", "name": "help"},
        )
    )
    signed_headers = ("loopback-timestamp", "loopback-signature", "loopback-event")

    def sign(self, body: bytes, at: datetime) -> Raw:
        identifier = str(self.bodies.index(body)) if body in self.bodies else "other"
        headers = sign("secret", body, identifier, at)
        return Raw(method="POST", url=self.subscription.url, headers=headers, body=body, query={})


def test_what_happened_elsewhere_is_not_wanted() -> None:
    contract = TestWebhook()
    raw = contract.sign(contract.bodies[0], EPOCH)
    hall = Place(platform="loopback", ref="hall", kind="channel")
    assert contract.webhook.wanted(raw, frozenset({hall}))
    assert not contract.webhook.wanted(raw, frozenset())
    assert contract.webhook.wanted(contract.sign(contract.bodies[3], EPOCH), frozenset())
