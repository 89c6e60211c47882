"""Read what Zoom posts to the bot's endpoint, so that everything behind has the type that it should have."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tertulia import Actor, Json, Place, Refused
from tertulia_zoom.config import Settings
from tertulia_zoom.desk import PLATFORM
from tertulia_zoom.messages_form import Chosen, Edited, Opened, Sent, pressed

SHARED = "@conference."
"""What the addresses of channels and group chats have in common."""
LONGEST = 300
_JID = re.compile(r"[A-Za-z0-9._+=-]{1,200}@(?:[a-z0-9-]+\.)+[a-z]{2,20}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_MESSAGE = re.compile(r"[A-Za-z0-9_@.+=-]{1,200}", re.ASCII)
_MENTION = re.compile(r"<!([A-Za-z0-9._+=@-]{3,200})\|([^>\n]{1,200})>")
Kind: TypeAlias = Literal["installed", "command", "form"]
Act: TypeAlias = Sent | Opened | Chosen | Edited


@dataclass(frozen=True, kw_only=True)
class ChatEvent:
    """Hold an event of the bot; *key* is the same when it is sent again, *place* is `None` in a chat with one person.

    *jid* is how the person is written to, *to* where it happened.
    """

    kind: Kind
    key: str
    actor: Actor
    jid: str
    to: str
    place: Place | None
    text: str = ""
    message: str = ""
    original: Json | None = None
    act: Act | None = None


def read(body: object, settings: Settings) -> ChatEvent | None:
    """Return what *body* says, `None` for what the bot has no use for; raises `Refused` for what is not for it."""
    event, payload = _parts(body)
    account = _text(payload, "accountId")
    if account != settings.server.account_id:
        raise Refused("another account's event", 403)
    if settings.app is None or _text(payload, "robotJid") != settings.app.robot_jid:
        raise Refused("another bot's event", 403)
    kind = _kind(event)
    if kind is None:
        return None
    user, jid = _text(payload, "userId"), _text(payload, "userJid")
    if not _USER.fullmatch(user) or not _JID.fullmatch(jid) or SHARED in jid:
        raise Refused("an event names who acts", 400)
    to = _text(payload, "toJid") or jid
    if not _JID.fullmatch(to):
        raise Refused("an event names where it happened", 400)
    made = ChatEvent(
        kind=kind,
        key=_key(event, payload),
        actor=Actor(platform=PLATFORM, realm=account, user=user),
        jid=jid,
        to=to,
        place=place_of(to),
        text=_text(payload, "cmd", 8_000),
    )
    return made if kind != "form" else _form(made, event, payload)


def place_of(jid: str) -> Place | None:
    """Return the shared place that an address names; `None` for a person's."""
    return Place(platform=PLATFORM, ref=jid, kind="channel") if SHARED in jid else None


def mentioned(text: str) -> Mapping[str, str]:
    """Return the addresses that *text* mentions, by how they are written in it."""
    return {found[0]: found[1] for found in list(_MENTION.finditer(text))[:20]}


def _parts(body: object) -> tuple[str, Mapping[str, Any]]:
    event = body.get("event") if isinstance(body, Mapping) else None
    payload = body.get("payload") if isinstance(body, Mapping) else None
    if not isinstance(event, str) or not isinstance(payload, Mapping) or len(event) > 100:
        raise Refused("not an event", 400)
    return event, payload


def _kind(event: str) -> Kind | None:
    if event == "bot_notification":
        return "command"
    if event == "bot_installed":
        return "installed"
    return "form" if event in FORM_EVENTS else None


def _form(made: ChatEvent, event: str, payload: Mapping[str, Any]) -> ChatEvent | None:
    message = _text(payload, "messageId")
    if not _MESSAGE.fullmatch(message):
        raise Refused("an event names its message", 400)
    original = payload.get("original")
    act = FORM_EVENTS[event](payload)
    if act is None:
        return None
    return ChatEvent(
        kind="form",
        key=made.key,
        actor=made.actor,
        jid=made.jid,
        to=made.to,
        place=made.place,
        message=message,
        original=original if isinstance(original, dict) else None,
        act=act,
    )


def _pressed(payload: Mapping[str, Any]) -> Act | None:
    item = payload.get("actionItem")
    return pressed(item.get("value")) if isinstance(item, Mapping) else None


def _selected(payload: Mapping[str, Any]) -> Act | None:
    items = payload.get("selectedItems")
    first = items[0] if isinstance(items, list) and items else None
    act = pressed(first.get("value")) if isinstance(first, Mapping) else None
    return act if isinstance(act, Chosen) else None


def _edited(payload: Mapping[str, Any]) -> Act | None:
    item = payload.get("fieldEditItem")
    if (
        not isinstance(item, Mapping)
        or not isinstance(item.get("key"), str)
        or not isinstance(item.get("newValue"), str)
    ):
        return None
    before = item.get("currentValue")
    return Edited(item["key"], before if isinstance(before, str) else "", item["newValue"])


FORM_EVENTS = {
    "interactive_message_actions": _pressed,
    "interactive_message_select": _selected,
    "interactive_message_fields_editable": _edited,
}
"""What is done in a message, and what reads it; the types are those of Zoom's own `@zoom/rivet`."""


def _text(payload: Mapping[str, Any], name: str, longest: int = LONGEST) -> str:
    value = payload.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(f"{name} is no text of a usual length", 400)
    return value


def _key(event: str, payload: Mapping[str, Any]) -> str:
    """Return what Zoom repeats when it sends an event again: all of it but the message as it was."""
    said = {name: value for name, value in payload.items() if name != "original"}
    written = json.dumps([event, said], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()
