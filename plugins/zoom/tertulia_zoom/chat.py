"""Write to Team Chat: send, change and delete the bot's messages; who is reached how; references to messages."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tertulia import Context, Json, OperatorError, OutcomeUnknown, Recipient, Unreachable
from tertulia_zoom.chatbot_events import SHARED
from tertulia_zoom.config import Settings
from tertulia_zoom.limits import Rate
from tertulia_zoom.messages import Content
from tertulia_zoom.rest import Operation

SEND = Operation(method="POST", template="/im/chat/messages", rate=Rate.MEDIUM, credentials="chat")
EDIT = Operation(method="PUT", template="/im/chat/messages/{message_id}", rate=Rate.MEDIUM, credentials="chat")
DELETE = Operation(method="DELETE", template="/im/chat/messages/{message_id}", rate=Rate.MEDIUM, credentials="chat")
LARGEST = 48 * 1024
"""Bytes of a message's content that are sent; Zoom publishes no limit."""
KNOWN = 20_000


class Calls(Protocol):
    """Carry out operations of Zoom's API."""

    async def call(
        self, operation: Operation, *ids: str, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        """Carry out *operation* on *ids* and return the answer's object."""
        ...


@dataclass(frozen=True, kw_only=True)
class Message:
    """Name a message of ours: where it is, its id, and in whose name it was sent."""

    to: str
    id: str
    user: str

    def __str__(self) -> str:
        return "|".join((self.to, self.id, self.user))

    @classmethod
    def parse(cls, text: str) -> Message:
        """Read what `str` wrote; raises `Unreachable` for anything else."""
        parts = text.split("|")
        if len(parts) != 3 or not all(parts):
            raise Unreachable("the message was not sent from here")
        return cls(to=parts[0], id=parts[1], user=parts[2])

    @property
    def shared(self) -> bool:
        """Tell whether several people see it."""
        return SHARED in self.to


class Chat:
    """Send for one installation."""

    def __init__(self, context: Context, calls: Calls):
        self._context, self._calls = context, calls
        self._settings: Settings = context.settings
        self._jids: OrderedDict[str, str] = OrderedDict()

    async def send(self, to: str, content: Content, *, user: str = "", only: str = "") -> Message:
        """Send *content* to a person or a channel and return the message.

        *user* is the address of the person in whose name it is sent. What names a user id in *only* is seen by that
        member of a channel alone.
        """
        name = user or (to if SHARED not in to else await self._name(to))
        body = {**self._from(name), "to_jid": to, "content": _fitting(content)}
        if only:
            body["visible_to_user"] = only
        answer = await self._calls.call(SEND, body=body)
        identifier = answer.get("message_id")
        if not isinstance(identifier, str) or not identifier:
            raise OutcomeUnknown("Zoom answered without the message's id")
        return Message(to=to, id=identifier, user=name)

    async def edit(self, at: Message, content: Content) -> None:
        """Replace a message."""
        await self._calls.call(EDIT, at.id, body={**self._from(at.user), "content": _fitting(content)})

    async def delete(self, at: Message) -> None:
        """Delete a message."""
        # an older description wants these in the body, a newer one in the query
        whose = self._from(at.user)
        await self._calls.call(DELETE, at.id, query=whose, body=whose)

    async def heard(self, user: str, jid: str) -> None:
        """Remember the address of a person whose events name one that does not follow from the id."""
        if jid != self.usual(user) and await self.jid(user) != jid:
            await self._context.store.put(f"jid:{user}", jid)
            self._jids[user] = jid

    async def spoke(self, channel: str, jid: str) -> None:
        """Remember who called the bot in a channel: its messages there are sent in that person's name."""
        if await self._name(channel) != jid:
            await self._context.store.put(f"chat-name:{channel}", jid)

    async def address(self, to: Recipient) -> str:
        """Return how a person is written to; raises `Unreachable` where they have no account here."""
        jid, user = to.address.get("jid"), to.address.get("user")
        if isinstance(jid, str) and jid and SHARED not in jid:
            return jid
        if not isinstance(user, str) or not user:
            raise Unreachable("the recipient has no account here")
        return await self.jid(user)

    async def jid(self, user: str) -> str:
        """Return the address of an account: the one that an event named, else the one that follows from its id."""
        known = self._jids.get(user)
        if known is None:
            known = await self._context.store.get(f"jid:{user}") or self.usual(user)
            self._jids[user] = known
            if len(self._jids) > KNOWN:
                self._jids.popitem(last=False)
        return known

    def usual(self, user: str) -> str:
        """Return the address that follows from an account's id: its small letters at the bot's own host."""
        return f"{user.lower()}@{self.robot.partition('@')[2]}"

    @property
    def robot(self) -> str:
        """Return the bot's own address; raises `OperatorError` where there is no bot."""
        app = self._settings.app
        if app is None or app.robot_jid is None:
            raise OperatorError("there is no bot: set app.robot_jid to the bot JID of the app's Team Chat page")
        return app.robot_jid

    async def _name(self, channel: str) -> str:
        known = await self._context.store.get(f"chat-name:{channel}")
        if known is None and self._settings.scheduler is not None:
            return await self.jid(self._settings.scheduler)
        return str(known or self.robot)

    def _from(self, user: str) -> dict[str, Any]:
        # the two descriptions of the operation do not agree which of these it needs, so it gets all
        return {"robot_jid": self.robot, "account_id": self._settings.server.account_id, "user_jid": user}


def channel_jid(ref: str, robot: str) -> str:
    """Return a channel's address from its id, which is what Zoom shows to people."""
    return ref if "@" in ref else f"{ref}{SHARED}{robot.partition('@')[2]}"


def _fitting(content: Content) -> Content:
    if len(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")) > LARGEST:
        raise OperatorError("the message is larger than Zoom takes: shorten the practice's texts")
    return content
