"""A responder's page: what waits for them alone, opened with their key phrase, and the key itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.storage import people
from tertulia.surveys.candle import life, reading, responders
from tertulia.surveys.candle.reading import Opened
from tertulia.surveys.feedback import conversations
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION, WALL

RESPONDERS = Access(
    kind="role",
    roles=frozenset({"responder"}),
    why="candles addressed to the caller and no other, and feedback passed on",
)
PAGE = "/workspaces/{workspace}/care"


def attach(app: web.Application) -> None:
    """Add the responder's pages."""
    register(app, "GET", PAGE, show, RESPONDERS)
    register(app, "POST", PAGE, open_all, RESPONDERS)
    register(app, "POST", f"{PAGE}/step", step, RESPONDERS)
    register(app, "POST", f"{PAGE}/key", new_key, RESPONDERS)


async def show(request: web.Request) -> web.Response:
    """Show how many candles wait, without a name."""
    return await _page(request) if _fresh(request) else see_other("/sign-in")


async def open_all(request: web.Request) -> web.Response:
    """Open with the key phrase, which is kept nowhere; every opening is audited."""
    if not _fresh(request):
        return see_other("/sign-in")
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    whose = (session.organization, request.match_info["workspace"], session.person)
    try:
        async with runtime.database.write() as tx:
            opened = await reading.open_all(runtime, tx, *whose, str(form.get("phrase", ""))[:100])
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return await _page(request, opened=opened, tried=True)


async def step(request: web.Request) -> web.Response:
    """Say that a candle is taken up, or that the person was cared for."""
    if not _fresh(request):
        return see_other("/sign-in")
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    whose = (session.organization, request.match_info["workspace"], session.person)
    try:
        async with runtime.database.write() as tx:
            await reading.take_up(
                runtime, tx, *whose, str(form.get("candle", ""))[:32], str(form.get("to", "acknowledged"))
            )
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(request.path.removesuffix("/step"))


async def new_key(request: web.Request) -> web.Response:
    """Make a key and show its phrase once."""
    if not _fresh(request):
        return see_other("/sign-in")
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    async with runtime.database.write() as tx:
        held = await responders.keys_of(tx, session.organization, [session.person])
        sure = not held or form.get("sure") == "yes"
        phrase = await life.renew_key(runtime, tx, session.organization, session.person) if sure else None
    if phrase is None:
        return await _page(request, error="You have a key. Tick that you lost it, to make another one.")
    return pages.render(request, "care_key.html", phrase=phrase, workspace=request.match_info["workspace"])


def _fresh(request: web.Request) -> bool:
    return bool(request[SESSION].fresh(request.app[WALL].now()))


async def _page(
    request: web.Request, *, error: str | None = None, opened: Sequence[Opened] = (), tried: bool = False
) -> web.Response:
    runtime, session, workspace = request.app[RUNTIME], request[SESSION], request.match_info["workspace"]
    async with runtime.database.read() as tx:
        waiting = await reading.addressed(tx, session.organization, workspace, session.person)
        keys = await responders.keys_of(tx, session.organization, [session.person])
        home = await people.workspace(tx, session.organization, workspace)
        referred = await conversations.passed_on(runtime, tx, session.organization, workspace)
    shown = {one.waiting.id for one in opened}
    present = keys[session.person].id if session.person in keys else None
    return pages.render(
        request,
        "care.html",
        status=422 if error else 200,
        home=home,
        workspace=workspace,
        has_key=bool(keys),
        present=present,
        opened=opened,
        closed=[one for one in waiting if one.id not in shown and one.state in reading.STATES],
        withdrawn=[one for one in waiting if one.state == "withdrawn"],
        tried=tried,
        referred=referred,
        error=error,
    )
