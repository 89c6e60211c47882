"""How often I took part of late, and how often in a row: for nobody else."""

from __future__ import annotations

from aiohttp import web

from tertulia.extension import Access
from tertulia.services import streaks
from tertulia.storage import people
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own participation, with a fresh code")


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", "/my/participation", show, OWN)


async def show(request: web.Request) -> web.Response:
    """Show the member's own participation."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        if person is None:
            raise web.HTTPNotFound
        found = await streaks.own(runtime, tx, person)
    language = person.languages[0] if person.languages else "en"
    return pages.render(request, "participation.html", language=language, streaks=found)
