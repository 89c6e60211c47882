"""Read what Trello posts: the handshake, the signature, and what is worth keeping of a board's events."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha1

from tertulia import Answer, Collect, Command, Fact, Joined, Member, Place, Raw, Refused, Subscription, parse_command
from tertulia_trello import actions
from tertulia_trello.actions import BOARD_JOIN, CHECK, COMMENT, EDIT, ON_CARD, PLATFORM, READ, VOTE, Action
from tertulia_trello.replies import address

WEBHOOK = "boards"
SIGNATURE = "x-trello-webhook"
UNHURRIED = timedelta(minutes=10)
HERE = frozenset({"help", "link", "snooze", "stop", "my data", "candle", "settings", "icebreaker", "check-in"})
"""Commands that a comment alone tells; one that names people is read with the board's members at hand."""


def signature(secret: str, body: bytes, callback: str) -> bytes:
    """Sign as Trello does: over the body's bytes and the address exactly as registered."""
    mac = hmac.new(secret.encode(), body + callback.encode(), sha1)
    return base64.b64encode(mac.digest())


@dataclass(frozen=True)
class BoardWebhook:
    """Read the events of the boards that a workspace opted in."""

    realm: str
    username: str
    boards: frozenset[str]
    name: str = WEBHOOK

    def handshake(self, raw: Raw, subscription: Subscription) -> Answer | None:
        """Answer the HEAD request with which Trello looks whether somebody is there."""
        return Answer() if raw.method == "HEAD" else None

    def verify(self, raw: Raw, subscription: Subscription, now: datetime) -> None:
        """Check the signature; Trello signs no time, so ids are remembered for ever."""
        if raw.method != "POST":
            raise Refused("not an event", 405)
        given = raw.headers.get(SIGNATURE, "").encode(errors="replace")
        expected = [signature(secret, raw.body, subscription.url) for secret in subscription.secrets if secret]
        if not sum(hmac.compare_digest(one, given) for one in expected):
            raise Refused("not signed by Trello", 401)

    def event_id(self, raw: Raw) -> str:
        """Return the action's id, which the signature covers."""
        return self._action(raw).id

    def wanted(self, raw: Raw, places: frozenset[Place]) -> bool:
        """Keep what happens to cards and members of an opted-in board that is one of the workspace's places."""
        action = self._action(raw)
        known = {place.ref for place in places if place.platform == PLATFORM}
        return action.board in self.boards & known and action.type in {*READ, *ON_CARD, BOARD_JOIN}

    def facts(self, raw: Raw) -> Sequence[Fact]:
        """Return a command, a new member, or the wish to read the board; the comment itself goes no further."""
        action = self._action(raw)
        if action.board not in self.boards:
            return ()
        if action.type == BOARD_JOIN:
            return self._joined(raw, action)
        command = self._command(action) if action.type == COMMENT else None
        if command is not None:
            return (command,)
        soon = action.type in (COMMENT, EDIT, CHECK, VOTE)
        return (Collect(place=actions.place(action.board), after=timedelta(0) if soon else UNHURRIED),)

    def _command(self, action: Action) -> Command | None:
        said = actions.addressed(action.text, self.username)
        if said is None or is_answer(said):
            return None
        parsed = parse_command(said)
        if parsed.name not in {*HERE, "unknown"}:
            return None
        return Command(
            name=parsed.name,
            actor=actions.actor(self.realm, action.member),
            args=parsed.args,
            place=actions.place(action.board),
            reply_to=address(action.card, action.id, parsed.name),
        )

    def _joined(self, raw: Raw, action: Action) -> Sequence[Fact]:
        if not action.target:
            return ()
        body = actions.decoded(raw.body)["action"]
        account = body.get("member")
        name = account.get("fullName") if isinstance(account, dict) else None
        actor = actions.actor(self.realm, action.target)
        shown = name if isinstance(name, str) else ""
        return (Joined(member=Member(actor=actor, name=shown[:200], address={"member": action.target})),)

    def _action(self, raw: Raw) -> Action:
        return actions.read(actions.decoded(raw.body).get("action"))


def is_answer(said: str) -> bool:
    """Tell whether what was said to us is an answer to a card, rather than a command."""
    word = said.split(maxsplit=1)[0].strip(":,.!").lower() if said.split() else ""
    return word in {"answer", "pass"}
