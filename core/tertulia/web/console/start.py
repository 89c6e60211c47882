"""Where those who run a workspace begin: what needs attention, what runs, and what comes next."""

from __future__ import annotations

from aiohttp import web

from tertulia.extension import Access
from tertulia.services import agenda, doctor, proposals, recommending, rounds, second_person
from tertulia.services.doctor import Finding
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages, progress
from tertulia.web.access import register, roles_in
from tertulia.web.console.scope import ABOVE, RUNNING, SEEING, home_of
from tertulia.web.edge import see_other
from tertulia.web.state import ROLES, RUNTIME, SESSION

OWN = Access(kind="member", why="the workspaces in which the caller has a role")
SINGLE = (
    "There is one owner only, so nobody could approve who owns and administers; name a second one on the page Roles."
)
LATEST = 30
ENDED = frozenset({"closed", "released", "withheld", "cancelled", "planned"})


def attach(app: web.Application) -> None:
    """Add the first page of a workspace, and the one that leads there."""
    register(app, "GET", "/workspaces", which, OWN)
    register(app, "GET", ABOVE, show, SEEING)


async def which(request: web.Request) -> web.Response:
    """Lead to the workspace in which the caller has a role, or let choose among several."""
    session = request[SESSION]
    found = []
    async with request.app[RUNTIME].database.read() as tx:
        for one in await people.workspaces_of(tx, session.organization, session.person):
            home = await people.workspace(tx, session.organization, one)
            if home is not None and SEEING.roles & await roles_in(tx, session, one):
                found.append(home)
    if len(found) == 1:
        return see_other(f"/workspaces/{found[0].id}")
    return pages.render(request, "console/workspaces.html", found=found)


async def show(request: web.Request) -> web.Response:
    """Show what the caller's roles let them do something about."""
    runtime = request.app[RUNTIME]
    roles = request[ROLES]
    runs = bool(roles & RUNNING.roles)
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        findings = [one async for one in doctor.of_workspace(runtime, tx, home)] if runs else []
        waiting = sum(one.state == "open" for one in await recommending.listed(tx, home)) if runs else 0
        if runs and len(await second_person.owners(tx, home.organization, home.id)) == 1:
            findings.append(Finding("note", "roles", SINGLE))
        proposed = await proposals.waiting(tx, home.organization, home.id, runtime.clock.now()) if runs else []
        running = await _running(tx, home) if roles & progress.SEEING.roles else []
        ahead = await agenda.ahead(tx, home, runtime.clock.now()) if runs else ()
        program = await programs.current(tx, home.organization, home.id)
    return pages.render(
        request,
        "console/start.html",
        workspace=home,
        faults=_of("fault", findings),
        notes=_of("note", findings),
        waiting=waiting,
        proposed=len(proposed),
        running=running,
        ahead=ahead,
        runs=runs,
        titles={one.key: one.title for one in program.practices} if program is not None else {},
    )


def _of(level: str, findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.level == level]


async def _running(tx: Tx, home: Workspace) -> list[dict[str, object]]:
    found = []
    for row in await rounds.recent(tx, home.organization, home.id, LATEST):
        if row.state not in ENDED and (standing := await rounds.progress(tx, home.organization, row.id)) is not None:
            found.append(progress.shown(standing))
    return found
