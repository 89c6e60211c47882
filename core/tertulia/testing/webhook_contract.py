"""What every webhook must keep; see `tertulia.testing.contracts`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.capabilities import (
    Answer,
    Answered,
    Collect,
    Command,
    Joined,
    Keep,
    Left,
    Raw,
    Reachable,
    Subscription,
    Webhook,
    Withdrawn,
)
from tertulia.domain.participation import Interaction, Participation
from tertulia.errors import Refused

_HEADER = st.text(max_size=300) | st.sampled_from(["", "0", "-1", "1e9", "9" * 40, "²", "v0=", "NaN", "\udcff"])
FACTS = (Answered, Command, Participation, Interaction, Joined, Left, Reachable, Collect, Keep, Withdrawn)


class WebhookContract:
    """Test a webhook.

    A subclass sets *webhook*, *subscription*, *bodies* (at least two different events of the platform, genuine in
    all but the signature), *signed_headers* (lower case) and defines `sign`. *timestamped* is false where the
    platform signs no time.
    """

    webhook: Webhook
    subscription: Subscription
    bodies: Sequence[bytes]
    signed_headers: Sequence[str]
    timestamped = True
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def sign(self, body: bytes, at: datetime) -> Raw:
        """Return the request with which the platform sends *body* at *at*; twice the same body is a repeat."""
        raise NotImplementedError("sign as the platform does")

    def _refused(self, raw: Raw, subscription: Subscription | None = None, now: datetime | None = None) -> bool:
        try:
            self.webhook.verify(raw, subscription or self.subscription, now or self.now)
        except Refused:
            return True
        return False

    def test_genuine_events_pass(self) -> None:
        """What the platform sent is taken, fresh or a minute old."""
        for body in self.bodies:
            assert not self._refused(self.sign(body, self.now))
            assert not self._refused(self.sign(body, self.now - timedelta(minutes=1)))
            assert self.webhook.handshake(self.sign(body, self.now), self.subscription) is None

    def test_altered_events_are_refused(self) -> None:
        """One changed, added or missing byte is noticed."""
        for body in self.bodies:
            raw = self.sign(body, self.now)
            for altered in (body + b" ", body[:-1], b"", bytes([body[0] ^ 1]) + body[1:]):
                assert self._refused(replace(raw, body=altered))

    def test_another_secret_is_refused(self) -> None:
        """Neither another secret nor none at all lets an event in."""
        raw = self.sign(self.bodies[0], self.now)
        assert self._refused(raw, replace(self.subscription, secrets=("another-secret",)))
        assert self._refused(raw, replace(self.subscription, secrets=()))

    def test_secrets_can_be_rotated(self) -> None:
        """Any of the subscription's secrets will do."""
        raw = self.sign(self.bodies[0], self.now)
        for secrets in (("new", *self.subscription.secrets), (*self.subscription.secrets, "old")):
            assert not self._refused(raw, replace(self.subscription, secrets=secrets))

    def test_a_missing_header_is_refused(self) -> None:
        """Every header that the signature needs is needed."""
        raw = self.sign(self.bodies[0], self.now)
        for name in self.signed_headers:
            assert self._refused(replace(raw, headers={k: v for k, v in raw.headers.items() if k != name}))
        assert self._refused(replace(raw, headers={}))

    def test_an_old_event_is_refused(self) -> None:
        """An event signed an hour ago, or ahead of time, is a replay."""
        if not self.timestamped:
            pytest.skip("this platform signs no time")
        for away in (timedelta(hours=1), timedelta(days=400)):
            assert self._refused(self.sign(self.bodies[0], self.now - away))
            assert self._refused(self.sign(self.bodies[0], self.now + away))

    def test_odd_requests_raise_nothing_but_refused(self) -> None:
        """Whatever a stranger sends, in header or body, ends in `Refused` or an answer."""
        genuine = self.sign(self.bodies[0], self.now)

        @settings(max_examples=200, deadline=None, database=None)
        @given(st.dictionaries(st.sampled_from(sorted(genuine.headers)), _HEADER), st.binary(max_size=200))
        def check(headers: dict[str, str], body: bytes) -> None:
            changed = headers != {name: genuine.headers.get(name) for name in headers}
            raw = replace(genuine, headers={**genuine.headers, **headers})
            assert self._refused(replace(raw, body=body)) or body == genuine.body
            if changed and set(headers) & set(self.signed_headers):
                self._refused(raw)
            for read in (self.webhook.event_id, lambda raw: self.webhook.wanted(raw, frozenset())):
                _only_refused(lambda read=read: read(replace(raw, body=body)))  # type: ignore[misc]  # mypy knows no lambda with defaults
            _only_refused(lambda: self.webhook.handshake(replace(raw, body=body), self.subscription))

        check()

    def test_the_event_id_is_stable_and_tells_events_apart(self) -> None:
        """A repeat has the same id, another event has another."""
        ids = [self.webhook.event_id(self.sign(body, self.now)) for body in self.bodies]
        again = [self.webhook.event_id(self.sign(body, self.now + timedelta(minutes=2))) for body in self.bodies]
        assert ids == again
        assert len(set(ids)) == len(self.bodies)
        assert all(ids)

    def test_reading_is_pure(self) -> None:
        """Reading twice gives the same, changes nothing and needs no event loop."""
        for body in self.bodies:
            raw = self.sign(body, self.now)
            copy = replace(raw, headers=dict(raw.headers))
            facts = self.webhook.facts(raw)
            assert list(self.webhook.facts(raw)) == list(facts)
            assert all(isinstance(fact, FACTS) for fact in facts)
            assert self.webhook.wanted(raw, frozenset()) == self.webhook.wanted(raw, frozenset())
            assert raw == copy


def _only_refused(call: Callable[[], str | bool | Answer | Coroutine[Any, Any, Any] | None]) -> None:
    try:
        result = call()
    except Refused:
        return
    assert not asyncio.iscoroutine(result), "the methods of a webhook are plain functions"
