"""Exports: the cells of the pages as CSV and Parquet; what names people only by two, once."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.services import exports, handing_over, second_person, tabular
from tertulia.services.exports import Export
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.buckets import Buckets
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import failure, see_other
from tertulia.web.state import ROLES, RUNTIME, SESSION

PAGE = ABOVE + "/exports"
SEEING = Access(kind="role", roles=frozenset(exports.SEEING), why="who reads published cells takes them along")
TAKEN: web.AppKey[Buckets] = web.AppKey("exports", Buckets)
MOST, SECONDS = 30, 600.0
IN_MEMORY = 8 * 1024 * 1024
"""What is larger goes through a file without a name, which nobody else can open."""
CHUNK = 256 * 1024


def attach(app: web.Application) -> None:
    """Add the page of exports, and what it hands over."""
    app[TAKEN] = Buckets(MOST, SECONDS)
    register(app, "GET", PAGE, show, SEEING)
    register(app, "GET", PAGE + "/file", published, SEEING)
    register(app, "POST", PAGE, propose, RUNNING)
    register(app, "POST", PAGE + "/taken", taken, RUNNING)


async def show(request: web.Request) -> web.Response:
    """List what can be exported, what waits for approval and what waits to be downloaded."""
    return await _page(request)


async def published(request: web.Request) -> web.StreamResponse:
    """Hand over published cells; it is entered into the log."""
    runtime, person = request.app[RUNTIME], request[SESSION].person
    one, form = exports.find(request.query.get("of", "")), tabular.check(request.query.get("format", ""))
    if one.named:
        raise Mistake("This names people: propose it on the page Exports, so that a second person agrees.")
    if not request.app[TAKEN].take(person):
        return failure(request, 429)
    async with _written(request, one, form) as (home, rows, file):
        async with runtime.database.write() as tx:
            detail: dict[str, object] = {"of": one.key, "form": form, "rows": rows}
            await handing_over.note(runtime, tx, home, person, "export.read", detail)
        return await _send(request, one, form, file)


async def propose(request: web.Request) -> web.Response:
    """Propose an export that names people."""
    form = await sent(request)
    detail = {"of": form.get("of", "")[:20], "form": form.get("format", "")[:20]}
    try:
        tabular.check(detail["form"])
        async with request.app[RUNTIME].database.write() as tx:
            home = await home_of(request, tx)
            where: Any = {"organization": home.organization, "workspace": home.id, "by": request[SESSION].person}
            await second_person.propose(request.app[RUNTIME], tx, **where, what="export", detail=detail)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(path_of(request, "/proposals"))


async def taken(request: web.Request) -> web.StreamResponse:
    """Hand over an export that was approved, once; it is entered into the log."""
    runtime, person = request.app[RUNTIME], request[SESSION].person
    identifier = (await sent(request)).get("id", "")[:32]
    try:
        async with runtime.database.read() as tx:
            home = await home_of(request, tx)
            found = await handing_over.due(tx, home, identifier, person, runtime.clock.now())
        one, form = exports.find(str(found.detail["of"])), tabular.check(str(found.detail["form"]))
        async with _written(request, one, form) as (home, rows, file):
            async with runtime.database.write() as tx:
                await handing_over.take(runtime, tx, home, identifier, person, rows)
            return await _send(request, one, form, file)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))


@asynccontextmanager
async def _written(
    request: web.Request, one: Export, form: tabular.Form
) -> AsyncIterator[tuple[Workspace, int, IO[bytes]]]:
    """Write an export before anything of it is sent: nobody's slow connection holds the database."""
    runtime = request.app[RUNTIME]
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        async with runtime.database.snapshot() as tx:
            home = await home_of(request, tx)
            rows = await tabular.write(exports.table(runtime, tx, home, one), form, file)
        yield home, rows, file


async def _send(request: web.Request, one: Export, form: tabular.Form, file: IO[bytes]) -> web.StreamResponse:
    name = exports.file_name(one, form, request.app[RUNTIME].clock.now())
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}"'})
    response.content_type = tabular.MEDIA[form]
    if form == "csv":
        response.charset = "utf-8"
    response.content_length = file.tell()
    file.seek(0)
    await response.prepare(request)
    while piece := file.read(CHUNK):
        await response.write(piece)
    await response.write_eof()
    return response


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    now, runs = runtime.clock.now(), bool(request[ROLES] & RUNNING.roles)
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        ready = await handing_over.waiting(tx, home, session.person, now) if runs else []
    known = exports.EXPORTS.values()
    mine = [one for one in known if one.named and (one.key != "audit" or "owner" in request[ROLES])]
    return pages.render(
        request,
        "console/exports.html",
        status=422 if error else 200,
        workspace=home,
        published=[one for one in known if not one.named],
        named=mine if runs else [],
        ready=[(one, exports.find(str(one.detail["of"])), one.decided_at) for one in ready],
        lasts=handing_over.READY,
        error=error,
    )
