"""Team Chat of the invented account: channels, chats with the bot, its messages and what became of them."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from typing import Any

from tertulia_zoom.stand_in.operations import Body, Call, Failed, operation

HOST = "xmpp.zoom.us"
ELEMENTS = frozenset(
    {
        "message",
        "fields",
        "actions",
        "section",
        "attachments",
        "select",
        "plain_text_input",
        "radio_buttons",
        "checkboxes",
        "datepicker",
        "timepicker",
        "progress_bar",
        "alert",
        "images",
        "video",
        "file",
        "divider",
        "page",
    }
)
"""The elements that Zoom's own types know."""


@dataclass
class Written:
    """Hold a message: where it is, who wrote it, what it says now, and who alone sees it."""

    id: str
    to: str
    content: Body
    writer: str = ""
    only: str = ""
    versions: int = 1
    deleted: bool = False


@dataclass
class Channel:
    """Hold a channel or group chat."""

    jid: str
    name: str
    members: list[str]


@dataclass
class ChatState:
    """Hold what is said; *robot* is the bot's address, *blocked* are users that it cannot write to."""

    robot: str = f"v1standin@{HOST}"
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, Written] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add_channel(self, name: str, members: list[str]) -> Channel:
        """Make a channel."""
        made = Channel(f"c{next(self.numbers):031x}@conference.{HOST}", name, list(members))
        self.channels[made.jid] = made
        return made

    def write(self, to: str, content: Body, *, writer: str = "", only: str = "") -> Written:
        """Write a message, by the bot where no *writer* is named."""
        made = Written(f"20260105_{next(self.numbers):06d}_main", to, copy.deepcopy(content), writer, only)
        self.messages[made.id] = made
        return made

    def seen(self, user: str, place: str) -> list[Written]:
        """Return what *user* sees at an address, oldest first."""
        return [
            one for one in self.messages.values() if one.to == place and not one.deleted and one.only in ("", user)
        ]

    def said(self, user: str) -> list[Written]:
        """Return what the bot wrote to *user* alone, oldest first."""
        return [one for one in self.seen(user, jid_of(user)) if not one.writer]


def jid_of(user: str) -> str:
    """Return a user's address."""
    return f"{user.lower()}@{HOST}"


@operation("POST", "/im/chat/messages", credentials="chat")
def send(call: Call) -> tuple[int, Body]:
    """Let the bot write."""
    state, body = call.town.chat, call.body
    _checked(call, body)
    to, only = body["to_jid"], str(body.get("visible_to_user", ""))
    if to in state.channels:
        if only and only not in state.channels[to].members:
            raise Failed(400, 7010, "The user is not a member of the channel.")
    elif to not in {jid_of(user) for user in call.town.users} or only:
        raise Failed(404, 7004, "The receiver does not exist.")
    elif to in {jid_of(user) for user in state.blocked}:
        raise Failed(403, 7003, "The receiver does not take messages of this app.")
    made = state.write(to, body["content"], only=only)
    return 200, _answer(made, body)


@operation("PUT", "/im/chat/messages/{message_id}", credentials="chat")
def edit(call: Call) -> tuple[int, Body]:
    """Let the bot change a message of its own."""
    found = _own(call)
    _checked(call, call.body)
    found.content = copy.deepcopy(call.body["content"])
    found.versions += 1
    return 200, _answer(found, call.body)


@operation("DELETE", "/im/chat/messages/{message_id}", credentials="chat")
def delete(call: Call) -> tuple[int, Body]:
    """Let the bot take a message back."""
    found = _own(call)
    for name in ("robot_jid", "user_jid"):
        if not call.query.get(name):
            raise Failed(400, 300, f"{name} is required.")
    found.deleted = True
    return 200, _answer(found, call.query)


def _own(call: Call) -> Written:
    found = call.town.chat.messages.get(call.ids[0])
    if found is None or found.deleted or found.writer:
        raise Failed(404, 5010, f"The message does not exist: {call.ids[0]}.")
    return found


def _checked(call: Call, body: Any) -> None:
    """Refuse what Zoom's own types do not know."""
    if body["robot_jid"] != call.town.chat.robot or body["account_id"] != call.town.account or not body["user_jid"]:
        raise Failed(400, 7001, "The bot, the account or the user is missing or wrong.")
    content = body["content"]
    if "head" in content and not str(content["head"]["text"]).strip():
        raise Failed(400, 7001, "The head has no text.")
    for element in content.get("body", []):
        if element["type"] not in ELEMENTS:
            raise Failed(400, 7001, f"An element of the type {element['type']} is unknown.")
        if element["type"] == "message" and (not element["text"] or {"link", "is_markdown_support"} <= set(element)):
            raise Failed(400, 7001, "Link does not support markdown format.")


def _answer(message: Written, asked: Any) -> Body:
    return {
        "message_id": message.id,
        "robot_jid": asked["robot_jid"],
        "sent_time": "2026-01-05T09:00:00.000Z",
        "to_jid": message.to,
        "user_jid": asked["user_jid"],
    }
