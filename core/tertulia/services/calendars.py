"""Calendar files (RFC 5545) of the times that a round proposes to one person."""

from __future__ import annotations

from urllib.parse import urlsplit

from icalendar import Calendar, Event

from tertulia.domain.identifiers import Id
from tertulia.kinds import Engagement, Scheduled
from tertulia.runtime import Runtime
from tertulia.services import shares
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx

PRODUCT = "-//Tertulia//Tertulia//EN"


async def engagements(
    runtime: Runtime, tx: Tx, round_: RoundRow, person: Id, language: str
) -> tuple[Engagement, ...]:
    """Return what *person* may put into a calendar; nothing where the round's kind has no times."""
    kind = runtime.plugins.ritual(round_.kind)
    share = await shares.share_of(runtime, tx, round_, kind, person)
    if share is None or not isinstance(kind, Scheduled):
        return ()
    return tuple(kind.engagements(round_.content, share, language))


def write(runtime: Runtime, found: tuple[Engagement, ...]) -> bytes:
    """Write a calendar file; an entry that changes keeps its UID, so a later file replaces the earlier one's."""
    now = runtime.clock.now()
    host = urlsplit(runtime.config.public_url).hostname or "tertulia"
    file = Calendar()
    file.add("prodid", PRODUCT)
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    for one in found:
        entry = Event()
        entry.add("uid", f"{one.key}@{host}")
        entry.add("dtstamp", now)
        # a later file has the higher number, whoever makes it
        entry.add("sequence", int(now.timestamp()) // 60)
        entry.add("dtstart", one.starts)
        entry.add("dtend", one.ends)
        entry.add("summary", one.title)
        entry.add("status", one.status.upper())
        if one.description:
            entry.add("description", one.description)
        file.add_component(entry)
    return bytes(file.to_ical())
