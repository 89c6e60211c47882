"""Tell who had to do with whom in the program's places, by mention, reply and reaction, and never a word of it.

Who wrote a message is remembered until the end of the following week, under a hash, so that a reply to it has a
target; a message in a place that no practice registered is not remembered at all.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from tertulia import Actor, Context, Interaction, Place, SendError
from tertulia_teams.activities import Incoming, object_id
from tertulia_teams.config import PLATFORM
from tertulia_teams.references import Reference

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["mention", "reply", "reaction"]
ACCOUNT = "29:"
"""How the connector's name of a person begins; teams, channels and tags are mentioned by other names."""
MENTIONED = 20
"""Accounts of one message that are looked up."""
QUOTE = re.compile(r'itemtype="http://schema\.skype\.com/Reply"[^>]{0,200}?itemid="(\d{1,20})"')
"""What Teams writes into a reply in a chat, which has no threads: the message that is quoted."""
PREFIX = "author:"


class Known(Protocol):
    """Know the program's places and who is in them."""

    async def carried(self, place: Place) -> bool:
        """Tell whether a practice registered the place."""
        ...

    async def user(self, place: Reference, account: str) -> str | None:
        """Return the AAD object id of an account in a conversation."""
        ...


class Ties:
    """Bring ties of one installation to the core, which keeps the week and the weight."""

    def __init__(self, context: Context, known: Known):
        self._context, self._known = context, known
        self._week = ""

    async def said(self, incoming: Incoming, sender: Actor) -> None:
        """Take whom a message mentions, and whom it answers."""
        place = incoming.place
        if place is None or not await self._known.carried(place):
            return
        targets: list[tuple[Kind, str]] = [("mention", user) for user in await self._mentioned(incoming)]
        answered = dict.fromkeys(one for one in _answered(incoming) if one != incoming.message)
        for message in list(answered)[:MENTIONED]:
            if (author := await self._author(place, message)) is not None:
                targets.append(("reply", author))
        if incoming.message:
            await self._remember(place, incoming.message, sender.user)
        await self._bring(incoming, sender, targets)

    async def reacted(self, incoming: Incoming, sender: Actor) -> None:
        """Take to whose message somebody reacted, where a person wrote it."""
        place = incoming.place
        if place is None or not incoming.origin.activity or not await self._known.carried(place):
            return
        author = await self._author(place, incoming.origin.activity)
        await self._bring(incoming, sender, [] if author is None else [("reaction", author)])

    async def _bring(self, incoming: Incoming, sender: Actor, targets: list[tuple[Kind, str]]) -> None:
        facts = [
            Interaction(
                source=sender,
                target=Actor(platform=PLATFORM, realm=sender.realm, user=user),
                kind=kind,
                at=incoming.at,
                place=incoming.place,
            )
            for kind, user in dict.fromkeys(targets)
            if user != sender.user
        ]
        if facts:
            await self._context.inbox.interacted(facts, f"{incoming.key}:ties")

    async def _mentioned(self, incoming: Incoming) -> list[str]:
        found: list[str] = []
        people = [one.account for one in incoming.mentions() if not incoming.is_bot(one.account)]
        for account in people[:MENTIONED]:
            user = account.user
            if user is None and account.id.startswith(ACCOUNT):
                try:
                    user = object_id(await self._known.user(incoming.origin, account.id))
                except SendError as error:
                    logger.warning("a mentioned account could not be looked up: %s", type(error).__name__)
            if user is not None:
                found.append(user)
        return found

    async def _remember(self, place: Place, message: str, user: str) -> None:
        week = _week(self._context.clock.now())
        if week != self._week:
            await forget_older(self._context)
            self._week = week
        await self._context.store.put(_key(week, place, message), user)

    async def _author(self, place: Place, message: str) -> str | None:
        now = self._context.clock.now()
        for week in (_week(now), _week(now - timedelta(days=7))):
            if (user := await self._context.store.get(_key(week, place, message))) is not None:
                return str(user)
        return None


async def forget_older(context: Context) -> None:
    """Forget who wrote the messages of weeks that nothing is a reply to any more."""
    now = context.clock.now()
    kept = (_week(now), _week(now - timedelta(days=7)))
    for key in [key async for key, _ in context.store.scan(PREFIX)]:
        if key.split(":")[1] not in kept:
            await context.store.delete(key)


def _answered(incoming: Incoming) -> Iterator[str]:
    """Yield the messages that a message answers: the one its thread is about, and those it quotes."""
    if incoming.thread:
        yield incoming.thread
    for attachment in incoming.attachments():
        content = attachment.get("content")
        if attachment.get("contentType") == "text/html" and isinstance(content, str):
            yield from QUOTE.findall(content)
        elif isinstance(content, Mapping) and isinstance(message := content.get("messageId"), str):
            yield message


def _week(at: datetime) -> str:
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}"


def _key(week: str, place: Place, message: str) -> str:
    digest = hashlib.sha256(f"{place.ref}\x1f{message}".encode(errors="replace")).hexdigest()
    return f"{PREFIX}{week}:{digest[:32]}"
