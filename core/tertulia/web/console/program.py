"""The program of a workspace: the document, what a change would do, every version, and the way back."""

from __future__ import annotations

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.services import previewing, programs
from tertulia.services.previewing import Preview
from tertulia.services.program_plan import Plan
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

PAGE = ABOVE + "/program"
LONGEST = 200_000
VERSIONS = 20


def attach(app: web.Application) -> None:
    """Add the program's page."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, change, RUNNING)


async def show(request: web.Request) -> web.Response:
    """Show the document in force, what comes next, and all versions."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Tell what a changed document would do, put it into force, or return to an older version."""
    form = await sent(request)
    text = form.get("document", "").replace("\r\n", "\n")[:LONGEST]
    try:
        match form.get("do"):
            case "plan":
                return await _page(request, text=text, planned=True)
            case "apply":
                done = await _apply(request, text, form.get("version", ""))
            case "return":
                done = await _return(request, form.get("to", ""))
            case _:
                raise Mistake("Nothing was chosen; press one of the buttons.")
    except Mistake as mistake:
        return await _page(request, text=text or None, error=str(mistake))
    return see_other(path_of(request, f"/program?done={done}"))


async def _apply(request: web.Request, text: str, version: str) -> str:
    """Put *text* into force; return what the page says then."""
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        newest = (await programs.history(tx, home.organization, home.id))[:1]
        current = newest[0].stored.program.version if newest else 0
        if version != str(current):
            raise Mistake(
                f"Somebody put version {current} into force meanwhile; look at what changes once more, then apply it."
            )
        whose = {"organization": home.organization, "workspace": home.id}
        program = await programs.apply(runtime, tx, **whose, text=text, actor=request[SESSION].person)
    return "same" if program.version == current else "applied"


async def _return(request: web.Request, to: str) -> str:
    if not to.isascii() or not to.isdigit() or len(to) > 9:
        raise Mistake("Choose the version to return to.")
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        whose = {"organization": home.organization, "workspace": home.id}
        await programs.apply_version(runtime, tx, **whose, version=int(to), actor=request[SESSION].person)
    return "returned"


async def _page(
    request: web.Request, *, text: str | None = None, planned: bool = False, error: str | None = None
) -> web.Response:
    runtime = request.app[RUNTIME]
    plan: Plan | None = None
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        versions = (await programs.history(tx, home.organization, home.id))[:VERSIONS]
        document = text if text is not None else versions[0].stored.document if versions else ""
        if document and error is None:
            try:
                plan = await programs.plan(runtime, tx, home.organization, home.id, document)
            except Mistake as mistake:
                error = str(mistake)
    return pages.render(
        request,
        "console/program.html",
        status=422 if error else 200,
        workspace=home,
        document=document,
        versions=versions,
        current=versions[0].stored.program.version if versions else 0,
        plan=plan,
        planned=planned,
        previews=_previews(request, home, plan) if plan and planned else (),
        changed={change.practice for change in plan.changes} if plan else set(),
        dumps=pages.dumps,
        done=request.query.get("done", ""),
        error=error,
    )


def _previews(request: web.Request, home: Workspace, plan: Plan) -> tuple[Preview, ...]:
    """Show how the practices would look, those that change first."""
    changed = {change.practice for change in plan.changes}
    found = previewing.preview(request.app[RUNTIME], home, plan.program)
    return tuple(sorted(found, key=lambda one: one.practice.key not in changed))
