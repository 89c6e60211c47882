"""A member's candles: light one in two steps, see what became of it, seal it anew, take it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.surveys.candle import life, lines, responders, words
from tertulia.surveys.candle.responders import Choice
from tertulia.surveys.candle.wishes import HOURS, WAYS, Wishes, told, wishes
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.sessions import Session
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own candles, with a fresh code")
PAGE = "/my/candle"


def attach(app: web.Application) -> None:
    """Add the pages of a member's candles."""
    register(app, "GET", PAGE, show, OWN)
    for path, handler in (("choose", choose), ("light", light), ("withdraw", withdraw), ("reseal", reseal)):
        register(app, "POST", f"{PAGE}/{path}", handler, OWN)


async def show(request: web.Request) -> web.Response:
    """Show the member's candles, and the first step of a new one."""
    return await _page(request, wanted=request.query.get("workspace"))


async def choose(request: web.Request) -> web.Response:
    """Show the second step: whom the name goes to, before anything is kept."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    workspace = str(form.get("workspace", ""))
    try:
        chosen = wishes(form)
        async with runtime.database.read() as tx:
            able = await responders.choice(tx, session.organization, workspace, session.person)
    except Mistake as mistake:
        return await _page(request, wanted=workspace, error=str(mistake))
    first = able.named(str(form.get("responder", "")))
    if first is None:
        return await _page(request, wanted=workspace, error="Choose one of the people in the list.", chosen=chosen)
    deputy = able.deputy_of(first.person) if form.get("pass_on") == "yes" else None
    return pages.render(
        request,
        "candle_confirm.html",
        workspace=workspace,
        responder=first,
        deputy=deputy,
        chosen=chosen,
        told=told(chosen),
        sends=words.sends(first.name),
        passed_on=words.passed_on(first.name, deputy.name if deputy else None),
        sent=words.SENT,
        key=runtime.new_id(),
    )


async def light(request: web.Request) -> web.Response:
    """Light the candle; sending the same page twice lights one."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            await life.light(
                runtime,
                tx,
                session.organization,
                str(form.get("workspace", "")),
                session.person,
                responder=str(form.get("responder", "")),
                pass_on=form.get("pass_on") == "yes",
                chosen=wishes(form),
                key=str(form.get("key", ""))[:64] or runtime.new_id(),
            )
    except Mistake as mistake:
        return await _page(request, wanted=str(form.get("workspace", "")), error=str(mistake))
    return see_other(PAGE)


async def withdraw(request: web.Request) -> web.Response:
    """Take a candle back."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            await life.withdraw(runtime, tx, session.organization, session.person, str(form.get("candle", ""))[:32])
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(PAGE)


async def reseal(request: web.Request) -> web.Response:
    """Send a candle again whose responder lost the key."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            await life.reseal(
                runtime,
                tx,
                session.organization,
                session.person,
                str(form.get("candle", ""))[:32],
                pass_on=form.get("pass_on") == "yes",
                chosen=wishes(form),
            )
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(PAGE)


async def _page(
    request: web.Request, *, wanted: str | None = None, error: str | None = None, chosen: Wishes | None = None
) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        mine = await life.mine(runtime, tx, session.organization, session.person)
        homes = await _homes(tx, session)
        workspace, able = await _able(tx, session, [home.id for home in homes], wanted)
        helping = await lines.lines(tx, session.organization, workspace) if workspace else []
    return pages.render(
        request,
        "candle.html",
        status=422 if error else 200,
        language=person.languages[0] if person else None,
        mine=mine,
        homes=homes,
        workspace=workspace,
        able=able,
        error=error,
        chosen=chosen or Wishes(),
        ways=WAYS,
        hours=HOURS,
        what=words.WHAT,
        discreet=words.DISCREET,
        line_unknown=words.LINE_UNKNOWN,
        nobody=life.NOBODY,
        ended=life.ENDED,
        lit=words.lit,
        helping=words.numbers(helping),
    )


async def _homes(tx: Tx, session: Session) -> list[people.Workspace]:
    found = [
        await people.workspace(tx, session.organization, one)
        for one in await people.workspaces_of(tx, session.organization, session.person)
    ]
    return [home for home in found if home is not None]


async def _able(tx: Tx, session: Session, homes: Sequence[Id], wanted: str | None) -> tuple[Id | None, Choice]:
    """Choose the wanted workspace, else the first in which somebody can receive a candle."""
    ordered = [wanted, *homes] if wanted in homes else list(homes)
    nobody = Choice(responders=(), line_known=True)
    for workspace in ordered:
        able = await responders.choice(tx, session.organization, str(workspace), session.person)
        if able.responders or workspace == wanted:
            return workspace, able
    return (homes[0] if homes else None), nobody
