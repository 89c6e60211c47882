"""Who may see the console, and the workspace that a page is about."""

from __future__ import annotations

from aiohttp import web

from tertulia.domain.identifiers import Json
from tertulia.extension import Access
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web.state import RUNTIME, SESSION

ABOVE = "/workspaces/{workspace}"
RUNNING = Access(
    kind="role",
    roles=frozenset({"owner", "admin"}),
    why="who runs the program changes it, its plugins and their settings",
)
SEEING = Access(
    kind="role",
    roles=frozenset({"owner", "admin", "host", "analyst", "responder"}),
    why="whoever has a role in the workspace starts here; each sees what the role opens",
)


async def home_of(request: web.Request, tx: Tx) -> Workspace:
    """Return the workspace of the page; whoever may not see it was turned away by its access already."""
    home = await people.workspace(tx, request[SESSION].organization, request.match_info["workspace"])
    if home is None:
        raise web.HTTPNotFound
    return home


async def zone_of(request: web.Request, tx: Tx) -> str:
    """Return the time zone of whoever reads the page."""
    reader = await people.person(tx, request[SESSION].organization, request[SESSION].person)
    return reader.zone if reader is not None else "UTC"


async def note_reading(request: web.Request, verb: str, detail: Json) -> None:
    """Enter into the log that somebody reads what names people, before it is shown."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.write() as tx:
        await audit.record(
            tx,
            runtime.vault,
            organization=session.organization,
            at=runtime.clock.now(),
            actor=session.person,
            verb=verb,
            subject=request.match_info["workspace"],
            detail=detail,
        )


async def sent(request: web.Request) -> dict[str, str]:
    """Return the texts of the form that was sent."""
    form = await request.post()
    return {name: value for name, value in form.items() if isinstance(value, str)}


def path_of(request: web.Request, below: str = "") -> str:
    """Return the path of a page of the same workspace."""
    return ABOVE.format(workspace=request.match_info["workspace"]) + below


def public_url(request: web.Request) -> str:
    """Return where people reach this service."""
    return request.app[RUNTIME].config.public_url
