"""A member's own sessions: which browsers are signed in, since when, and a way to end them; nobody else sees them.

Their tokens of the API are with them, because a token lets somebody in as a session does.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.extension import Access
from tertulia.services import own_sessions, tokens
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
        made = await tokens.own(tx, *whose, request.app[WALL].now())
        accounts = (await people.identities(tx, session.organization, [session.person])).get(session.person, [])
    zone = person.zone if person else "UTC"
    return pages.render(
        request,
        "my_sessions.html",
        sessions=found,
        links=links,
        tokens=made,
        local=lambda at: f"{wall_time(at, zone):%Y-%m-%d %H:%M}",
        entra=entra.offered(request),
        connected=any(one.actor.platform == PLATFORM for one in accounts),
    )


async def end(request: web.Request) -> web.Response:
    """End one session, the others, or all with all tokens, or revoke one token; only what is the caller's own."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    whose = (session.organization, session.person)
    form: Any = await request.post()
    what, now = str(form.get("end", "")), request.app[WALL].now()
    async with runtime.database.write() as tx:
        if "revoke" in form:
            await tokens.revoke_own(runtime, tx, *whose, now, token=str(form["revoke"]))
        elif what in ("all", "others"):
            await own_sessions.end_all(tx, *whose, but=session.digest if what == "others" else None)
            if what == "all":
                await tokens.revoke_own(runtime, tx, *whose, now)
        else:
            await own_sessions.end(tx, *whose, what[:32])
        gone = await sessions.load(runtime, tx, request, now) is None
    answer = see_other("/" if gone else PAGE)
    if gone:
        sessions.clear_cookie(runtime.config, answer)
    return answer
