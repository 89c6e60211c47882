"""A slow or hanging server of Microsoft's holds up who asks it, and never the event loop."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from multidict import CIMultiDict

from tertulia import SendError
from tertulia.openid.keys import PATIENCE
from tertulia.testing.context import FakeContext
from tertulia_teams.config import CLOUDS, Settings
from tertulia_teams.ports import Outbound
from tertulia_teams.references import Reference
from tertulia_teams.routes import Messages, OutboundSpeech
from tertulia_teams.stand_in.faults import Api, Fault, hang, slow
from tertulia_teams.stand_in.server import StandIn
from tertulia_teams.stand_in.tenant import Person

DELAY = 0.4
BLOCKED = 0.05
TRIALS = 3
BEAT = 0.005


@dataclass
class Heart:
    """Hold how long the event loop kept a task waiting that wants to run every few milliseconds, at worst."""

    longest: float = 0.0


@asynccontextmanager
async def beating() -> AsyncIterator[Heart]:
    heart = Heart()

    async def beat() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT)
            heart.longest = max(heart.longest, time.perf_counter() - last - BEAT)
            last = time.perf_counter()

    task = asyncio.create_task(beat())
    await asyncio.sleep(0)
    try:
        yield heart
    finally:
        task.cancel()


async def idle() -> float:
    """Return how long the loop is held up at worst when there is nothing to do: the machine's own part."""
    async with beating() as heart:
        await asyncio.sleep(DELAY)
    return heart.longest


@dataclass
class Arrived:
    """Be what the handler reads of a request."""

    headers: CIMultiDict[str]
    body: bytes = b"{}"
    content_type: str = "application/json"

    async def read(self) -> bytes:
        return self.body


class Office:
    """Hold a stand-in and an installation that asks each of its services."""

    def __init__(self, stand_in: StandIn, context: FakeContext, person: Person):
        self.stand_in, self.outbound, self.person = stand_in, Outbound(context), person
        self.chat = Reference(service_url=stand_in.service_url, conversation=stand_in.tenant.chat(person).id)
        self.time = [1_000_000.0]
        self.messages = Messages(context, OutboundSpeech(self.outbound), now=lambda: self.time[0])

    async def ask(self, api: Api) -> None:
        """Let several ask a service at once that they have asked before."""
        asking: dict[Api, Callable[[], Awaitable[object]]] = {
            "metadata": self.key,
            "login": self.token,
            "connector": self.send,
            "graph": self.users,
        }
        self.time[0] += PATIENCE
        self.outbound.tokens.forget(CLOUDS["public"].scope if api == "login" else "")
        for result in await asyncio.gather(*(asking[api]() for _ in range(5)), return_exceptions=True):
            assert not isinstance(result, BaseException) or isinstance(result, SendError), result

    async def key(self) -> None:
        """Send what nobody signed, by a key that nobody knows: the metadata are read."""
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"unknown"}').decode().rstrip("=")
        token = f"{head}.e30.AAAA"
        request: Any = Arrived(CIMultiDict({"Authorization": f"Bearer {token}"}))
        assert (await self.messages.take(request)).status in (401, 503)

    async def token(self) -> None:
        await self.outbound.tokens.get(CLOUDS["public"].scope)

    async def send(self) -> None:
        await self.outbound.connector.send(self.chat, {"type": "message", "text": "Hello"})

    async def users(self) -> None:
        async for _ in self.outbound.graph.users(None):
            pass


@asynccontextmanager
async def office() -> AsyncIterator[Office]:
    async with StandIn() as stand_in:
        person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
        known = Settings.model_validate(stand_in.settings(timeout=DELAY * 1.5))
        async with FakeContext(settings=known, plugin="teams") as context:
            yield Office(stand_in, context, person)


@pytest.mark.parametrize(
    ("api", "fault"),
    [
        ("metadata", slow(DELAY)),
        ("login", slow(DELAY)),
        ("connector", slow(DELAY)),
        ("graph", slow(DELAY)),
        ("connector", hang()),
        ("graph", hang()),
    ],
)
async def test_a_slow_server_never_holds_up_the_loop(api: Api, fault: Fault) -> None:
    async with office() as asked:
        await asked.ask(api)  # what is imported and opened once is not the server's part
        held_up = []
        for _ in range(TRIALS):
            own = await idle()
            asked.stand_in.faults.add(api, *[fault] * 5)
            began = time.perf_counter()
            async with beating() as heart:
                await asked.ask(api)
            assert time.perf_counter() - began > DELAY * 0.9, "nobody was slow"
            asked.stand_in.faults.clear()
            held_up.append(max(0.0, heart.longest - own))
            if held_up[-1] < BLOCKED:
                break
        # a busy machine holds the loop up now and then; a call that blocks would each time, and for all of the delay
        assert min(held_up) < BLOCKED, held_up


async def test_the_measure_finds_a_call_that_blocks() -> None:
    async with beating() as heart:
        await asyncio.sleep(0.02)
        time.sleep(2 * BLOCKED)  # noqa: ASYNC251 - blocking is what is measured
        await asyncio.sleep(0.02)
    assert heart.longest >= BLOCKED
