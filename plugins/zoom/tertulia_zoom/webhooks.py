"""Read what Zoom posts: its question whether we are there, its signature, and what is worth keeping."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tertulia import (
    Actor,
    Answer,
    Collect,
    Fact,
    Joined,
    Keep,
    Left,
    Member,
    Place,
    Raw,
    Refused,
    Skip,
    Subscription,
    Withdrawn,
)
from tertulia_zoom import signing
from tertulia_zoom.config import Settings
from tertulia_zoom.events import MEETING, MeetingEvent, account_of, instant, read_meeting, user_of

WEBHOOK = "events"
PLATFORM = "zoom"
READ_AFTER = timedelta(minutes=10)
"""After its end a meeting's participants take a while to be complete."""
DEAUTHORIZED = "app_deauthorized"
DEADLINE = timedelta(days=10)
"""In which Zoom wants a deauthorized account's data deleted."""
CAME = frozenset({"user.created", "user.activated"})
WENT = frozenset({"user.deleted", "user.deactivated", "user.disassociated"})


@dataclass(frozen=True)
class AccountWebhook:
    """Read the events of one account: of meetings that are places of the workspace, of its users, of the app."""

    settings: Settings
    name: str = WEBHOOK

    @property
    def realm(self) -> str:
        """Return the account whose events are taken."""
        return self.settings.server.account_id

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        """Answer whether we hold the secret token; Zoom asks when the address is entered and every 72 hours."""
        if raw.method != "POST":
            return None
        return signing.handshake(raw.headers, raw.body, subscription.secrets, datetime.now(UTC))

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        """Check signature, age and account."""
        if raw.method != "POST":
            raise Refused("not an event", 405)
        signing.verify(raw.headers, raw.body, subscription.secrets, now)
        if account_of(signing.decoded(raw.body)) != self.realm:
            raise Refused("an event of another account", 401)

    def event_id(self, raw: Raw) -> str:
        """Return a digest of the body: it is the same when Zoom repeats the event, however that is signed."""
        return hashlib.sha256(raw.body).hexdigest()

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        """Keep what happens in meetings that are places of the workspace; every other meeting goes unseen."""
        body = signing.decoded(raw.body)
        event = body.get("event")
        if event == DEAUTHORIZED:
            return self._of_our_app(body)
        if event in CAME | WENT:
            return bool(user_of(body).get("id"))
        found = read_meeting(body) if event in MEETING else None
        return found is not None and found.number in {one.ref for one in places if one.platform == PLATFORM}

    def facts(self, raw: Raw) -> Sequence[Fact]:
        """Return what to keep until the meeting is over, when to read it, and who came to the account or left it."""
        body = signing.decoded(raw.body)
        event = body.get("event")
        if event == DEAUTHORIZED:
            return (Withdrawn(platform=PLATFORM, realm=self.realm, due=_due(raw, body)),)
        if event in CAME | WENT:
            return (self._user(body, came=event in CAME),)
        found = read_meeting(body)
        if found is None:
            raise Skip("nothing that is read")
        kept = Keep(key=key_of(found, self.event_id(raw)), value=found.kept())
        if found.what != "ended":
            return (kept,)
        return (kept, Collect(place=Place(platform=PLATFORM, ref=found.number, kind="meeting"), after=READ_AFTER))

    def _user(self, body: Mapping[str, Any], *, came: bool) -> Fact:
        user = user_of(body)
        actor = Actor(platform=PLATFORM, realm=self.realm, user=str(user["id"])[:200])
        if not came:
            return Left(actor=actor)
        names = (user.get(name) for name in ("first_name", "last_name"))
        shown = " ".join(name for name in names if isinstance(name, str) and name)
        chats = self.settings.app is not None and self.settings.app.robot_jid is not None
        reach = {"user": actor.user} if chats else None
        # the e-mail comes with the directory: only what the API itself returns may link an account
        return Joined(member=Member(actor=actor, name=shown[:200], address=reach))

    def _of_our_app(self, body: Mapping[str, Any]) -> bool:
        payload = body.get("payload")
        client = payload.get("client_id") if isinstance(payload, dict) else None
        app = self.settings.app
        ours = [self.settings.server.client_id, *([app.client_id] if app is not None else [])]
        return isinstance(client, str) and client in ours


def key_of(event: MeetingEvent, digest: str) -> str:
    """Return where an event is kept: by meeting, instance and what it said."""
    return f"{instance_key(event.number, event.uuid)}{digest[:24]}"


def instance_key(number: str, uuid: str) -> str:
    """Return the beginning of the keys of an instance's events."""
    return f"event:{number}:{hashlib.sha256(uuid.encode()).hexdigest()[:16]}:"


def _due(raw: Raw, body: Mapping[str, Any]) -> datetime:
    payload = body.get("payload")
    told = instant(payload.get("deauthorization_time")) if isinstance(payload, dict) else None
    return (told or signing.signed_at(raw.headers)) + DEADLINE
