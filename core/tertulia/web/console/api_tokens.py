"""Tokens of the JSON API: made, shown once, revoked; who made which is in the log.

A token outlives the session in which it is made, so making one takes a sign-in of a short while ago.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.services import tokens
from tertulia.storage import people
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of
from tertulia.web.edge import see_other
from tertulia.web.state import ROLES, RUNTIME, SESSION, WALL

PAGE = ABOVE + "/tokens"
DAYS = (7, 30, 90, 365)


def attach(app: web.Application) -> None:
    """Add the page of tokens."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, change, RUNNING)


async def show(request: web.Request) -> web.Response:
    """List the tokens, and offer to make one."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Make a token and show it this once, or revoke one."""
    form: Any = await request.post()
    try:
        match form.get("do"):
            case "make":
                return await _page(request, made=await _make(request, form))
            case "revoke":
                await _revoke(request, str(form.get("token", "")))
            case _:
                raise Mistake("Nothing was chosen; press one of the buttons.")
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(path_of(request, "/tokens"))


async def _make(request: web.Request, form: Any) -> str:
    if not _fresh(request):
        raise Mistake("Sign in again before you make a token, because it goes on working when you are signed out.")
    runtime, person, days = request.app[RUNTIME], request[SESSION].person, str(form.get("days", ""))
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        _, text = await tokens.create(
            runtime,
            tx,
            organization=home.organization,
            workspace=home.id,
            person=person,
            name=str(form.get("name", "")),
            scopes=[str(one) for one in form.getall("scope", [])],
            days=int(days) if days in map(str, DAYS) else 0,
            now=request.app[WALL].now(),
            actor=person,
        )
    return text


def _fresh(request: web.Request) -> bool:
    return bool(request[SESSION].fresh(request.app[WALL].now()))


async def _revoke(request: web.Request, token: str) -> None:
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        whose: Any = {"organization": home.organization, "workspace": home.id, "actor": request[SESSION].person}
        await tokens.revoke(runtime, tx, **whose, token=token, now=request.app[WALL].now())


async def _page(request: web.Request, *, made: str | None = None, error: str | None = None) -> web.Response:
    async with request.app[RUNTIME].database.read() as tx:
        home = await home_of(request, tx)
        known = await tokens.listed(tx, home.organization, home.id)
        makers = await people.persons(tx, home.organization, {one.person for one in known})
    owner = "owner" in request[ROLES]
    return pages.render(
        request,
        "console/tokens.html",
        status=422 if error else 200,
        workspace=home,
        tokens=known,
        makers={key: one.name for key, one in makers.items()},
        now=request.app[WALL].now(),
        scopes={one: words for one, words in tokens.SCOPES.items() if owner or one != "read:audit"},
        days=DAYS,
        fresh=_fresh(request),
        made=made,
        error=error,
    )
