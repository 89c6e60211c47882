"""A member's own sessions: which browsers are signed in, since when, and a way to end them; nobody else sees them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.extension import Access
from tertulia.services import own_sessions
from tertulia.services.entra.accounts import PLATFORM
from tertulia.storage import people
from tertulia.web import entra, pages, sessions
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION, WALL

OWN = Access(kind="member", why="the caller's own sessions, with a fresh code")
PAGE = "/my/sessions"


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", PAGE, show, OWN)
    register(app, "POST", PAGE, end, OWN)


async def show(request: web.Request) -> web.Response:
    """List the browsers in which the caller is signed in."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    whose = (session.organization, session.person)
    async with runtime.database.read() as tx:
        person = await people.person(tx, *whose)
        found = await own_sessions.listed(tx, *whose, request.app[WALL].now(), here=session.digest)
        links = await own_sessions.linked(tx, *whose, runtime.clock.now())
        accounts = (await people.identities(tx, session.organization, [session.person])).get(session.person, [])
    zone = person.zone if person else "UTC"
    return pages.render(
        request,
        "my_sessions.html",
        sessions=found,
        links=links,
        local=lambda at: f"{wall_time(at, zone):%Y-%m-%d %H:%M}",
        entra=entra.offered(request),
        connected=any(one.actor.platform == PLATFORM for one in accounts),
    )


async def end(request: web.Request) -> web.Response:
    """End one session, the others, or all of them; what is not the caller's own is left alone."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    whose = (session.organization, session.person)
    form: Any = await request.post()
    what = str(form.get("end", ""))
    async with runtime.database.write() as tx:
        if what in ("all", "others"):
            await own_sessions.end_all(tx, *whose, but=session.digest if what == "others" else None)
        else:
            await own_sessions.end(tx, *whose, what[:32])
        gone = await sessions.load(runtime, tx, request, request.app[WALL].now()) is None
    answer = see_other("/" if gone else PAGE)
    if gone:
        sessions.clear_cookie(runtime.config, answer)
    return answer
