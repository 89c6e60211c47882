"""Who takes part: actors on platforms, persons behind them, places they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from tertulia.domain.identifiers import Id, Json

WorkerType = Literal["employee", "freelancer", "contractor"]
Role = Literal["owner", "admin", "host", "analyst", "responder"]
PlaceKind = Literal["channel", "meeting", "board", "chat"]


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Name an account on one platform as that platform itself names it.

    *realm* is the platform's tenant (Teams tenant, Zoom account, Trello workspace), *user* its id there.
    """

    platform: str
    realm: str
    user: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Name a shared place on a platform; *ref* is opaque to the core."""

    platform: str
    ref: str
    kind: PlaceKind


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Address one person on one platform; *address* is what `Inbox.reachable` last said, opaque to the core."""

    ref: Id
    address: Json
    language: str
    zone: str


@dataclass(frozen=True, kw_only=True)
class Member:
    """Describe an account that a platform's directory lists.

    *email* is only what the directory's own API returned; it is used to link the account to a person where the
    organization declared the e-mail's domain. *zone* and *language* are `None` where the platform does not say.
    """

    actor: Actor
    name: str
    email: str | None = None
    directory_id: str | None = None
    zone: str | None = None
    language: str | None = None
    worker_type: WorkerType | None = None
    team: str | None = None
    location: str | None = None
    address: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Hold what the core knows of a person: how to write to them, and when not to.

    Working and quiet hours are local wall time; quiet hours may span midnight. *languages* are BCP 47 tags, best
    first. *message_budget* is messages per own ISO week, `None` for the workspace's default.
    """

    id: Id
    organization: Id
    name: str
    email: str | None = None
    zone: str = "UTC"
    languages: tuple[str, ...] = ("en",)
    worker_type: WorkerType = "employee"
    team: str | None = None
    location: str | None = None
    work_start: time = time(9)
    work_end: time = time(17)
    quiet_start: time = time(20)
    quiet_end: time = time(8)
    message_budget: int | None = None
    preferred_channel: str | None = None
    snoozed_until: datetime | None = None
    erased: bool = False
