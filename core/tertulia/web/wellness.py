"""Sessions to sign up for, and a minute to breathe that nobody counts."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.extension import Access
from tertulia.services import wellness
from tertulia.storage import people
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="where the member stands, with a fresh code")
ANYBODY = Access(kind="public", why="shows an exercise: it knows nobody, and keeps and counts nothing")


@dataclass(frozen=True, kw_only=True)
class Way:
    """Describe a way to breathe: *steps* of so many seconds, *times* over; *key* names its style."""

    key: str
    steps: tuple[tuple[str, int], ...]
    times: int


WAYS = (
    Way(key="calm", steps=(("in", 4), ("out", 6)), times=6),
    Way(key="square", steps=(("in", 4), ("hold", 4), ("out", 4), ("hold", 4)), times=4),
    Way(key="sigh", steps=(("in", 2), ("more", 1), ("out", 6)), times=7),
)


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", "/my/wellness", show, OWN)
    register(app, "GET", "/my/breathe", breathe, ANYBODY)


async def breathe(request: web.Request) -> web.Response:
    """Show a way to breathe; a small script leads through it, and the page is complete without."""
    way = next((one for one in WAYS if one.key == request.query.get("way")), WAYS[0])
    return pages.render(request, "breathe.html", way=way, ways=WAYS)


async def show(request: web.Request) -> web.Response:
    """Show the sessions of the member's workspaces."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        if person is None:
            raise web.HTTPNotFound
        listed = await wellness.catalogue(runtime, tx, person)
        nudges = await wellness.nudges(tx, person)
    zone = person.zone
    return pages.render(
        request,
        "wellness.html",
        language=person.languages[0] if person.languages else "en",
        listed=listed,
        nudges=nudges,
        zone=zone,
        local=lambda at: f"{wall_time(at, zone):%A, %d %B, %H:%M}",
    )
