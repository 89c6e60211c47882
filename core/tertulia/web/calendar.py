"""The calendar file behind a personal link."""

from __future__ import annotations

from aiohttp import web

from tertulia.extension import Access
from tertulia.services import calendars, rounds
from tertulia.storage import people
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="link", why="one person's times in one round")


def attach(app: web.Application) -> None:
    """Add the file."""
    register(app, "GET", "/answer/{round}/calendar.ics", download, OWN)


async def download(request: web.Request) -> web.StreamResponse:
    """Hand over the person's times as a file; where there are none, go back to the question."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, request.match_info["round"], session.organization)
        person = await people.person(tx, session.organization, session.person)
        if round_ is None or person is None:
            raise web.HTTPNotFound
        language = person.languages[0] if person.languages else "en"
        found = await calendars.engagements(runtime, tx, round_, person.id, language)
    if not found:
        return see_other(f"/answer/{request.match_info['round']}")
    return web.Response(
        body=calendars.write(runtime, found),
        content_type="text/calendar",
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="calendar.ics"'},
    )
