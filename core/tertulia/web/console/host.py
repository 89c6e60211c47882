"""The page of a workspace's hosts: what they can lead now, what runs, what comes next, and guides for it.

It tells counts of a round that is held live, as a host's panel does, and nothing of any person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.walltime import wall_time
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.live import Counts
from tertulia.rituals import guides
from tertulia.services import agenda, live_board, live_counts, live_sessions
from tertulia.services.live import WorkspaceLive
from tertulia.services.live_who import SignedIn
from tertulia.storage import programs, tables
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.live import HERE, PLATFORM
from tertulia.web.state import RUNTIME, SESSION

HOSTING = Access(
    kind="role",
    roles=frozenset({"host", "admin", "owner"}),
    why="hosts lead rounds live; whoever runs the program may as well",
)
PAGE = ABOVE + "/host"


@dataclass(frozen=True, kw_only=True)
class Running:
    """Hold a session that runs; *played* ones are led on a page of ours, others where they are held."""

    session: Id
    title: str
    counts: Counts
    played: bool
    platform: str
    kind: str


def attach(app: web.Application) -> None:
    """Add the page of hosts."""
    register(app, "GET", PAGE, show, HOSTING)
    register(app, "POST", PAGE, act, HOSTING)


async def show(request: web.Request) -> web.Response:
    """Show what can be led, what runs, and what comes next."""
    return await _page(request)


async def act(request: web.Request) -> web.Response:
    """Open the lobby of a practice that is led on our pages, or end a session that runs."""
    form = await sent(request)
    who = SignedIn(request[SESSION].person)
    live = _live(request)
    try:
        match form.get("do"):
            case "start":
                await _check_played(request, live, form.get("what", ""))
                return see_other(f"/my/live/{await live.start(HERE, who, form['what'], {})}")
            case "end":
                await live.end(form.get("what", "")[:32], who)
            case _:
                raise Mistake("Nothing was chosen; press one of the buttons.")
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    except Refused as refusal:
        if refusal.status != 409:
            raise
        # somebody else was faster: the page shows how it stands
    return see_other(path_of(request, "/host"))


def _live(request: web.Request) -> WorkspaceLive:
    runtime, organization = request.app[RUNTIME], request[SESSION].organization
    return WorkspaceLive(runtime, organization=organization, workspace=request.match_info["workspace"])


async def _check_played(request: web.Request, live: WorkspaceLive, practice: str) -> None:
    rituals = request.app[RUNTIME].plugins
    known = {one.practice for one in await live.offers() if live_board.is_played(rituals.ritual(one.kind))}
    if practice not in known:
        raise Mistake("That is led in the meeting or channel itself; start it there.")


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime = request.app[RUNTIME]
    offers = await _live(request).offers()
    played = {one.practice for one in offers if live_board.is_played(runtime.plugins.ritual(one.kind))}
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        program = await programs.current(tx, home.organization, home.id)
        titles = {one.key: one.title for one in program.practices} if program else {}
        running = await _running(request, tx, home, titles)
        ahead = await agenda.ahead(tx, home, runtime.clock.now())

    def local(at: datetime) -> str:
        return f"{wall_time(at, home.zone):%A, %Y-%m-%d %H:%M}"

    return pages.render(
        request,
        "console/host.html",
        status=422 if error else 200,
        workspace=home,
        running=running,
        offers=[one for one in offers if one.practice in played],
        elsewhere=[one for one in offers if one.practice not in played],
        ahead=[(titles.get(one.practice, one.practice), local(one.utc), one.practice in played) for one in ahead],
        guides=guides.every(),
        here=PLATFORM,
        error=error,
    )


async def _running(request: web.Request, tx: Tx, home: Workspace, titles: dict[str, str]) -> list[Running]:
    runtime, place = request.app[RUNTIME], tables.place
    found = []
    for held in await live_sessions.held(tx, home.organization, home.id):
        query = sa.select(place.c.platform, place.c.kind).filter_by(
            organization_id=home.organization, id=held.session.place
        )
        where = (await tx.execute(query)).one_or_none()
        found.append(
            Running(
                session=held.session.id,
                title=titles.get(held.practice, held.practice),
                counts=await live_counts.read(runtime, tx, held.session),
                played=live_board.is_played(runtime.plugins.ritual(held.kind)),
                # a place goes with the program that named it
                platform=where.platform if where else PLATFORM,
                kind=where.kind if where else "",
            )
        )
    return found
