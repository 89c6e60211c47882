"""Put ids into paths: nothing that came from outside decides which operation is called."""

from __future__ import annotations

import re
from urllib.parse import quote

from tertulia import Unreachable

PLAIN = re.compile(r"[A-Za-z0-9_@.+=-]{1,200}")
"""What ids of users, polls, messages and meetings are made of."""
UUID = re.compile(r"[A-Za-z0-9+/=_-]{8,100}")
"""A meeting's UUID is base64, slashes included."""
NUMBER = re.compile(r"[0-9]{1,20}")


class Gone(Unreachable):
    """Tell that it is not there, or not any more."""


def plain(value: str) -> str:
    """Return an id as one path segment; raises `Gone` for what cannot be an id."""
    if not PLAIN.fullmatch(value) or not value.strip("."):
        raise Gone("that cannot be an id of Zoom's")
    return quote(value, safe="@")


def meeting(value: str) -> str:
    """Return a meeting's number or UUID as one path segment.

    UUIDs are always encoded twice: Zoom asks for it where one begins with a slash or holds two in a row, and takes
    it everywhere (`contracts/zoom`, operation pastMeetingDetails).
    """
    if NUMBER.fullmatch(value):
        return value
    if not UUID.fullmatch(value):
        raise Gone("that cannot be a meeting of Zoom's")
    return quote(quote(value, safe=""), safe="")


def path(template: str, *ids: str) -> str:
    """Fill *template*, such as `/past_meetings/{meetingId}/polls`, with ids in their order."""
    left = list(ids)

    def fill(found: re.Match[str]) -> str:
        value = left.pop(0)
        return meeting(value) if found[1].lower() in MEETING else plain(value)

    filled = re.sub(r"\{(\w+)\}", fill, template)
    if left:
        raise ValueError(f"{template} takes fewer ids than were given")
    return filled


MEETING = frozenset({"meetingid", "meetinguuid"})
