"""The loopback platform's signed events: how they are signed, checked and read."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from tertulia import (
    Actor,
    Answer,
    Answered,
    Collect,
    Command,
    Fact,
    Interaction,
    Joined,
    Json,
    Left,
    Member,
    Participation,
    Place,
    Raw,
    Reachable,
    Refused,
    Subscription,
)

NAME = "loopback"
WEBHOOK = "events"
TIMESTAMP, SIGNATURE, EVENT = "loopback-timestamp", "loopback-signature", "loopback-event"
PlaceKind: TypeAlias = Literal["channel", "meeting", "board", "chat"]
KINDS: tuple[PlaceKind, ...] = ("channel", "meeting", "board", "chat")
MAXIMUM_AGE = timedelta(minutes=5)


def sign(secret: str, body: bytes, event: str, at: datetime) -> dict[str, str]:
    """Return the headers with which the platform sends *body* at *at*."""
    timestamp = str(int(at.timestamp()))
    return {TIMESTAMP: timestamp, EVENT: event, SIGNATURE: _signature(secret, timestamp, event, body)}


def _signature(secret: str, timestamp: str, event: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + event.encode(errors="replace") + b"." + body
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


@dataclass(frozen=True)
class LoopbackWebhook:
    """Read the events of one realm."""

    realm: str
    name: str = WEBHOOK

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        """Echo a challenge, as several platforms want it when a webhook is registered."""
        challenge = raw.query.get("challenge")
        if raw.method != "GET" or challenge is None:
            return None
        return Answer(body=challenge.encode(), headers=(("content-type", "text/plain"),))

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        """Check age and signature."""
        timestamp, event = raw.headers.get(TIMESTAMP, ""), raw.headers.get(EVENT, "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
            raise Refused("no valid time stamp", 401)
        if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) > MAXIMUM_AGE:
            raise Refused("the time stamp is too far from now", 401)
        given = raw.headers.get(SIGNATURE, "").encode(errors="replace")
        expected = (_signature(secret, timestamp, event, raw.body).encode() for secret in subscription.secrets)
        if not any(hmac.compare_digest(one, given) for one in expected):
            raise Refused("the signature does not match", 401)

    def event_id(self, raw: Raw) -> str:
        """Return the header that the signature covers."""
        return raw.headers.get(EVENT, "")

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        """Keep what concerns accounts, and what happened at a known place."""
        body = _body(raw)
        return "place" not in body or place(body["place"]) in places

    def facts(self, raw: Raw) -> Sequence[Fact]:
        """Return the one fact that the event states."""
        return (fact(self.realm, _body(raw)),)


def _body(raw: Raw) -> Mapping[str, Any]:
    try:
        body = json.loads(raw.body)
    except ValueError:
        raise Refused("the body is not JSON", 400) from None
    if not isinstance(body, dict) or not isinstance(body.get("place", {}), dict):
        raise Refused("the body is not an event", 400)
    return body


def place(body: Json) -> Place:
    """Read a place; an unknown kind is a channel."""
    kind: PlaceKind = next((known for known in KINDS if known == body.get("kind")), "channel")
    return Place(platform=NAME, ref=str(body.get("ref")), kind=kind)


def fact(realm: str, body: Json) -> Fact:
    """Read one fact; what is missing raises `KeyError`, and the core keeps the event for a later replay."""
    here = place(body["place"]) if "place" in body else None
    match body["type"]:
        case "participated" | "interacted":
            return activity(realm, body)
        case "collect" if here is not None:
            return Collect(place=here, after=timedelta(seconds=body.get("after", 0)))
        case "joined":
            return Joined(member=member(realm, body))
        case "left":
            return Left(actor=_actor(realm, body["user"]))
        case "reachable":
            return Reachable(actor=_actor(realm, body["user"]), address=body["address"])
        case "answered":
            return Answered(
                token=body["token"],
                actor=_actor(realm, body["user"]),
                values=body["values"],
                reply_to=body.get("reply_to"),
            )
        case "command":
            return Command(
                name=body["name"],
                actor=_actor(realm, body["user"]),
                args=tuple(body.get("args", ())),
                place=here,
                reply_to=body.get("reply_to"),
            )
        case unknown:
            raise KeyError(f"unknown event type {unknown!r}")


def activity(realm: str, body: Json) -> Participation | Interaction:
    """Read participation or a tie."""
    at = datetime.fromisoformat(body["at"])
    if body["type"] == "interacted":
        return Interaction(
            source=_actor(realm, body["user"]),
            target=_actor(realm, body["target"]),
            kind=body["kind"],
            at=at,
            place=place(body["place"]),
        )
    ended = body.get("ended")
    return Participation(
        actor=_actor(realm, body["user"]),
        place=place(body["place"]),
        kind=body.get("kind", "attended"),
        started=at,
        ended=datetime.fromisoformat(ended) if ended else None,
        round=body.get("round"),
    )


def member(realm: str, body: Json) -> Member:
    """Read an account; it can be written to under its own id."""
    return Member(
        actor=_actor(realm, body["user"]),
        name=body["name"],
        email=body.get("email"),
        directory_id=body.get("directory_id"),
        zone=body.get("zone"),
        language=body.get("language"),
        team=body.get("team"),
        address={"user": body["user"]},
    )


def _actor(realm: str, user: str) -> Actor:
    return Actor(platform=NAME, realm=realm, user=user)
