"""Carry rituals in channels and meetings, and questions in chats with one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal
from weakref import WeakValueDictionary

from tertulia import Context, Id, Markup, OperatorError, Place, Prompt, Recipient, Ref, Reply, Unreachable
from tertulia_zoom import messages
from tertulia_zoom.chat import Chat, Message, channel_jid
from tertulia_zoom.chat_names import Names
from tertulia_zoom.chatbot import POSTING, ChatTurns, written
from tertulia_zoom.desk import PLATFORM, Desk, desk
from tertulia_zoom.messages_phrases import phrase
from tertulia_zoom.polls import Polls
from tertulia_zoom.scheduling import Scheduling

LONGEST = timedelta(days=92)
"""How long the form of a posting is kept that nobody closes."""


class TeamChat:
    """Bundle what one installation needs to talk in Team Chat and to carry rituals on meetings."""

    def __init__(self, desk: Desk):
        self.desk = desk
        self.context: Context = desk.context
        self.chat = Chat(desk.context, desk.rest)
        self.polls = Polls(desk)
        self.scheduling = Scheduling(desk, self.chat)

    @cached_property
    def turns(self) -> ChatTurns:
        """Return what takes the bot's events."""
        return ChatTurns(self.context, self.chat, Names(self.desk, self.chat))

    @cached_property
    def rituals(self) -> ZoomRituals:
        """Return the ritual port."""
        return ZoomRituals(self)

    @property
    def surveys(self) -> ChatSurveys | None:
        """Return the survey port; there is none without a bot."""
        app = self.desk.settings.app
        return ChatSurveys(self) if app is not None and app.robot_jid is not None else None

    @property
    def replies(self) -> ChatReplies:
        """Return the reply port."""
        return ChatReplies(self)


_KNOWN: WeakValueDictionary[int, TeamChat] = WeakValueDictionary()


def team_chat(context: Context) -> TeamChat:
    """Return what talks in Team Chat for *context*, the same as long as anybody holds it."""
    known = _KNOWN.get(id(context))
    if known is None or known.context is not context:
        known = _KNOWN[id(context)] = TeamChat(desk(context))
    return known


@dataclass(frozen=True)
class ZoomRituals:
    """Post in channels and group chats, put polls on meetings, bring groups together."""

    team: TeamChat

    async def post(self, place: Place, prompt: Prompt, key: Id) -> Ref:
        """Show *prompt* in *place*: as a message, or on a meeting as a poll."""
        if place.platform != PLATFORM:
            raise OperatorError(f"a place of {place.platform} is none of Zoom's")
        if place.kind == "meeting":
            return await self.team.polls.post(place.ref, prompt, key)
        await self._keep(prompt, key)
        to = channel_jid(place.ref, self.team.chat.robot)
        message = await self.team.chat.send(to, messages.posting(prompt, key))
        return f"{message}|{key}"

    async def refresh(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was shown; a poll shows nothing that could change."""
        if self.team.polls.carries(ref):
            return
        message, key = _posting(ref)
        await self._keep(prompt, key)
        await self.team.chat.edit(message, messages.posting(prompt, key))

    async def close(self, ref: Ref, summary: Prompt) -> None:
        """Take buttons or poll away, and say what came of it, so that people notice.

        The replacement comes first: it may be repeated. The new message may not, so nothing follows it.
        """
        if self.team.polls.carries(ref):
            await self.team.polls.close(ref)
            return
        message, key = _posting(ref)
        closed = messages.text_message(Markup.literal(phrase("ended", summary.language)))
        await self.team.chat.edit(message, {**closed, "head": messages.form(summary)["head"]})
        await self.team.context.store.delete(POSTING + key)
        await self.team.chat.send(message.to, messages.posting(summary, key))

    async def gather(self, group: tuple[Recipient, ...], prompt: Prompt, key: Id) -> Ref | None:
        """Invite the members of *group* to a meeting of their own; `None` where none can be scheduled."""
        return await self.team.scheduling.gather(group, prompt, key)

    async def _keep(self, prompt: Prompt, key: Id) -> None:
        """Keep the form of a posting, before anybody can ask for it, and forget those of rounds that are over."""
        store, now = self.team.context.store, self.team.context.clock.now()
        async for name, kept in store.scan(POSTING):
            if datetime.fromisoformat(kept["until"]) < now:
                await store.delete(name)
        if prompt.fields and prompt.privacy != "confidential":
            until = prompt.closes or now + LONGEST
            await store.put(POSTING + key, {"form": messages.form(prompt), "until": until.isoformat()})


@dataclass(frozen=True)
class ChatSurveys:
    """Ask in the chat with one person; what is confidential is asked on the person's own page."""

    team: TeamChat

    @property
    def confidential(self) -> Literal["native", "link", "no"]:
        """Say that a survey is asked by link: Zoom keeps what is said in chats, and the account's admins read it."""
        return "link"

    async def ask(self, to: Recipient, prompt: Prompt, key: Id) -> Ref:
        """Ask one person."""
        jid = await self.team.chat.address(to)
        return str(await self.team.chat.send(jid, messages.question(prompt)))

    async def amend(self, ref: Ref, prompt: Prompt) -> None:
        """Replace what was asked."""
        await self.team.chat.edit(Message.parse(ref), messages.question(prompt))

    async def withdraw(self, ref: Ref) -> None:
        """Take the question back."""
        await self.team.chat.delete(Message.parse(ref))


@dataclass(frozen=True)
class ChatReplies:
    """Answer after the request has ended."""

    team: TeamChat

    async def reply(self, to: str, reply: Reply) -> None:
        """Write to who asked; what is private is seen by nobody else."""
        await written(self.team.chat, to, reply)


def _posting(ref: Ref) -> tuple[Message, Id]:
    message, _, key = ref.rpartition("|")
    if not key or message.count("|") != 2:
        raise Unreachable("the message was not sent from here")
    return Message.parse(message), key
