"""An invented Zoom account, in memory: users, meetings, their instances, and who was in them."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tertulia_zoom.stand_in.chat import ChatState
from tertulia_zoom.stand_in.operations import Body, Failed
from tertulia_zoom.stand_in.poll_state import PollState

GOOD_FOR = 900.0
"""Seconds for which a page's token is good."""


@dataclass
class Stay:
    """Hold one connection of somebody to an instance; *user* is empty for a guest, *left* while it lasts."""

    session: str
    device: str
    user: str
    name: str
    email: str
    joined: datetime
    left: datetime | None = None
    room: str | None = None


@dataclass
class Instance:
    """Hold one occurrence of a meeting."""

    uuid: str
    number: str
    started: datetime
    ended: datetime | None = None
    stays: list[Stay] = field(default_factory=list)


@dataclass(frozen=True)
class _Page:
    start: int
    until: float


@dataclass
class Town:
    """Hold the account; *now* is its clock, *seed* makes its ids."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seed: int = 7
    account: str = "AbCdEfGhIjKlMnOpQr"
    users: dict[str, Body] = field(default_factory=dict)
    meetings: dict[str, Body] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    chat: ChatState = field(default_factory=ChatState)
    poll: PollState = field(default_factory=PollState)
    counter: itertools.count[int] = field(default_factory=lambda: itertools.count(16_778_240, 1024))

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._pages: dict[str, _Page] = {}

    def text(self, size: int) -> str:
        """Invent *size* bytes and write them as Zoom writes ids."""
        return base64.urlsafe_b64encode(self._random.randbytes(size)).decode().rstrip("=").replace("-", "A")

    def uuid(self, beginning: str = "") -> str:
        """Invent the UUID of an instance, base64 with slashes and all."""
        raw = base64.b64encode(self._random.randbytes(16)).decode()
        return beginning + raw[len(beginning) :]

    def add_user(self, name: str, email: str, *, zone: str = "Europe/Lisbon", kind: int = 2) -> str:
        """Add a user and return the id; *kind* 1 is basic, 2 licensed."""
        user = self.text(16)
        first, _, last = name.partition(" ")
        self.users[user] = {
            "id": user,
            "first_name": first,
            "last_name": last,
            "display_name": name,
            "email": email,
            "type": kind,
            "timezone": zone,
            "language": "en-US",
            "dept": "",
            "status": "active",
            "verified": 1,
            "pmi": self._random.randrange(10**9, 10**10),
            "created_at": "2026-01-02T09:00:00Z",
        }
        return user

    def add_meeting(self, host: str, topic: str, **more: object) -> str:
        """Schedule a meeting and return its number."""
        number = str(self._random.randrange(8 * 10**10, 9 * 10**10))
        kept: Body = {"type": 8, "duration": 60, "timezone": "UTC", "settings": {}, "agenda": ""}
        self.meetings[number] = kept | {
            "id": int(number),
            "uuid": self.uuid(),
            "host_id": host,
            "host_email": self.users[host]["email"] if host in self.users else "",
            "topic": topic,
            "status": "waiting",
            "start_time": written(self.now()),
            "created_at": written(self.now()),
            "join_url": f"https://example.zoom.us/j/{number}",
            "start_url": f"https://example.zoom.us/s/{number}",
            **more,
        }
        return number

    def latest(self, meeting: str) -> Instance:
        """Return an instance by its UUID, or the last one of a number."""
        if meeting in self.instances:
            return self.instances[meeting]
        ended = [one for one in self.instances.values() if one.number == meeting and one.ended is not None]
        if not ended:
            raise Failed(404, 3001, f"Meeting does not exist: {meeting}.")
        return max(ended, key=lambda one: one.started)

    def page_token(self, start: int) -> str:
        """Return a token that stands for a page, good for 15 minutes."""
        token = self.text(20)
        self._pages[token] = _Page(start, self.now().timestamp() + GOOD_FOR)
        return token

    def page_start(self, token: str) -> int:
        """Return where the page of a token starts."""
        if not token:
            return 0
        page = self._pages.get(token)
        if page is None or page.until < self.now().timestamp():
            raise Failed(400, 300, "The next page token is invalid or expired.")
        return page.start


def written(instant: datetime) -> str:
    """Write an instant as Zoom does."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
