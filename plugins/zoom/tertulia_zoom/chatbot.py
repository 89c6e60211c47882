"""Do what somebody asks of the bot: commands, buttons, choices and lines of a form.

What is given is committed in the request; what is said about it may follow. A form's state stands in its message, so
that nothing half written is kept here: an edit is made to the message as Zoom sent it, with the edits of the last
seconds, which may not have reached that client yet.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from tertulia import Actor, Command, Context, Json, Markup, Reply, TertuliaError, Unreachable, parse_command
from tertulia_zoom import messages
from tertulia_zoom.chat import Chat, Message
from tertulia_zoom.chat_names import Names
from tertulia_zoom.chatbot_events import ChatEvent, mentioned
from tertulia_zoom.messages import Content
from tertulia_zoom.messages_form import Change, Chosen, Edited, Opened, Sent, changed, settled, values
from tertulia_zoom.messages_phrases import phrase

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a request waits for what is said; Zoom gives up after three."""
RECENT = 15.0
"""Seconds after which an edit is in every client's copy of the message."""
FORMS = 2_000
"""Forms whose edits of the last seconds are remembered."""
EVENTS = 5_000
"""Events that are known again, of the 85 minutes in which Zoom repeats one."""
POSTING = "chat-posting:"
CANDLE = "candle"
LAUNCH = "https://zoom.us/launch/chat?jid=robot_"
"""What opens the chat with a bot in Zoom's client, followed by the bot's address."""


class ChatTurns:
    """Serve one installation's bot."""

    def __init__(self, context: Context, chat: Chat, names: Names):
        self._context, self._chat, self._names = context, chat, names
        self._under_way: set[asyncio.Task[None]] = set()
        self._edits: OrderedDict[str, list[tuple[float, Change]]] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, event: ChatEvent) -> None:
        """Take *event*; returns once what was given is committed and what is said was said, or will be.

        Zoom sends an event again that it holds for lost: what was taken here is not answered a second time.
        """
        if event.key in self._taken:
            return
        await self._taken_first(event)
        self._taken[event.key] = None
        if len(self._taken) > EVENTS:
            self._taken.popitem(last=False)

    async def _taken_first(self, event: ChatEvent) -> None:
        await self._know(event)
        if event.kind == "command":
            await self._command(event)
        elif event.kind == "installed":
            greeting = Command(name="help", actor=event.actor)
            await self._say(self._written(event, await self._context.inbox.command(greeting, event.key)))
        elif isinstance(event.act, Sent):
            await self._answered(event, event.act)
        elif isinstance(event.act, Opened):
            await self._say(self._opened(event, event.act))
        elif isinstance(event.act, Chosen | Edited):
            await self._say(self._filled_in(event, event.act))

    async def close(self) -> None:
        """Wait until what is being said is said."""
        await asyncio.gather(*self._under_way)

    async def _know(self, event: ChatEvent) -> None:
        """Remember how the person is written to, and in whose name the bot writes in a channel."""
        await self._chat.heard(event.actor.user, event.jid)
        if event.kind == "form":
            return  # who answers what we sent can be written to
        await self._context.inbox.reachable(event.actor, {"user": event.actor.user})
        if event.place is not None:
            await self._chat.spoke(event.place.ref, event.jid)

    async def _command(self, event: ChatEvent) -> None:
        mentions: dict[str, Actor] = {}
        for written, jid in mentioned(event.text).items():
            user = await self._names.user(jid)
            if user is not None:
                mentions[written] = Actor(platform=event.actor.platform, realm=event.actor.realm, user=user)
        parsed = parse_command(event.text, mentions)
        command = Command(
            name=parsed.name,
            actor=event.actor,
            args=parsed.args,
            place=event.place,
            reply_to=reply_address(event),
        )
        reply = await self._context.inbox.command(command, event.key)
        if command.name == CANDLE:
            reply = _elsewhere(reply)
        await self._say(self._written(event, reply))

    async def _answered(self, event: ChatEvent, act: Sent) -> None:
        content = self._content(event)
        given: Json = {} if act.written is None else values(content, act.written)
        reply = await self._context.inbox.answered(act.token, event.actor, given, event.key)
        await self._say(self._acknowledged(event, content, reply))

    async def _acknowledged(self, event: ChatEvent, content: Content | None, reply: Reply) -> None:
        """Put what became of an answer into the message that was answered; to others' eyes it stays as it is."""
        if event.place is not None:
            await self._written(event, reply)
            return
        shown: Content | None = None
        if reply.status in ("taken", "changed"):
            if reply.prompt is not None:
                shown = messages.question(reply.prompt)
            elif content is not None:
                shown = messages.headed(content, reply.text.plain() if reply.text else phrase(reply.status, "en"))
        if shown is None:
            await self._written(event, reply)
            return
        async with self._turn(event.message):
            self._edits.pop(event.message, None)
            await self._chat.edit(Message(to=event.jid, id=event.message, user=event.jid), shown)

    async def _written(self, event: ChatEvent, reply: Reply) -> None:
        """Say *reply*: in a channel to the actor's eyes alone, and a form in the own chat."""
        await written(self._chat, reply_address(event), reply)

    async def _opened(self, event: ChatEvent, act: Opened) -> None:
        kept = await self._context.store.get(POSTING + act.key)
        if kept is None:
            closed = Markup.literal(phrase("closed", "en"))
            await self._written(event, Reply(status="closed", text=closed, private=True))
            return
        await self._chat.send(event.jid, kept["form"])
        if event.place is not None:
            await self._chat.send(event.to, pointer(self._chat), user=event.jid, only=event.actor.user)

    async def _filled_in(self, event: ChatEvent, act: Change) -> None:
        async with self._turn(event.message):
            content = changed(self._content(event), act)
            if content is None:
                return
            self._remember(event.message, settled(content, act))
            await self._chat.edit(Message(to=event.jid, id=event.message, user=event.jid), content)

    def _turn(self, message: str) -> asyncio.Lock:
        """Let a message be changed by one at a time, in the order in which people's acts came."""
        return self._turns.setdefault(message, asyncio.Lock())

    def _remember(self, message: str, act: Change) -> None:
        now = time.monotonic()
        self._edits.setdefault(message, []).append((now, act))
        self._edits.move_to_end(message)
        while len(self._edits) > FORMS or next(iter(self._edits.values()))[-1][0] < now - RECENT:
            self._edits.popitem(last=False)

    def _content(self, event: ChatEvent) -> Content | None:
        """Return the message as Zoom sent it, with the edits that may not have been in it yet."""
        content: Content | None = None if event.original is None else dict(event.original)
        since = time.monotonic() - RECENT
        for at, act in self._edits.get(event.message, ()):
            if at >= since:
                content = changed(content, act) or content
        return content

    async def _say(self, work: Coroutine[Any, Any, None]) -> None:
        """Let *work* be done, and go on without it where that takes long."""
        task = asyncio.create_task(_attempted(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait({task}, timeout=PATIENCE)


def pointer(chat: Chat) -> Content:
    """Write where to go on, with a link that opens the chat with the bot."""
    return messages.pointer(phrase("elsewhere", "en"), LAUNCH + chat.robot)


def reply_address(event: ChatEvent) -> str:
    """Write where a reply to *event* goes: the place, the actor's own address, and the actor."""
    return "|".join((event.jid if event.place is None else event.to, event.jid, event.actor.user))


async def written(chat: Chat, to: str, reply: Reply) -> None:
    """Say *reply* to what `reply_address` wrote: nothing private stands in a channel for all to see."""
    place, jid, user = _address(to)
    shared = place != jid
    content = messages.answer_message(reply)
    if not shared or reply.prompt is not None:
        # a form is filled in where nobody else reads along
        await chat.send(jid, content)
        if not shared:
            return
        content = pointer(chat)
    await chat.send(place, content, user=jid, only=user if reply.private or reply.prompt is not None else "")


def _elsewhere(reply: Reply) -> Reply:
    """Leave the form out of *reply*: Zoom keeps what is filled in, and the account's admins read it."""
    if reply.prompt is None:
        return reply
    return replace(reply, prompt=replace(reply.prompt, fields=(), actions=()))


def _address(to: str) -> tuple[str, str, str]:
    parts = to.split("|")
    if len(parts) != 3 or not all(parts):
        raise Unreachable("the reply leads nowhere")
    return parts[0], parts[1], parts[2]


async def _attempted(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except TertuliaError as error:
        # what was asked is done; only the word about it is missing
        logger.warning("a reply in Team Chat could not be sent: %s", type(error).__name__)
