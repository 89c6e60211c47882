from __future__ import annotations

import asyncio
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia import OperatorError, Platform, Raw, Recipient, RetryLater, Subscription
from tertulia.plugins import Plugins
from tertulia.testing import loopback
from tertulia.testing.context import FakeContext
from tertulia.testing.loopback_faults import slow
from tertulia.testing.loopback_server import LoopbackServer, event, most_in_any_window, read_journal
from tertulia.testing.samples import sample_prompt

SETTINGS = loopback.Settings.model_validate({"url": "http://127.0.0.1:1", "secret": "s"})


def recipient(user: str) -> Recipient:
    return Recipient(ref=user, address={"user": user}, language="en", zone="UTC")


def platform_of(context: FakeContext) -> Platform:
    (platform,) = loopback.register_platforms(context)
    return platform


def context_for(server: LoopbackServer, **settings: object) -> FakeContext:
    return FakeContext(settings=loopback.Settings.model_validate(server.settings(**settings)))


def test_the_module_is_a_plugin_that_the_core_accepts() -> None:
    plugins = Plugins.load({"loopback": loopback}, allowed=frozenset(), builtin=False)
    assert plugins.names == ("loopback",)
    assert issubclass(plugins.settings_model("loopback"), loopback.Settings)
    context = FakeContext(settings=SETTINGS)
    assert [platform.name for platform in plugins.platforms("loopback", context)] == ["loopback"]
    assert [webhook.name for webhook in plugins.webhooks("loopback", context)] == ["events"]
    assert [route.path for route in plugins.routes("loopback", context)] == ["/turns", "/connect"]


async def test_the_journal_holds_what_arrived(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with LoopbackServer(journal_file=journal) as server, context_for(server) as context:
        survey = platform_of(context).survey
        assert survey is not None
        await asyncio.gather(*(survey.ask(recipient(f"u{n}"), sample_prompt(), f"k{n}") for n in range(20)))
        assert {one.key for one in server.carried_out("ask")} == {f"k{n}" for n in range(20)}
        ((ref, shown),) = server.shown("u3")
        assert shown["title"] == sample_prompt().title
        assert ref == next(one.ref for one in server.journal if one.to == "u3")
        assert read_journal(journal) == server.journal
    with journal.open("ab") as file:
        file.write(b"[1, 2")
    assert len(read_journal(journal)) == 20


async def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tertulia.testing.loopback_server", "--journal", str(tmp_path / "j")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        settings = loopback.Settings.model_validate({"url": url, "secret": "loopback-secret"})
        async with FakeContext(settings=settings) as context:
            survey = platform_of(context).survey
            assert survey is not None
            await survey.ask(recipient("u1"), sample_prompt(), "k1")
    finally:
        process.kill()
        await process.wait()
    assert [one.key for one in read_journal(tmp_path / "j")] == ["k1"]


async def test_the_platform_keeps_its_own_limit() -> None:
    async with LoopbackServer(limit=5) as server, context_for(server) as context:
        survey = platform_of(context).survey
        assert survey is not None
        asks = [survey.ask(recipient(f"u{n}"), sample_prompt(), f"k{n}") for n in range(8)]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, RetryLater)]
        assert len(refused) == server.violations == 3
        assert refused[0].after == timedelta(seconds=1)
        assert refused[0].everyone == "realm"
        assert most_in_any_window(one.monotonic for one in server.carried_out()) == 5


async def test_the_limiter_is_asked_where_a_rate_is_set() -> None:
    async with LoopbackServer() as server, context_for(server, rate=45) as context:
        survey = platform_of(context).survey
        assert survey is not None
        await survey.ask(recipient("u1"), sample_prompt(), "k1")
        ((key, (window,)),) = context.limiter.acquired[0].items()
        assert (key, window.count, window.seconds) == ("realm", 45, 1.0)


async def test_slow_is_still_well_and_a_wrong_secret_is_for_the_operator() -> None:
    async with LoopbackServer() as server, context_for(server) as context, context_for(server, secret="x") as other:
        survey, wrong = platform_of(context).survey, platform_of(other).survey
        assert survey is not None
        assert wrong is not None
        server.script(slow(0.05))
        assert await survey.ask(recipient("u1"), sample_prompt(), "k1") == "m1"
        with pytest.raises(OperatorError):
            await wrong.ask(recipient("u1"), sample_prompt(), "k1")


async def test_nothing_listening_is_certainly_not_delivered() -> None:
    settings = loopback.Settings.model_validate({"url": "http://127.0.0.1:9", "secret": "s"})
    async with FakeContext(settings=settings) as context:
        survey = platform_of(context).survey
        assert survey is not None
        with pytest.raises(RetryLater):
            await survey.ask(recipient("u1"), sample_prompt(), "k1")


def test_retry_after_may_be_anything() -> None:
    assert loopback.retry_after("1.5") == timedelta(seconds=1.5)
    assert loopback.retry_after("2030-01-01T12:00:00Z") == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert loopback.retry_after("2030-01-01T12:00:00") == datetime(2030, 1, 1, 12, tzinfo=UTC)
    for odd in (None, "soon", "inf", "nan", ""):
        assert loopback.retry_after(odd) is None


async def test_a_member_presses_and_types() -> None:
    async with LoopbackServer() as server, context_for(server) as context:
        application = web.Application()
        for route in loopback.register_routes(context):
            application.router.add_route(route.method, "/plugin" + route.path, route.handler)
        async with TestServer(application) as service:
            server.route = str(service.make_url("/plugin"))
            survey = platform_of(context).survey
            assert survey is not None
            await survey.ask(recipient("u1"), sample_prompt(), "k1")
            reply = await server.press("u1", "answer", {"one": "1"}, event="e1")
            assert reply["status"] == "taken"
            await server.command("u1", "kudos @bea for the soup", mentions={"@bea": "u2"})
            answered, command = context.inbox.received
            assert answered.key == "e1"
            assert answered.value["values"] == {"one": "1"}
            assert command.value.name == "kudos"
            assert command.value.args[0].user == "u2"
            async with aiohttp.ClientSession() as stranger:
                response = await stranger.post(f"{server.route}/turns", json={})
                assert response.status == 401


async def test_events_are_signed_repeated_and_shuffled() -> None:
    (webhook,) = loopback.register_webhooks(FakeContext(settings=SETTINGS))
    subscription = Subscription(id="1", name="events", url="", secrets=("loopback-secret",))
    got: list[str] = []

    async def hook(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = Raw(method="POST", url=str(request.url), headers=headers, body=await request.read(), query={})
        webhook.verify(raw, subscription, datetime.now(UTC))
        got.append(webhook.event_id(raw))
        assert json.loads(raw.body)["type"] == "left"
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", hook)
    async with LoopbackServer() as server, TestServer(application) as service:
        server.hook = str(service.make_url("/hook"))
        events = [event("left", f"u{n}") for n in range(10)]
        statuses = await server.post_events(events, times=5, shuffle=random.Random(7))
        assert set(statuses) == {200}
        assert sorted(got) == sorted([str(n) for n in range(10)] * 5)
        assert got[:10] != [str(n) for n in range(10)]
