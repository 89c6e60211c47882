"""The bot's own tokens: fetched once, kept, renewed early, and never at the cost of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tertulia import OperatorError, RetryLater
from tertulia.testing.context import FakeContext
from tertulia_teams.config import CLOUDS, Settings
from tertulia_teams.stand_in.faults import refusal, too_many
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.tokens import EARLY, Tokens

SCOPE, GRAPH = CLOUDS["public"].scope, CLOUDS["public"].graph_scope


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def tokens(**settings: object) -> AsyncIterator[tuple[StandIn, Tokens, Time]]:
    async with StandIn() as stand_in:
        known = Settings.model_validate(stand_in.settings(**settings))
        async with FakeContext(settings=known, plugin="teams") as context:
            clock = Time()
            yield stand_in, Tokens(context, clock), clock


async def test_many_who_ask_at_once_make_one_request() -> None:
    async with tokens() as (stand_in, kept, _):
        got = await asyncio.gather(*(kept.get(SCOPE) for _ in range(50)))
        assert len(set(got)) == 1
        assert stand_in.login.asked == 1
        assert await kept.get(GRAPH) != got[0]
        assert stand_in.login.asked == 2


async def test_a_token_is_renewed_early_and_kept_through_an_outage() -> None:
    async with tokens() as (stand_in, kept, clock):
        first = await kept.get(SCOPE)
        clock.now = 3600 - EARLY + 1
        stand_in.faults.add("login", *[refusal(503)] * 10)
        assert await kept.get(SCOPE) == first
        asked = stand_in.login.asked
        assert await kept.get(SCOPE) == first, "a failed renewal is not repeated at once"
        assert stand_in.login.asked == asked
        clock.now = 3600 - 20
        with pytest.raises(RetryLater):
            await kept.get(SCOPE)


@pytest.mark.parametrize(
    ("settings", "cure"),
    [({"app_secret": "x" * 20}, "app_secret"), ({"app_id": "11111111-1111-4111-8111-111111111111"}, "app_id")],
)
async def test_what_is_wrong_with_the_settings_is_named(settings: dict[str, str], cure: str) -> None:
    async with tokens(**settings) as (_, kept, _clock):
        with pytest.raises(OperatorError, match=cure) as raised:
            await kept.get(SCOPE)
        assert "xxxx" not in str(raised.value)


async def test_too_many_requests_wait_as_long_as_the_service_says() -> None:
    async with tokens() as (stand_in, kept, _):
        stand_in.faults.add("login", too_many(7))
        with pytest.raises(RetryLater) as raised:
            await kept.get(SCOPE)
        assert raised.value.after is not None
        await kept.get(SCOPE)


async def test_a_machines_own_identity_needs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tokens(app_type="managed-identity", app_secret=None) as (stand_in, kept, _):
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stand_in.url}/identity")
        monkeypatch.setenv("IDENTITY_HEADER", "here")
        token = await kept.get(SCOPE)
        assert stand_in.login.holds(f"Bearer {token}", SCOPE)


async def test_a_refused_token_is_not_used_again() -> None:
    async with tokens() as (stand_in, kept, _):
        first = await kept.get(SCOPE)
        stand_in.login.revoke()
        kept.forget(SCOPE)
        assert await kept.get(SCOPE) != first
