"""Do what a turn asks for: take answers and commands, remember who can be written to, note who took part."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from tertulia import (
    Actor,
    Command,
    Context,
    Json,
    Markup,
    Member,
    Participation,
    Place,
    Reply,
    SendError,
    TertuliaError,
    parse_command,
)
from tertulia_teams import cards
from tertulia_teams.activities import Account, Incoming, instant, object_id
from tertulia_teams.config import PLATFORM
from tertulia_teams.references import Reference
from tertulia_teams.texts import phrase
from tertulia_teams.ties import MENTIONED, Ties

logger = logging.getLogger(__name__)

LONG = 1.0
"""Seconds after which we show that we are writing."""
PATIENCE = 6.0
"""Seconds that the connector waits for us; it asks again after fifteen."""
TYPED = 2
MEETING = "application/vnd.microsoft.meeting"


class Speech(Protocol):
    """Write to Teams, and know who is where."""

    async def reply(self, to: str, reply: Reply) -> None:
        """Send *reply*; a private one from a shared place goes into the actor's own chat."""
        ...

    async def typing(self, to: Reference) -> None:
        """Show that an answer is being written."""
        ...

    async def user(self, place: Reference, account: str) -> str | None:
        """Return the AAD object id of an account in a conversation."""
        ...

    async def installed(self, activity: Json) -> None:
        """Remember where *activity* came from."""
        ...

    async def heard(self, activity: Json) -> None:
        """Remember who wrote to the bot."""
        ...

    async def installed_by_us(self, user: str) -> bool:
        """Tell once whether the app was installed for a person who did not ask for it."""
        ...

    async def uninstalled(self, activity: Json) -> None:
        """Forget where *activity* came from."""
        ...

    async def meeting_seen(self, activity: Json) -> None:
        """Remember a meeting that starts."""
        ...

    async def carried(self, place: Place) -> bool:
        """Tell whether a practice registered the place."""
        ...


class TeamsTurns:
    """Serve one installation; what is taken is committed before the turn ends, what is said may follow."""

    def __init__(self, context: Context, speech: Speech):
        self._context, self._speech = context, speech
        self._ties = Ties(context, speech)
        self._under_way: set[asyncio.Task[None]] = set()

    async def card_action(self, incoming: Incoming) -> Json:
        """Take an answer and return the card in place of the old one; nothing of the answer is kept here."""
        value = incoming.value
        action = value.get("action") if isinstance(value, Mapping) else None
        data = action.get("data") if isinstance(action, Mapping) else None
        language = _language(incoming)
        if incoming.sender is None:
            return cards.invoke_error(400, "BadRequest", phrase("unknown_actor", language))
        reply = await self._answered(incoming, incoming.sender, data)
        if reply is None:
            return cards.invoke_error(400, "BadRequest", phrase("refused", language))
        return cards.invoke_reply(reply, shared=incoming.place is not None, language=language)

    async def message(self, incoming: Incoming) -> None:
        """Take an answer from a client without the newer buttons, a command, or somebody's word in a channel."""
        if incoming.sender is None:
            return
        if cards.read_token(incoming.value) is not None:
            reply = await self._answered(incoming, incoming.sender, incoming.value)
            if reply is not None:
                # the card is replaced where it can be; a refusal must not take the form away
                taken = reply.prompt is not None and reply.status in ("taken", "changed")
                await self._say(incoming, reply, replaces=taken)
            return
        addressed = incoming.place is None or any(incoming.is_bot(one.account) for one in incoming.mentions())
        if addressed:
            await self._speech.heard(incoming.activity)
        if addressed and not _only_said(incoming):
            await self._command(incoming, incoming.sender)
            return
        await self._took_part(incoming, incoming.place, incoming.sender, "commented")
        await self._soon(self._ties.said(incoming, incoming.sender))

    async def installation(self, incoming: Incoming) -> None:
        """Remember who can be written to, greet who added the app, and forget who removed it."""
        if incoming.action in ("add", "add-upgrade"):
            await self._speech.installed(incoming.activity)
            if incoming.action == "add" and incoming.place is None and incoming.sender is not None:
                await self._greet(incoming, incoming.sender)
        elif incoming.action == "remove":
            await self._speech.uninstalled(incoming.activity)

    async def conversation(self, incoming: Incoming) -> None:
        """Take the accounts that were added, and whether the bot itself was added or removed."""
        added, removed = incoming.accounts("membersAdded"), incoming.accounts("membersRemoved")
        if any(map(incoming.is_bot, added)):
            await self._speech.installed(incoming.activity)
        if any(map(incoming.is_bot, removed)):
            await self._speech.uninstalled(incoming.activity)
        for one in self._people(incoming, added):
            # who leaves a team keeps the account, so that only the directory says who has left
            await self._context.inbox.joined(one, f"{incoming.key}:{one.actor.user}")

    async def reaction(self, incoming: Incoming) -> None:
        """Note that somebody reacted to what was posted."""
        if incoming.sender is not None and incoming.reacted():
            await self._took_part(incoming, incoming.place, incoming.sender, "reacted")
            await self._soon(self._ties.reacted(incoming, incoming.sender))

    async def event(self, incoming: Incoming) -> None:
        """Note who is in a meeting, from joining to leaving, or to its end."""
        if incoming.place is None or not incoming.name.startswith(MEETING):
            return
        what, value = incoming.name.removeprefix(MEETING), incoming.value
        if what == "Start" and isinstance(value, Mapping):
            await self._speech.meeting_seen(incoming.activity)
            await self._enter(incoming, incoming.place, [incoming.sender] if incoming.sender else [])
        elif what == "ParticipantJoin":
            await self._enter(incoming, incoming.place, list(self._present(value)))
        elif what == "ParticipantLeave":
            await self._leave(incoming, incoming.place, list(self._present(value)))
        elif what == "End":
            keys = [key async for key, _ in self._context.store.scan(_presence(incoming.place, ""))]
            await self._leave(incoming, incoming.place, [self._actor(key.rpartition(":")[2]) for key in keys])

    async def _greet(self, incoming: Incoming, sender: Actor) -> None:
        """Say what the bot understands to whoever added it; who had it added is asked something anyway."""
        if not await self._speech.installed_by_us(sender.user):
            greeting = Command(name="help", actor=sender)
            await self._say(incoming, await self._context.inbox.command(greeting, incoming.key))

    async def close(self) -> None:
        """Wait until what is being said is said."""
        await asyncio.gather(*self._under_way)

    async def _answered(self, incoming: Incoming, sender: Actor, data: object) -> Reply | None:
        token = cards.read_token(data)
        if token is None:
            return None
        return await self._context.inbox.answered(token, sender, cards.read_values(data), incoming.key)

    async def _command(self, incoming: Incoming, sender: Actor) -> None:
        task = asyncio.create_task(self._carried_out(incoming, sender))
        done, _ = await asyncio.wait({task}, timeout=LONG)
        if not done:
            self._behind(self._speech.typing(_aside(incoming.origin)))
        await self._say(incoming, await task)

    async def _carried_out(self, incoming: Incoming, sender: Actor) -> Reply:
        text, mentions = incoming.text, {}
        for number, mention in enumerate(incoming.mentions()):
            if incoming.is_bot(mention.account) or number >= MENTIONED:
                text = text.replace(mention.written, " ")
            elif (user := await self._user(incoming, mention.account)) is not None:
                mentions[mention.written] = self._actor(user)
        parsed = parse_command(text, mentions)
        command = Command(
            name=parsed.name,
            actor=sender,
            args=parsed.args,
            place=incoming.place,
            reply_to=str(_aside(incoming.origin)),
        )
        return await self._context.inbox.command(command, incoming.key)

    async def _user(self, incoming: Incoming, account: Account) -> str | None:
        if account.user is not None:
            return account.user
        try:
            return object_id(await self._speech.user(incoming.origin, account.id))
        except SendError as error:
            logger.warning("a mentioned account could not be looked up: %s", type(error).__name__)
            return None

    async def _say(self, incoming: Incoming, reply: Reply, *, replaces: bool = False) -> None:
        """Send *reply*, and go on without it where that takes long."""
        to = incoming.origin if replaces else _aside(incoming.origin)
        if reply.prompt is None and reply.text is None:
            reply = replace(reply, text=Markup.literal(phrase(reply.status, _language(incoming))))
        await self._soon(self._speech.reply(str(to), reply))

    async def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work*, and go on without it where it takes long."""
        await asyncio.wait({self._behind(work)}, timeout=PATIENCE)

    def _behind(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_attempted(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    def _people(self, incoming: Incoming, accounts: tuple[Account, ...]) -> Iterator[Member]:
        for one in accounts:
            if one.user is not None and not incoming.is_bot(one):
                yield Member(actor=self._actor(one.user), name=one.name)

    def _present(self, value: object) -> Iterator[Actor]:
        listed = value.get("members") if isinstance(value, Mapping) else None
        for member in listed if isinstance(listed, list) else ():
            who = member.get("user") if isinstance(member, Mapping) else None
            user = object_id(who.get("aadObjectId")) if isinstance(who, Mapping) else None
            tenant = who.get("tenantId") if isinstance(who, Mapping) else None
            # people of other organizations take part in meetings, and are nobody's members here
            if user is not None and tenant in (None, self._context.settings.tenant_id):
                yield self._actor(user)

    async def _enter(self, incoming: Incoming, place: Place, actors: list[Actor]) -> None:
        facts = []
        for actor in actors:
            key = _presence(place, actor.user)
            since = instant(await self._context.store.get(key))
            if since is None:
                since = incoming.at
                await self._context.store.put(key, since.isoformat())
            facts.append(Participation(actor=actor, place=place, kind="attended", started=since))
        await self._context.inbox.participated(facts, incoming.key)

    async def _leave(self, incoming: Incoming, place: Place, actors: list[Actor]) -> None:
        facts = []
        for actor in actors:
            since = instant(await self._context.store.get(_presence(place, actor.user))) or incoming.at
            ended = max(since, incoming.at)
            facts.append(Participation(actor=actor, place=place, kind="attended", started=since, ended=ended))
        await self._context.inbox.participated(facts, incoming.key)
        # only now, so that an event that is sent again after a fault still finds when they came
        for actor in actors:
            await self._context.store.delete(_presence(place, actor.user))

    async def _took_part(self, incoming: Incoming, place: Place | None, actor: Actor, kind: Any) -> None:
        if place is not None:
            fact = Participation(actor=actor, place=place, kind=kind, started=incoming.at)
            await self._context.inbox.participated([fact], incoming.key)

    def _actor(self, user: str) -> Actor:
        return Actor(platform=PLATFORM, realm=self._context.settings.tenant_id, user=user)


async def _attempted(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except TertuliaError as error:
        # what was asked is done; only what follows it is missing
        logger.warning("what follows a turn could not be done: %s", type(error).__name__)


def _aside(origin: Reference) -> Reference:
    """Return where a new message goes, in place of the one that *origin* names."""
    return replace(origin, activity="")


def _only_said(incoming: Incoming) -> bool:
    """Tell whether a reply in a thread is meant for the people there, although it mentions the bot: no command."""
    if incoming.place is None or incoming.thread in ("", incoming.message):
        return False
    text = incoming.text
    for mention in incoming.mentions():
        text = text.replace(mention.written, " ")
    parsed = parse_command(text)
    # a word or two that nearly are a command are one that was mistyped
    return parsed.name == "unknown" and (not parsed.args or len(text.split()) > TYPED)


def _presence(place: Place, user: str) -> str:
    return f"present:{hashlib.sha256(place.ref.encode(errors='replace')).hexdigest()[:24]}:{user}"


def _language(incoming: Incoming) -> str:
    return str(incoming.activity.get("locale") or "en")
