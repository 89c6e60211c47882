"""Take what the connector sends: verify it, read it, run its turn, and answer in the same request."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tertulia import Access, Context, Json, Refused, Route
from tertulia_teams.activities import read
from tertulia_teams.bot import Bot
from tertulia_teams.directory import ENDPOINT
from tertulia_teams.ports import Outbound, TeamsReplies
from tertulia_teams.references import THREAD, Reference
from tertulia_teams.turns import Speech, TeamsTurns
from tertulia_teams.verification import Verifier

logger = logging.getLogger(__name__)

LARGEST = 512 * 1024
"""Bytes of a body; Teams' own messages end at 100 KB."""
DEEPEST = 64
ACCOUNTS = 5_000
"""Accounts whose AAD object id is remembered: people who are mentioned are mentioned again."""
WHY = "the Bot Connector's token is checked before the body is read"


class OutboundSpeech:
    """Speak through the ports' own connector."""

    def __init__(self, outbound: Outbound):
        self._outbound = outbound
        self.reply = TeamsReplies(outbound).reply
        self.installed = outbound.reach.installed
        self.heard = outbound.reach.heard
        self.installed_by_us = outbound.reach.installed_by_us
        self.uninstalled = outbound.reach.uninstalled
        self.meeting_seen = outbound.reach.meeting_seen
        self.carried = outbound.reach.carried
        self._users: dict[tuple[str, str], str] = {}

    async def typing(self, to: Reference) -> None:
        """Show that an answer is being written."""
        await self._outbound.connector.send(to, {"type": "typing"})

    async def user(self, place: Reference, account: str) -> str | None:
        """Return the AAD object id of an account in a conversation."""
        at = (place.conversation.partition(THREAD)[0], account)
        if at not in self._users:
            member = await self._outbound.connector.member(place, account)
            user = member.get("aadObjectId") or member.get("objectId")
            if not isinstance(user, str):
                return None
            if len(self._users) >= ACCOUNTS:
                self._users.clear()
            self._users[at] = user
        return self._users[at]


class Messages:
    """Serve the messaging endpoint of one installation."""

    def __init__(self, context: Context, speech: Speech, **options: Any):
        self._context, self._realm = context, context.settings.tenant_id
        self._verifier = Verifier(context.settings, lambda: context.http, **options)
        self.turns = TeamsTurns(context, speech)
        self._bot = Bot(self.turns)

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request of the connector; what is not genuine or cannot be read is refused with 4xx."""
        try:
            status, body = await self._taken(request)
        except Refused as refused:
            headers = {"Retry-After": "10"} if refused.status == 503 else {}
            logger.info("an activity was refused: %s", refused.reason)
            return web.Response(status=refused.status, headers=headers)
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    async def _taken(self, request: web.Request) -> tuple[int, Json | None]:
        claims = await self._verifier.claims(request.headers.getall("Authorization", []))
        if request.content_type != "application/json":
            raise Refused("not JSON", 415)
        activity = parsed(await _body(request))
        incoming = read(activity, realm=self._realm, now=self._context.clock.now())
        self._verifier.check(claims, incoming.activity)
        return await self._bot.turn(incoming)


def parsed(body: bytes) -> object:
    """Read JSON that nests no deeper than an activity does; raises `Refused` for anything else."""
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("not JSON", 400) from None
    if body.count(b"{") + body.count(b"[") > DEEPEST and not _shallow(value, DEEPEST):
        raise Refused("nests too deep", 400)
    return value


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(10):
            body = await request.read()
    except (web.HTTPRequestEntityTooLarge, TimeoutError) as error:
        raise Refused("the body is too large or too slow", 408 if isinstance(error, TimeoutError) else 413) from None
    if len(body) > LARGEST:
        raise Refused("the body is too large", 413)
    return body


def _no_number(_: str) -> float:
    raise ValueError("not a number of JSON")


def _shallow(value: object, left: int) -> bool:
    if left < 0:
        return False
    if isinstance(value, Mapping):
        return all(_shallow(one, left - 1) for one in value.values())
    return not isinstance(value, list) or all(_shallow(one, left - 1) for one in value)


def messages_route(context: Context, outbound: Outbound) -> Route:
    """Return the messaging endpoint."""
    messages = Messages(context, OutboundSpeech(outbound))
    return Route(method="POST", path=ENDPOINT, handler=messages.take, access=Access(kind="verified", why=WHY))
