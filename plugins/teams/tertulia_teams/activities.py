"""Read an activity once, so that everything behind has the type that it should have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tertulia import Actor, Json, Place, Refused
from tertulia_teams.config import PLATFORM
from tertulia_teams.references import THREAD, Reference, place_of, reference_of

LONGEST = 2_000
"""Characters of an id or an address; Teams' own are far shorter."""
MOST = 500
OBJECTS = ("conversation", "from", "recipient", "channelData")
NAMED = ("tenant", "team", "channel", "meeting")
TEXTS = ("id", "name", "text", "replyToId", "action", "locale")
LISTS = ("entities", "attachments", "membersAdded", "membersRemoved", "reactionsAdded")


@dataclass(frozen=True, kw_only=True)
class Account:
    """Hold an account as an activity names it; *user* is the AAD object id, where it is said."""

    id: str
    user: str | None
    name: str


@dataclass(frozen=True, kw_only=True)
class Mention:
    """Hold how somebody is mentioned in a text."""

    written: str
    account: Account


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Hold an activity; *key* is the same when it is sent again, *place* is `None` in a chat with one person."""

    activity: Json
    kind: str
    name: str
    key: str
    at: datetime
    sender: Actor | None
    place: Place | None
    origin: Reference
    bot: str

    def is_bot(self, who: Account) -> bool:
        """Tell whether an account is the bot's own."""
        return bool(self.bot) and who.id == self.bot

    @property
    def value(self) -> Any:
        """What the activity carries; nothing is known about its type."""
        return self.activity.get("value")

    @property
    def text(self) -> str:
        """The text as it was written, without the spaces that Teams puts around mentions."""
        return str(self.activity.get("text") or "").replace("&nbsp;", " ")

    @property
    def action(self) -> str:
        """What an `installationUpdate` says."""
        return str(self.activity.get("action") or "")

    @property
    def message(self) -> str:
        """The id of the message that this is."""
        return str(self.activity.get("id") or "")

    @property
    def thread(self) -> str:
        """The id of the message whose thread this is in, its own where it begins one; empty outside of channels."""
        return self.origin.conversation.partition(THREAD)[2]

    def attachments(self) -> list[dict[str, Any]]:
        """Return what is attached, Teams' HTML rendering of the text among it."""
        return _listed(self.activity, "attachments")

    def accounts(self, key: str) -> tuple[Account, ...]:
        """Return the accounts listed under *key*."""
        return tuple(account(one) for one in _listed(self.activity, key) if isinstance(one.get("id"), str))

    def mentions(self) -> Iterator[Mention]:
        """Yield who is mentioned."""
        for entity in _listed(self.activity, "entities"):
            written, mentioned = entity.get("text"), entity.get("mentioned")
            if entity.get("type") != "mention" or not isinstance(mentioned, Mapping) or not isinstance(written, str):
                continue
            if written.strip() and isinstance(mentioned.get("id"), str):
                yield Mention(written=written, account=account(mentioned))

    def reacted(self) -> bool:
        """Tell whether a reaction was added."""
        return bool(_listed(self.activity, "reactionsAdded"))


def read(body: object, *, realm: str, now: datetime) -> Incoming:
    """Return what *body* says, *realm* being the tenant; raises `Refused` with 400 for what is no activity."""
    activity = _checked(body)
    sender = account(activity["from"]).user if "from" in activity else None
    return Incoming(
        activity=activity,
        kind=str(activity["type"]),
        name=str(activity.get("name") or ""),
        key=_key(activity),
        at=instant(activity.get("timestamp")) or now,
        sender=None if sender is None else Actor(platform=PLATFORM, realm=realm, user=sender),
        place=place_of(activity),
        origin=reference_of(activity, user=sender or ""),
        bot=str(activity.get("recipient", {}).get("id") or ""),
    )


def account(value: Mapping[str, Any]) -> Account:
    """Read an account; an AAD object id that is none is left out."""
    name = value.get("name")
    return Account(
        id=str(value.get("id") or ""),
        user=object_id(value.get("aadObjectId")) or object_id(value.get("objectId")),
        name=name if isinstance(name, str) else "",
    )


def object_id(value: object) -> str | None:
    """Return an AAD object id in its one form, `None` for anything else."""
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None


def instant(value: object) -> datetime | None:
    """Return an instant, `None` for anything else."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if read is None or read.tzinfo is None else read
    except (ValueError, OverflowError):
        return None


def _checked(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused("not an activity", 400)
    activity = {key: value for key, value in body.items() if value is not None}
    kind, service = activity.get("type"), activity.get("serviceUrl")
    if not isinstance(kind, str) or not isinstance(service, str) or not 0 < len(service) <= LONGEST or "|" in service:
        raise Refused("an activity has a type and a service", 400)
    for key in OBJECTS:
        if not isinstance(activity.get(key, {}), dict):
            raise Refused(f"{key} is no object", 400)
    for key in TEXTS:
        if not isinstance(activity.get(key, ""), str):
            raise Refused(f"{key} is no text", 400)
    for key in LISTS:
        if not isinstance(activity.get(key, []), list):
            raise Refused(f"{key} is no list", 400)
    if "timestamp" in activity and instant(activity["timestamp"]) is None:
        raise Refused("timestamp is no instant", 400)
    _check_conversation(activity.get("conversation", {}))
    if "from" in activity:
        activity["from"] = {**activity["from"], "aadObjectId": object_id(activity["from"].get("aadObjectId"))}
    activity["channelData"] = _channel_data(activity.get("channelData", {}))
    if len(activity.get("id", "")) > LONGEST or len(activity.get("replyToId", "")) > LONGEST:
        raise Refused("an id is too long", 400)
    activity["replyToId"] = "" if "|" in activity.get("replyToId", "") else activity.get("replyToId", "")
    return activity


def _check_conversation(conversation: Mapping[str, Any]) -> None:
    identifier, kind = conversation.get("id"), conversation.get("conversationType")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= LONGEST or "|" in identifier:
        raise Refused("an activity has a conversation", 400)
    if not identifier.isprintable() or not isinstance(kind, str | None):
        raise Refused("not a conversation", 400)


def _channel_data(value: Mapping[str, Any]) -> dict[str, Any]:
    for key in NAMED:
        if not isinstance(value.get(key) or {}, dict):
            raise Refused(f"channelData.{key} is no object", 400)
    return dict(value)


def _listed(activity: Json, key: str) -> list[dict[str, Any]]:
    return [one for one in (activity.get(key) or ())[:MOST] if isinstance(one, dict)]


def _key(activity: Json) -> str:
    identifier = activity.get("id") or json.dumps(activity, sort_keys=True, default=str)
    sender = str(activity.get("from", {}).get("id"))
    parts = (str(activity["type"]), str(activity["conversation"]["id"]), sender, str(identifier))
    return hashlib.sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()
