"""The people of a workspace: who they are, where they can be written to, and their import from CSV.

Nothing that a person does, wants or declines is shown: no activity, no opt-outs, no groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.services import importing
from tertulia.services.importing import ImportPlan
from tertulia.storage import makeup, people
from tertulia.storage.makeup import Listed
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, note_reading
from tertulia.web.edge import failure
from tertulia.web.state import RUNTIME, SESSION
from tertulia.web.uploads import UPLOAD, Upload

PAGE = ABOVE + "/people"
AT_ONCE = 100
TOLD = 50
"""Changes and rejected lines of a file that the page lists; the counts are of all."""


def attach(app: web.Application) -> None:
    """Add the page of people."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, bring, RUNNING, files=True)


async def show(request: web.Request) -> web.Response:
    """List the members whose name, address, team or location holds what is looked for."""
    return await _page(request)


async def bring(request: web.Request) -> web.Response:
    """Tell what a file would change, and change it once the same file is sent to be imported."""
    upload = request.get(UPLOAD)
    if upload is None:
        return failure(request, 415)
    try:
        return await _bring(request, upload)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))


async def _bring(request: web.Request, upload: Upload) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    if upload.file is None:
        raise Mistake("The file is too large; divide it into several.")
    if not upload.file:
        raise Mistake("No file was chosen; choose a CSV file.")
    digest = hashlib.sha256(upload.file).hexdigest()
    if upload.texts.get("do") != "import" or upload.texts.get("seen") != digest:
        async with runtime.database.read() as tx:
            home = await home_of(request, tx)
            plan = await importing.plan(tx, home.organization, home.id, upload.file)
        unseen = upload.texts.get("do") == "import"
        return await _page(request, plan=plan, seen=digest, unseen=unseen)
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        whose = (home.organization, home.id)
        done = await importing.apply(runtime, tx, *whose, upload.file, actor=session.person)
    return await _page(request, plan=done, done=True)


async def _page(
    request: web.Request,
    *,
    plan: ImportPlan | None = None,
    seen: str = "",
    unseen: bool = False,
    done: bool = False,
    error: str | None = None,
) -> web.Response:
    sought = request.query.get("q", "").strip()[:100]
    start = request.query.get("from", "")
    first = int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0
    await note_reading(request, "people.read", {"from": first, "sought": bool(sought)})
    # of one moment: whoever is erased meanwhile is either listed and known, or neither
    async with request.app[RUNTIME].database.snapshot() as tx:
        home = await home_of(request, tx)
        found = matching(await makeup.listed(tx, home.organization, home.id), sought)
        shown = [one.id for one in found[first : first + AT_ONCE]]
        known = await people.persons(tx, home.organization, shown)
        listed = [known[one] for one in shown]
        accounts = await people.identities(tx, home.organization, [one.id for one in listed])
    return pages.render(
        request,
        "console/people.html",
        status=422 if error else 200,
        workspace=home,
        listed=listed,
        accounts={key: sorted({one.actor.platform for one in some}) for key, some in accounts.items()},
        count=len(found),
        first=first,
        more=first + AT_ONCE if first + AT_ONCE < len(found) else None,
        sought=sought,
        plan=plan,
        seen=seen,
        unseen=unseen,
        done=done,
        told=TOLD,
        columns=importing.COLUMNS,
        error=error,
    )


def matching(members: Sequence[Listed], sought: str) -> list[Listed]:
    """Return by name the members whose name, address, team or location holds what is *sought*."""
    wanted = sought.casefold()
    ordered = sorted(members, key=lambda one: (one.name.casefold(), one.id))
    return [one for one in ordered if not wanted or any(wanted in (text or "").casefold() for text in _texts(one))]


def _texts(one: Listed) -> tuple[str | None, ...]:
    return one.name, one.email, one.team, one.location
