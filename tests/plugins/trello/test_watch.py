"""Webhooks are made, kept alive and removed; what they lose is healed by reading."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

import tertulia_trello
from tertulia import Event, Interaction, OutcomeUnknown, Place, Raw, Refused
from tertulia.testing.context import EPOCH
from tertulia_trello.desk import Desk
from tertulia_trello.stand_in.faults import refusal
from tertulia_trello.watch import Watch


class Hooks:
    """Be the service's side of webhooks: check each as the core does, and keep what is wanted once."""

    def __init__(self) -> None:
        self.status, self.heads, self.taken, self.bench = 200, 0, {}, None

    async def answer(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status)
        bench: Any = self.bench
        (hook,) = tertulia_trello.register_webhooks(bench.context)
        subscription = bench.context.subscriptions["boards"]
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = Raw(method=request.method, url=str(request.url), headers=headers, body=await request.read(), query={})
        if hook.handshake(raw, subscription) is not None:
            self.heads += 1
            return web.Response()
        try:
            hook.verify(raw, subscription, EPOCH)
        except Refused as refused:
            return web.Response(status=refused.status)
        if hook.wanted(raw, frozenset({Place(platform="trello", ref=bench.board, kind="board")})):
            self.taken[hook.event_id(raw)] = raw
        return web.Response()


@asynccontextmanager
async def watched(open_bench: Any) -> AsyncIterator[tuple[Any, Hooks]]:
    hooks = Hooks()
    app = web.Application()
    app.router.add_route("*", "/hooks/{tail:.*}", hooks.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with open_bench() as bench:
            bench.context.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
            hooks.bench = bench
            yield bench, hooks
    finally:
        await runner.cleanup()


async def members(bench: Any) -> None:
    async for _ in bench.platform.directory.members(None):
        pass


async def test_a_webhook_is_made_once_for_each_board(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, hooks):
        for _ in range(3):
            await members(bench)
        (hook,) = bench.town.webhooks.values()
        assert hook["idModel"] == bench.board
        assert hooks.heads == 1


async def test_events_arrive_signed_and_repeats_are_the_same(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, hooks):
        await members(bench)
        card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        comment = bench.town.comment(bench.ana, card, "words")
        await bench.server.quiet()
        assert list(hooks.taken) == [comment]
        bench.server.town.heard(bench.town.action(comment))
        await bench.server.quiet()
        assert list(hooks.taken) == [comment]


async def test_one_that_was_switched_off_works_again(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, hooks):
        await members(bench)
        bench.server.disable_after, bench.server.pace = 3, 0.0
        hooks.status = 503
        card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        for number in range(4):
            bench.town.comment(bench.ana, card, f"lost {number}")
            await bench.server.quiet()
        (hook,) = bench.town.webhooks.values()
        assert not hook["active"]
        hooks.status = 200
        await members(bench)
        assert (hook["active"], hook["consecutiveFailures"]) == (True, 0)
        found = bench.town.comment(bench.ana, card, "heard")
        await bench.server.quiet()
        assert found in hooks.taken


async def test_one_that_trello_dropped_is_made_again(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, hooks):
        await members(bench)
        hooks.status = 410
        bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        await bench.server.quiet()
        assert not bench.town.webhooks
        hooks.status = 200
        await members(bench)
        assert len(bench.town.webhooks) == 1


async def test_doubles_and_those_of_other_boards_go_and_foreign_ones_stay(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, _):
        await members(bench)
        (hook,) = list(bench.town.webhooks.values())
        others = {"1" * 24: {}, "2" * 24: {"idModel": "e" * 24}, "3" * 24: {"callbackURL": "https://other.example/"}}
        for key, more in others.items():
            bench.town.webhooks[key] = {**hook, "id": key, **more}
        await members(bench)
        assert sorted(one["callbackURL"] for one in bench.town.webhooks.values()) == sorted(
            [hook["callbackURL"], "https://other.example/"]
        )


async def test_without_a_webhook_everything_else_goes_on(open_bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with watched(open_bench) as (bench, hooks):
        hooks.status = 404
        await members(bench)
        assert not bench.town.webhooks
        assert "TERTULIA_PUBLIC_URL" in caplog.text


async def test_all_go_with_the_plugin_and_what_trello_refuses_is_logged(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, _):
        await members(bench)
        gone = Event(
            name="installation.disabled", workspace="2" * 32, subject=bench.context.installation, at=EPOCH, detail={}
        )
        await tertulia_trello.on_event(gone)
        assert not bench.town.webhooks
        assert "boards" not in bench.context.subscriptions
        await tertulia_trello.on_event(gone)
        watch = Watch(Desk(bench.context))
        await watch.keep()
        bench.server.choose = lambda method, path: refusal(500) if method == "DELETE" else None
        await watch.remove()
        bench.server.choose = lambda method, path: refusal(500)
        with pytest.raises(OutcomeUnknown):
            await watch.remove()
        assert "boards" not in bench.context.subscriptions


async def test_a_day_without_webhooks_is_healed(open_bench: Any) -> None:
    async with watched(open_bench) as (bench, hooks):
        here = frozenset({Place(platform="trello", ref=bench.board, kind="board")})
        card = bench.town.card(bench.ana, bench.town.add_list(bench.board, "To do"), "Card")
        bench.town.comment(bench.ana, card, "first", at=EPOCH - timedelta(hours=1))
        cursor = [batch async for batch in bench.platform.participation.since(None, here)][-1].cursor
        assert len(bench.town.webhooks) == 1
        bench.server.deaf, bench.server.pace = True, 0.0
        for hour in range(24):
            bench.clock.advance(timedelta(hours=1))
            bench.town.comment((bench.ben, bench.ana)[hour % 2], card, f"hour {hour}")
        await bench.server.quiet()
        assert not hooks.taken
        healed = [item async for batch in bench.platform.participation.since(cursor, here) for item in batch.items]
        assert len(healed) == 24
        assert all(isinstance(tie, Interaction) for tie in healed)
        assert json.loads(cursor) == {bench.board: json.loads(cursor)[bench.board]}
