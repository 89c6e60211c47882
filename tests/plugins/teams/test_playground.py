"""The relay for Microsoft's Agents Playground: what is unsigned gets in signed, and what the bot sends comes out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

import tertulia_teams
from tertulia.testing.world import Home, World, world
from tertulia_teams.command import command
from tertulia_teams.stand_in.playground import GROUP, MESSAGES, Relay

PROGRAM = """
[[practice]]
key = "check-in"
kind = "check-in"
title = "How is your day going?"
ask = "both"
places = ["teams:{channel}"]
open_for = "6h"
reminders = ["2h"]
[practice.cadence]
start = 2026-01-05T10:00:00
rule = "FREQ=DAILY"
"""
TITLE = "How is your day going?"


@dataclass
class Connector:
    """Be the part of the Playground that takes what the bot sends, and remember it."""

    url: str = ""
    taken: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert "authorization" not in request.headers, "the bot's token goes nowhere"
        self.taken.append((request.method, request.match_info["conversation"], await request.json()))
        return web.json_response({"id": str(1_000 + len(self.taken))}, status=201)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        app = web.Application()
        for path in ("/activities", "/activities/{activity}"):
            app.router.add_route("*", "/_connector/v3/conversations/{conversation}" + path, self.take)
        async with TestServer(app, host="127.0.0.1") as server:
            self.url = f"http://127.0.0.1:{server.port}"
            yield


async def settled(core: World, relay: Relay) -> Home:
    home = await core.workspace("Home", domains=["example.org"])
    for person in relay.tenant.people.values():
        await core.person(home, person.name, email=person.mail)
    await core.enable(home, "teams", relay.settings())

    async def known() -> bool:
        return await core.reachable(home, "teams") == len(relay.tenant.people)

    await core.until(known)
    return home


def unsigned(relay: Relay, kind: str, service: str, **parts: Any) -> dict[str, Any]:
    """Make an activity as the Playground does: without a token, and of no tenant that anybody checks."""
    sitting = relay.sitting
    return {
        "type": kind,
        "id": f"{kind}-1",
        "timestamp": "2026-01-05T09:00:00.000Z",
        "serviceUrl": service,
        "channelId": "emulator",
        "from": {"id": sitting.mri, "name": sitting.name},
        "recipient": {"id": f"28:{relay.tenant.app}", "name": "Tertulia"},
        "conversation": {"id": relay.tenant.chat(sitting).id, "conversationType": "personal"},
        **parts,
    }


async def test_what_the_playground_sends_is_signed_and_what_the_bot_sends_is_shown_there(tmp_path: Path) -> None:
    connector = Connector()
    async with connector.serve():
        relay = Relay(playground="http://127.0.0.1:9")
        url = f"sqlite:///{tmp_path / 't.db'}"
        async with (
            relay,
            world(url, tmp_path, plugins={"teams": tertulia_teams}) as core,
            aiohttp.ClientSession() as http,
        ):
            service = f"{connector.url}/_connector"

            async def send(kind: str, **parts: Any) -> tuple[int, Any]:
                async with http.post(relay.url + MESSAGES, json=unsigned(relay, kind, service, **parts)) as answer:
                    return answer.status, await answer.json() if answer.content_type == "application/json" else None

            assert (await send("message", text="help"))[0] == 503, "the bot has not said where it listens"
            home = await settled(core, relay)
            assert await send("message", text="help") == (200, None)
            assert connector.taken[0][:2] == ("POST", relay.tenant.chat(relay.sitting).id)

            await core.apply(home, PROGRAM.format(channel=relay.channels[0].id))
            core.clock.advance(timedelta(hours=1, seconds=1))
            await core.until(lambda: len([one for one in connector.taken if TITLE in json.dumps(one)]) == 2)
            # the others' chats cannot be seen in the Playground, so that the stand-in keeps them
            others = list(relay.tenant.people.values())[1:]
            await core.until(lambda: all(len(relay.cards(one)) == 1 for one in others))
            card = next(one for one in connector.taken if TITLE in json.dumps(one) and one[1].startswith("a:"))
            content = card[2]["attachments"][0]["content"]
            (press,) = [one for one in content["actions"] if one.get("verb") == "answer"]
            choice = next(one for one in content["body"] if one["type"] == "Input.ChoiceSet")
            data = {**press["data"], choice["id"]: choice["choices"][0]["value"]}
            value = {"action": {"type": "Action.Execute", "verb": "answer", "data": data}, "trigger": "manual"}
            status, answer = await send("invoke", name="adaptiveCard/action", value=value, replyToId="1001")
            assert (status, answer["type"]) == (200, "application/vnd.microsoft.card.adaptive")
            (row,) = [row for row in await core.rounds(home) if row.state == "open"]
            assert (await core.progress(home, row.id)).answered == 1


async def test_only_the_relay_itself_is_called() -> None:
    relay = Relay()
    async with relay, aiohttp.ClientSession() as http:
        relay.endpoint = f"{relay.url}/nowhere"
        async with http.post(relay.url + MESSAGES, data=b"{") as answer:
            assert answer.status == 400
        async with http.post(relay.url + MESSAGES, json={}, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        elsewhere = unsigned(relay, "message", "http://evil.example/_connector")
        async with http.post(relay.url + MESSAGES, json=elsewhere) as answer:
            assert answer.status == 404, "the bot's address is what it is told to be"
        assert relay._connector_url == "http://127.0.0.1:56150/_connector/"


def test_the_configuration_is_what_the_playground_takes(tmp_path: Path) -> None:
    told = Relay().configuration()
    assert len(told["users"]) == 5
    assert len(told["team"]["channels"]) == 1
    assert told["groupChat"]["id"] == GROUP
    missing = tmp_path / "none" / "x.yml"
    result = CliRunner().invoke(command, ["playground", "--port", "0", "--configuration", str(missing)])
    assert result.exit_code != 0
    assert "--configuration" in str(result.exception)


async def test_a_round_in_the_playground_itself(tmp_path: Path) -> None:
    """Run where `TERTULIA_PLAYGROUND` names the Playground's `cli.js`: its licence lets us try it, no more."""
    program, node = os.environ.get("TERTULIA_PLAYGROUND", ""), shutil.which("node")
    if not program or node is None:
        pytest.skip("TERTULIA_PLAYGROUND does not name the cli.js of @microsoft/m365agentsplayground")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    playground = f"http://127.0.0.1:{port}"
    relay = Relay(playground=playground)
    (tmp_path / "playground.yml").write_text(json.dumps(relay.configuration()))
    told = {"M365_AGENTS_PLAYGROUND_CONFIG_PATH": str(tmp_path / "playground.yml"), "TEAMSAPPTESTER_BROWSER": "none"}
    seen: list[dict[str, Any]] = []
    url = f"sqlite:///{tmp_path / 't.db'}"
    async with (
        relay,
        world(url, tmp_path, plugins={"teams": tertulia_teams}) as core,
        aiohttp.ClientSession() as http,
    ):
        arguments = ["start", "-e", relay.url + MESSAGES, "-c", "msteams", "-p", str(port), "--dt"]
        process = await asyncio.create_subprocess_exec(
            node, program, *arguments, env={**os.environ, **told}, cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            home, chat, sitting = await settled(core, relay), relay.tenant.chat(relay.sitting).id, relay.sitting.mri

            async def up() -> bool:
                try:
                    async with http.get(f"{playground}/_internal/v1/config") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            async def post(path: str, body: dict[str, Any]) -> Any:
                async with http.post(playground + path, json=body) as answer:
                    assert answer.status == 200, await answer.text()
                    return await answer.json() if answer.content_type == "application/json" else None

            await core.until(up)
            socket = await http.ws_connect(f"{playground}/_ws_conversation/v1/conversations/stream")

            async def listen() -> None:
                async for message in socket:
                    seen.append(message.json())

            def shown(action: str, place: str, words: str) -> list[dict[str, Any]]:
                known = [one for one in seen if one.get("action") == action and words in json.dumps(one)]
                return [one["message"] for one in known if str(one["actionConversationId"]).startswith(place)]

            listening = asyncio.create_task(listen())
            await post(f"/_debug/conversation/{chat}/installation", {})
            said = {"from": {"id": sitting}, "text": "help", "textFormat": "plain"}
            await post(f"/_conversation/v1/conversations/{chat}/messages", said)
            await core.until(lambda: len(shown("createMessage", "a:", "This is what I understand")) == 2)
            channel = relay.channels[0].id
            await core.apply(home, PROGRAM.format(channel=channel))
            core.clock.advance(timedelta(hours=1, seconds=1))
            await core.until(lambda: shown("createMessage", "a:", TITLE) and shown("createMessage", channel, TITLE))
            (asked,) = shown("createMessage", "a:", TITLE)
            content = asked["attachments"][0]["content"]
            (press,) = [one for one in content["actions"] if one.get("verb") == "answer"]
            choice = next(one for one in content["body"] if one["type"] == "Input.ChoiceSet")
            data = {**press["data"], choice["id"]: choice["choices"][0]["value"]}
            action = {"type": "Action.Execute", "id": press["id"], "verb": "answer", "data": data}
            where = {"conversation": {"id": chat}, "from": {"id": sitting}, "replyToId": asked["messageId"]}
            value = {"name": "adaptiveCard/action", **where, "value": {"action": action, "trigger": "manual"}}
            assert (await post("/_conversation/v1/invoke", value))["type"].endswith("card.adaptive")
            others = list(relay.tenant.people.values())[1:]
            await core.until(lambda: all(len(relay.cards(one)) == 1 for one in others))
            core.clock.advance(timedelta(hours=2))
            await core.until(lambda: all(len(relay.cards(one)) == 2 for one in others))
            core.clock.advance(timedelta(hours=4))
            await core.until(lambda: shown("updateMessage", channel, "checked in"))
            await core.until(lambda: shown("createMessage", channel, "checked in"))
            assert len(shown("createMessage", "a:", TITLE)) == 1, "who answered is not reminded"
            listening.cancel()
        finally:
            process.terminate()
            await process.wait()
