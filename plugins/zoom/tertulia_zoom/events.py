"""Reduce what Zoom posts of meetings and users to what is needed: no name, no e-mail, no topic."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal, TypeAlias

from tertulia import Json, Refused
from tertulia_zoom.attendance import Stay

What: TypeAlias = Literal["started", "ended", "joined", "left", "entered", "exited"]
MEETING: Mapping[str, What] = {
    "meeting.started": "started",
    "meeting.ended": "ended",
    "meeting.participant_joined": "joined",
    "meeting.participant_left": "left",
    "meeting.participant_joined_breakout_room": "entered",
    "meeting.participant_left_breakout_room": "exited",
}
TIME: Mapping[What, str] = {
    "started": "start_time",
    "ended": "end_time",
    "joined": "join_time",
    "left": "leave_time",
    "entered": "join_time",
    "exited": "leave_time",
}


@dataclass(frozen=True, kw_only=True)
class MeetingEvent:
    """Hold what happened in an instance of a meeting; the texts are empty where the event does not say."""

    what: What
    number: str
    uuid: str
    at: datetime
    user: str = ""
    session: str = ""
    device: str = ""
    room: str = ""

    def kept(self) -> Json:
        """Return it as JSON."""
        texts = {"user": self.user, "session": self.session, "device": self.device, "room": self.room}
        told = {name: text for name, text in texts.items() if text}
        return {"what": self.what, "number": self.number, "uuid": self.uuid, "at": self.at.isoformat(), **told}

    @classmethod
    def again(cls, kept: Mapping[str, Any]) -> MeetingEvent:
        """Read what `kept` wrote."""
        return cls(**{**kept, "at": datetime.fromisoformat(kept["at"])})


def read_meeting(body: Mapping[str, Any]) -> MeetingEvent | None:
    """Read an event of a meeting; `None` for one of another kind, `Refused` for one that says too little."""
    what = MEETING.get(str(body.get("event")))
    if what is None:
        return None
    found = _table(_table(body.get("payload")).get("object"))
    person = _table(found.get("participant")) if what not in ("started", "ended") else {}
    at = instant((person or found).get(TIME[what]))
    if at is None and isinstance(body.get("event_ts"), int):
        at = _stamped(body["event_ts"])
    uuid = found.get("uuid")
    if at is None or not isinstance(uuid, str) or not uuid or len(uuid) > 100:
        raise Refused("the event does not say when, or of what", 400)
    return MeetingEvent(
        what=what,
        number=_text(found.get("id")),
        uuid=uuid,
        at=at,
        user=_text(person.get("participant_user_id")) or _text(person.get("id")),
        session=_text(person.get("user_id")),
        device=_text(person.get("participant_uuid")),
        room=_text(found.get("breakout_room_uuid")),
    )


def account_of(body: Mapping[str, Any]) -> str:
    """Return the account that an event is of."""
    return _text(_table(body.get("payload")).get("account_id"))


def user_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the user that an event is about."""
    return _table(_table(body.get("payload")).get("object"))


def guest(uuid: str, one: str) -> str:
    """Stand for somebody without an account in one instance; it leads to nobody, and to no other instance."""
    return "guest:" + hashlib.sha256(f"{uuid}\x1f{one}".encode()).hexdigest()[:24]


def told_stays(events: Sequence[MeetingEvent]) -> list[Stay]:
    """Put the events of one instance together; one that ends at nothing is open, unless its device came back."""
    stays = [*_spans(events, "joined", "left"), *_spans(events, "entered", "exited")]
    return sorted(stays, key=lambda stay: (stay.joined, stay.session, stay.room or ""))


def reported_stays(uuid: str, rows: Iterable[Mapping[str, Any]], events: Sequence[MeetingEvent]) -> list[Stay]:
    """Read the rows of a report; a guest's device, which reports leave out, is taken from the events."""
    devices = {event.session: event.device for event in events if event.session and event.device}
    stays = []
    for row in rows:
        joined, left = instant(row.get("join_time")), instant(row.get("leave_time"))
        session = _text(row.get("user_id"))
        if joined is None or row.get("status") == "in_waiting_room":
            continue
        known = devices.get(session) or _text(row.get("registrant_id")) or session
        who = _text(row.get("participant_user_id")) or _text(row.get("id")) or guest(uuid, known)
        room = _text(row.get("bo_mtg_id")) or None
        stays.append(Stay(who=who, session=session, joined=joined, left=left, room=room))
    return stays


def instant(value: object) -> datetime | None:
    """Read a time as Zoom writes it; one without a zone is in UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _spans(events: Sequence[MeetingEvent], begins: What, ends: What) -> list[Stay]:
    """Pair beginnings with ends of the same connection; repeated events change nothing."""
    wanted = {event for event in events if event.what in (begins, ends)}
    stays = []
    for (session, _), mine in _grouped(wanted).items():
        opened: MeetingEvent | None = None
        for event in _in_order(mine, begins):
            if opened is not None:
                stays.append(_stay(opened, session, event.at))
            opened = event if event.what == begins else None
        if opened is not None:
            stays.append(_stay(opened, session, _came_back(opened, wanted, begins)))
    return stays


def _in_order(events: Iterable[MeetingEvent], begins: What) -> Iterator[MeetingEvent]:
    """Yield events by their time, which is in seconds: an end comes first where something was open."""
    is_open = False
    for _, moment in groupby(sorted(events, key=lambda one: one.at), key=lambda one: one.at):
        both = sorted(moment, key=lambda one: (one.what == begins) == is_open)
        yield from both
        is_open = both[-1].what == begins


def _grouped(events: Iterable[MeetingEvent]) -> dict[tuple[str, str], list[MeetingEvent]]:
    groups: dict[tuple[str, str], list[MeetingEvent]] = {}
    for event in events:
        groups.setdefault((event.session, event.room), []).append(event)
    return groups


def _came_back(opened: MeetingEvent, events: Iterable[MeetingEvent], begins: What) -> datetime | None:
    """Return when the same device began anew: the connection before it was over by then."""
    if not opened.device:
        return None
    later = [one.at for one in events if one.what == begins and one.device == opened.device and one.at > opened.at]
    return min(later, default=None)


def _stay(opened: MeetingEvent, session: str, left: datetime | None) -> Stay:
    who = opened.user or guest(opened.uuid, opened.device or session)
    return Stay(who=who, session=session, joined=opened.at, left=left, room=opened.room or None)


def _stamped(stamp: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: object) -> str:
    found = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return found if len(found) <= 200 else ""


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
