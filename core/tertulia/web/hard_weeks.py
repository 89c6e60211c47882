"""One page for admins: let the playful practices rest in hard weeks, and take that back."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from aiohttp import web

from tertulia.domain.walltime import instant, wall_time
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.services import hard_weeks
from tertulia.storage import hard_weeks as stored
from tertulia.storage import makeup, people
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

ADMINS = Access(kind="role", roles=frozenset({"owner", "admin"}), why="who runs the program decides what rests")
PATH = "/workspaces/{workspace}/hard-weeks"


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", PATH, show, ADMINS)
    register(app, "POST", PATH, change, ADMINS)


async def show(request: web.Request) -> web.Response:
    """Show what rests now, and the form."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Begin hard weeks, or end those that are named."""
    runtime, session, workspace = request.app[RUNTIME], request[SESSION], request.match_info["workspace"]
    form: Any = await request.post()
    where = (session.organization, workspace)
    try:
        async with runtime.database.write() as tx:
            if "end" in form:
                await hard_weeks.end(runtime, tx, *where, str(form["end"])[:32], actor=session.person)
            else:
                home = await people.workspace(tx, *where)
                await hard_weeks.begin(
                    runtime,
                    tx,
                    *where,
                    resumes=read_day(str(form.get("until", "")), home.zone if home else "UTC"),
                    team=str(form.get("team", "")).strip() or None,
                    word=str(form.get("word", "")).strip().replace("\r\n", "\n"),
                    actor=session.person,
                )
    except Mistake as mistake:
        return await _page(request, error=str(mistake), typed=form)
    return see_other(f"/workspaces/{workspace}/hard-weeks")


def read_day(text: str, zone: str) -> datetime:
    """Return the beginning of the day *text* (ISO) in *zone*; raises `Mistake` for what is no day."""
    try:
        return instant(datetime.combine(date.fromisoformat(text.strip()), time()), zone)
    except (ValueError, OverflowError):
        raise Mistake("The date is no day such as 2027-01-31; write the day on which all goes on.") from None


async def _page(request: web.Request, *, error: str | None = None, typed: Any = None) -> web.Response:
    runtime, session, workspace = request.app[RUNTIME], request[SESSION], request.match_info["workspace"]
    async with runtime.database.read() as tx:
        home = await people.workspace(tx, session.organization, workspace)
        teams = await makeup.teams(tx, session.organization, workspace)
        spans = await stored.history(tx, session.organization, workspace)
    now, zone = runtime.clock.now(), home.zone if home else "UTC"
    return pages.render(
        request,
        "hard_weeks.html",
        status=422 if error else 200,
        workspace=home,
        resting=[one for one in spans if not one.over(now)],
        earlier=[one for one in spans if one.over(now)],
        teams=teams,
        day=lambda at: f"{wall_time(at, zone):%Y-%m-%d}",
        error=error,
        typed=typed or {},
        longest=hard_weeks.LONGEST_WORD,
    )
