"""Read one action of Trello: who did what, when, to which card, and whether it speaks to us."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tertulia import Actor, Place, Refused

PLATFORM = "trello"
BREAK = "\u2060"
"""Stands behind an @ so that nobody is called; it has no width, and no line breaks at it."""
COMMENT, JOIN, LEAVE = "commentCard", "addMemberToCard", "removeMemberFromCard"
CHECK, ATTACH, VOTE = "updateCheckItemStateOnCard", "addAttachmentToCard", "voteOnCard"
BOARD_JOIN = "addMemberToBoard"
READ = (COMMENT, JOIN, LEAVE, CHECK, ATTACH)
"""What is read of a board's history; votes come by webhook and from cards only."""
EDIT = "updateComment"
ON_CARD = (COMMENT, EDIT, CHECK, VOTE)
"""What webhooks tell of a card; an edit is told by them only, and read from the comment itself."""
_ID = re.compile(r"[0-9a-f]{24}")
_MENTION = re.compile(r"(?<![\w@])@([a-z0-9_]{3,100})", re.IGNORECASE)
_EDITED = re.compile(r"[0-9TZ:.+-]{1,40}")


@dataclass(frozen=True, kw_only=True)
class Action:
    """Hold what is read of an action; *text* is a comment's, in memory only, *edited* when it was changed."""

    id: str
    type: str
    member: str
    at: datetime
    board: str
    card: str = ""
    text: str = ""
    edited: str = ""
    target: str = ""
    item: str = ""
    checked: bool = False


def read(body: Any) -> Action:
    """Read an action as Trello sends it; raises `Refused` where it is none."""
    if not isinstance(body, dict):
        raise Refused("not an action", 400)
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    item, text, edited = _part(data, "checkItem"), data.get("text"), data.get("dateLastEdited")
    return Action(
        id=_known(body.get("id")),
        type=str(body.get("type", ""))[:100],
        member=_known(body.get("idMemberCreator")),
        at=_instant(body.get("date")),
        board=_optional(_part(data, "board").get("id")),
        card=_optional(_part(data, "card").get("id")),
        text=text if isinstance(text, str) else "",
        edited=edited if isinstance(edited, str) and _EDITED.fullmatch(edited) else "",
        target=_optional(data.get("idMember") or _part(data, "member").get("id") or data.get("idMemberAdded")),
        item=_optional(item.get("id")),
        checked=item.get("state") == "complete",
    )


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}


def _known(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Refused("an action without its id", 400)
    return value


def _optional(value: Any) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused("an action without its date", 400) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def actor(realm: str, member: str) -> Actor:
    """Name a member of Trello."""
    return Actor(platform=PLATFORM, realm=realm, user=member)


def place(board: str) -> Place:
    """Name a board."""
    return Place(platform=PLATFORM, ref=board, kind="board")


def mentioned(text: str) -> tuple[str, ...]:
    """Return the user names that a comment mentions, in lower case, each once."""
    return tuple(dict.fromkeys(name.lower() for name in _MENTION.findall(text)))


def addressed(text: str, username: str) -> str | None:
    """Return what a comment says to us, which it begins with our name; `None` where it does not."""
    text = text.replace(BREAK, "")  # who copies our name from a card copies it with what breaks it there
    begun = re.match(rf"\s*@{re.escape(username)}(?!\w)[\s,:;.!]*", text, re.IGNORECASE)
    return None if begun is None else text[begun.end() :].strip()


def second_of(identifier: str) -> int:
    """Return the second in which an id was made: its first four bytes."""
    return int(identifier[:8], 16)


def before_second(second: int) -> str:
    """Return the last id that could be made before *second*."""
    return f"{max(second, 1) - 1:08x}{'f' * 16}"


def following(identifier: str) -> str:
    """Return the id right behind *identifier*."""
    return f"{int(identifier, 16) + 1:024x}"


def decoded(body: bytes) -> Mapping[str, Any]:
    """Read a webhook's body; raises `Refused` where it is no JSON object."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON", 400) from None
    if not isinstance(found, dict):
        raise Refused("the body is not an event", 400)
    return found
