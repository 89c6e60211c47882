"""Serve the bot's endpoint: check that Zoom sent it, read it, take it, and answer before Zoom gives up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from tertulia import Access, Context, Refused, Route
from tertulia_zoom.chat_ports import team_chat
from tertulia_zoom.chatbot import ChatTurns
from tertulia_zoom.chatbot_events import read
from tertulia_zoom.config import Settings
from tertulia_zoom.signing import SIGNATURE, TIMESTAMP, decoded, handshake, verify
from tertulia_zoom.webhooks import DEAUTHORIZED, WEBHOOK

logger = logging.getLogger(__name__)
ENDPOINT = "/chat"
LARGEST = 512 * 1024
"""Bytes of a body; the bot's own messages end far below."""
SECONDS = 2.5
WHY = "Zoom's signature over the body is checked before it is read"


class Endpoint:
    """Take the bot's events for one installation."""

    def __init__(self, context: Context, turns: ChatTurns):
        self._context = context
        self._settings: Settings = context.settings
        self.turns = turns

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request; what is not genuine or cannot be read is refused with 4xx."""
        try:
            return await self._taken(request)
        except Refused as refused:
            logger.info("an event of the bot was refused: %s", refused.reason)
            return web.Response(status=refused.status)

    async def _taken(self, request: web.Request) -> web.Response:
        body = await _body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        now, secrets = datetime.now(UTC), self._settings.webhook_secrets
        answer = handshake(headers, body, secrets, now)
        if answer is not None:
            return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
        verify(headers, body, secrets, now)
        said = decoded(body)
        if said.get("event") == DEAUTHORIZED:
            return web.Response(status=await self._handed_on(body, headers))
        event = read(said, self._settings)
        if event is not None:
            await self.turns.take(event)
        return web.Response()

    async def _handed_on(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Post what ends the app's rights to the address for events, whose answer counts.

        Zoom tells it a bot's endpoint too, and perhaps nobody else; what fails it posts again.
        """
        events = await self._context.subscribe(WEBHOOK, self._settings.webhook_secrets)
        signed = {name: headers[name] for name in (SIGNATURE, TIMESTAMP)}
        try:
            # not through the guarded session, which does not lead to ourselves
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
                session.post(events.url, data=body, headers=signed, allow_redirects=False) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            raise Refused("the address for events does not answer", 503) from None


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(10):
            body = await request.read()
    except (web.HTTPRequestEntityTooLarge, TimeoutError) as error:
        raise Refused("the body is too large or too slow", 408 if isinstance(error, TimeoutError) else 413) from None
    if len(body) > LARGEST:
        raise Refused("the body is too large", 413)
    return body


def routes(context: Context) -> Iterable[Route]:
    """Return the bot's endpoint; there is none without a bot."""
    app = context.settings.app
    if app is None or app.robot_jid is None:
        return ()
    handler = Endpoint(context, team_chat(context).turns).take
    return (Route(method="POST", path=ENDPOINT, handler=handler, access=Access(kind="verified", why=WHY)),)
