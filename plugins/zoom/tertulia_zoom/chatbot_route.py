"""Serve the bot's endpoint: check that Zoom sent it, read it, take it, and answer before Zoom gives up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web

from tertulia import Access, Context, Refused, Route
from tertulia_zoom.chat_ports import team_chat
from tertulia_zoom.chatbot import ChatTurns
from tertulia_zoom.chatbot_events import read
from tertulia_zoom.config import Settings
from tertulia_zoom.signing import decoded, handshake, verify

logger = logging.getLogger(__name__)
ENDPOINT = "/chat"
LARGEST = 512 * 1024
"""Bytes of a body; the bot's own messages end far below."""
WHY = "Zoom's signature over the body is checked before it is read"


class Endpoint:
    """Take the bot's events for one installation."""

    def __init__(self, context: Context, turns: ChatTurns):
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
        event = read(decoded(body), self._settings)
        if event is not None:
            await self.turns.take(event)
        return web.Response()


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
