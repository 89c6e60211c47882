"""The stand-in's chat page: what is done on it reaches the bot as from Zoom's clients."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia.testing.samples import sample_prompt
from tertulia_zoom import messages
from tertulia_zoom.stand_in import ZoomServer
from tertulia_zoom.stand_in.chat import jid_of
from tertulia_zoom.stand_in.chat_drawing import marked
from tertulia_zoom.stand_in.chat_page import HOME


@dataclass
class Bench:
    """Hold a stand-in, and what its bot was told."""

    server: ZoomServer
    told: list[Any]
    http: aiohttp.ClientSession
    ana: str
    channel: str

    async def page(self, **query: str) -> str:
        async with self.http.get(self.server.url + HOME, params=query) as answer:
            assert answer.status == 200
            return await answer.text()

    async def do(self, what: str, status: int = 200, headers: dict[str, str] | None = None, **form: str) -> str:
        async with self.http.post(f"{self.server.url}{HOME}/{what}", data=form, headers=headers) as answer:
            assert answer.status == status
            return await answer.text()


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    told: list[Any] = []

    async def bot(request: web.Request) -> web.Response:
        told.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/chat", bot)
    async with (
        ZoomServer() as server,
        TestServer(app, host="127.0.0.1") as listening,
        aiohttp.ClientSession() as http,
    ):
        ana = server.town.add_user("Ana <Sousa>", "ana@example.org")
        channel = server.town.chat.add_channel("Every & one", [ana]).jid
        async with http.put(
            f"{server.url}/stand-in/addresses", json={"bot": str(listening.make_url("/chat"))}
        ) as told_:
            assert told_.status == 204
        yield Bench(server, told, http, ana, channel)


async def test_one_talks_and_fills_in_as_a_user() -> None:
    async with bench() as made:
        message = made.server.town.chat.write(jid_of(made.ana), messages.question(sample_prompt()))
        shown = await made.page()
        assert "Ana &lt;Sousa&gt;" in shown
        assert "&lt;script&gt; &amp; *stars* [not](a link)" in shown
        hidden = {"as": made.ana, "in": jid_of(made.ana), "message": message.id}
        values = re.findall(r'value="((?:send|plain|tick|choose):[^"]+)"', shown)
        await made.do("choose", value=next(one for one in values if one.startswith("choose:one")), **hidden)
        await made.do("edit", key="Short", text="Words", **hidden)
        await made.do("press", value=next(one for one in values if one.startswith("send")), **hidden)
        await made.do("say", text="kudos @Ana <Sousa> for it", **{"as": made.ana, "in": jid_of(made.ana)})
        assert [one["event"] for one in made.told] == [
            "interactive_message_select",
            "interactive_message_fields_editable",
            "interactive_message_actions",
            "bot_notification",
        ]
        assert made.told[1]["payload"]["fieldEditItem"]["newValue"] == "Words"
        assert made.told[3]["payload"]["cmd"] == f"kudos <!{jid_of(made.ana)}|Ana <Sousa>> for it"
        assert "That message has changed." in await made.do("press", value="plain:gone", **hidden)


async def test_a_channel_shows_what_its_members_see() -> None:
    async with bench() as made:
        chat = made.server.town.chat
        chat.write(made.channel, messages.posting(sample_prompt(), "ab" * 16))
        chat.write(made.channel, {"body": [{"type": "message", "text": "Secret"}]}, only="somebody else")
        shown = await made.page(**{"as": made.ana, "in": made.channel})
        assert "Every &amp; one" in shown
        assert "Answer" in shown
        assert "Secret" not in shown
        await made.do("say", text="candle", **{"as": made.ana, "in": made.channel})
        assert made.told[-1]["payload"]["toJid"] == made.channel
        assert "/tertulia candle" in await made.page(**{"as": made.ana, "in": made.channel})


async def test_pages_elsewhere_cannot_act_here() -> None:
    async with bench() as made:
        form = {"text": "help", "as": made.ana, "in": ""}
        await made.do("say", 403, {"Sec-Fetch-Site": "cross-site"}, **form)
        await made.do("say", 403, {"Host": "evil.example"}, **form)
        assert not made.told


def test_markdown_is_drawn_and_everything_else_escaped() -> None:
    assert marked("*Ana:* <b> _slow_ snake_case <https://a.example/?x=1|a & b>") == (
        "<strong>Ana:</strong> &lt;b&gt; <em>slow</em> snake_case "
        '<a href="https://a.example/?x=1" rel="noopener noreferrer" target="_blank">a &amp; b</a>'
    )
