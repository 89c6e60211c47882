"""Everything held about me: see it, download it, erase it, and say what I wish to be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web

from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.extension import Access, Handler
from tertulia.runtime import Runtime
from tertulia.services import audiences, codes, gallery, my_data, preferences, rounds, sign_in
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.surveys.candle import life as candles
from tertulia.web import pages, sessions
from tertulia.web.access import register
from tertulia.web.care import RESPONDERS
from tertulia.web.edge import see_other
from tertulia.web.feedback import TEAM
from tertulia.web.progress import SEEING
from tertulia.web.sessions import Session
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own data, with a fresh code")
TYPED = "ERASE"
SNOOZES = (1, 7, 14, 30)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?\+00:00")


def attach(app: web.Application) -> None:
    """Add the member's own pages."""
    pages_of_mine: Mapping[str, Handler] = {
        "/my/preferences": change,
        "/my/opt-out": opt_out,
        "/my/opt-in": opt_in,
        "/my/link": link,
        "/my/erase/code": erase_code,
        "/my/erase": erase,
    }
    register(app, "GET", "/my", show, OWN)
    register(app, "GET", "/my/data.json", download, OWN)
    for path, handler in pages_of_mine.items():
        register(app, "POST", path, handler, OWN)


async def show(request: web.Request) -> web.Response:
    """Show what is held and what can be wished."""
    return await _page(request)


async def download(request: web.Request) -> web.Response:
    """Hand over everything as one JSON file."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        held = await my_data.collect(runtime, tx, session.organization, session.person)
        pictures = await gallery.own(runtime, tx, session.organization, session.person)
    named = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return web.json_response({**held, "pictures": pictures}, headers=named, dumps=pages.dumps)


async def change(request: web.Request) -> web.Response:
    """Set snooze, channel and weekly number of messages."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    whose = (session.organization, session.person)
    try:
        async with runtime.database.write() as tx:
            if "snooze" in form:
                days = _number(form, "snooze")
                until = runtime.clock.now() + timedelta(days=days) if days else None
                await preferences.snooze(runtime, tx, *whose, until)
            if "channel" in form:
                await preferences.set_channel(runtime, tx, *whose, str(form["channel"]) or None)
            if "budget" in form:
                await preferences.set_budget(runtime, tx, *whose, _number(form, "budget"))
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other("/my")


async def opt_out(request: web.Request) -> web.Response:
    """Never ask for a practice again."""
    await _practice(request, preferences.opt_out)
    return see_other("/my")


async def opt_in(request: web.Request) -> web.Response:
    """Ask for a practice again."""
    await _practice(request, preferences.opt_in)
    return see_other("/my")


async def link(request: web.Request) -> web.Response:
    """Show a code that, sent from another account, makes it the member's own."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.write() as tx:
        code = await codes.issue(runtime, tx, session.organization, session.person, "link")
    return await _page(request, link_code=code)


async def erase_code(request: web.Request) -> web.Response:
    """Send the code that erasing asks for."""
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        person = await _me(tx, request[SESSION])
        sent = await sign_in.send_code(runtime, tx, person, sign_in.ERASE)
    if not sent:
        return await _page(request, error="No code could be sent just now; wait a while and try again.")
    return await _page(request, erasing=True)


async def erase(request: web.Request) -> web.Response:
    """Erase everything after the typed word and the fresh code."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    if str(form.get("confirm", "")).strip().upper() != TYPED:
        return await _page(request, erasing=True, error=f"Type {TYPED} to confirm; nothing was erased.")
    async with runtime.database.write() as tx:
        whose = (session.organization, session.person)
        code = str(form.get("code", ""))[:20]
        right = await codes.redeem(runtime, tx, *whose, sign_in.ERASE, code)
        if right:
            await my_data.erase(runtime, tx, *whose, actor=f"person:{session.person}")
            await sessions.end(tx, session)
    if not right:
        return await _page(request, erasing=True, error="This is not the code that was sent; nothing was erased.")
    del request[SESSION]
    answer = pages.render(request, "erased.html")
    sessions.clear_cookie(runtime.config, answer)
    return answer


async def _page(
    request: web.Request, *, error: str | None = None, link_code: str | None = None, erasing: bool = False
) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await _me(tx, session)
        held = await my_data.collect(runtime, tx, session.organization, session.person)
        practices, workspaces, channels = await _choices(runtime, tx, session)
        cares, inboxes = await _duties(tx, session)
        lost = any(one.lost for one in await candles.mine(runtime, tx, session.organization, session.person))
        stopped = (await people.opt_outs(tx, session.organization, [session.person])).get(session.person, frozenset())
    return pages.render(
        request,
        "my.html",
        status=422 if error else 200,
        language=person.languages[0] if person.languages else "en",
        person=person,
        sections=sections(held),
        practices=practices,
        stopped=stopped,
        workspaces=workspaces,
        channels=channels,
        cares=cares,
        inboxes=inboxes,
        candle_lost=lost,
        snoozes=SNOOZES,
        snoozed=person.snoozed_until is not None and person.snoozed_until > runtime.clock.now(),
        error=error,
        link_code=link_code,
        erasing=erasing,
        typed=TYPED,
    )


async def _choices(
    runtime: Runtime, tx: Tx, session: Session
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Return practices by key, workspaces whose rounds the member may see, and channels that can ask."""
    practices: dict[str, str] = {}
    seeing: dict[str, str] = {}
    channels: set[str] = set()
    roles = await people.roles_of(tx, session.organization, session.person)
    for workspace in await people.workspaces_of(tx, session.organization, session.person):
        program = await programs.current(tx, session.organization, workspace)
        if program is not None:
            person = await _me(tx, session)
            mine = {one.key for one in await audiences.practices_for(tx, workspace, program, person)}
            told = [one for one in program.practices if not one.audience.groups or one.key in mine]
            practices |= {practice.key: practice.title for practice in (*told, rounds.SUPPORT)}
        for live in runtime.installations.of(workspace):
            channels |= {name for name, platform in live.platforms.items() if platform.survey is not None}
        if SEEING.roles & frozenset(roles.get(workspace, ())):
            known = await people.workspace(tx, session.organization, workspace)
            seeing[workspace] = known.name if known else workspace
    return practices, seeing, tuple(sorted(channels))


async def _duties(tx: Tx, session: Session) -> tuple[dict[str, str], dict[str, str]]:
    """Return the workspaces in which the member receives candles, and those whose feedback they look after."""
    cares: dict[str, str] = {}
    inboxes: dict[str, str] = {}
    roles = await people.roles_of(tx, session.organization, session.person)
    for workspace in await people.workspaces_of(tx, session.organization, session.person):
        home = await people.workspace(tx, session.organization, workspace)
        held, name = roles.get(workspace, frozenset()), home.name if home else workspace
        if RESPONDERS.roles & held:
            cares[workspace] = name
        if TEAM.roles & held:
            inboxes[workspace] = name
    return cares, inboxes


def sections(held: Mapping[str, Any]) -> list[tuple[str, list[list[tuple[str, str]]]]]:
    """Turn the collected data into titled lists of (name, value) for the page."""
    plain = {name: value for name, value in held.items() if not isinstance(value, Mapping | list | tuple)}
    shown = [("This list", [_pairs(plain)])] if plain else []
    for name, value in held.items():
        if name not in plain:
            rows = [_pairs(item) for item in (value if isinstance(value, list | tuple) else [value])]
            shown.append((name.replace("_", " ").capitalize(), [row for row in rows if row]))
    return shown


def _pairs(item: Any) -> list[tuple[str, str]]:
    if not isinstance(item, Mapping):
        return [] if item is None else [("", _text(item))]
    return [(str(name).replace("_", " "), _text(value)) for name, value in item.items() if value not in (None, "")]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and INSTANT.fullmatch(value):
        return f"{value[:10]} {value[11:16]} UTC"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(inner)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(inner) for inner in value)
    return str(value)


async def _practice(request: web.Request, wish: Any) -> None:
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    async with runtime.database.write() as tx:
        await wish(runtime, tx, session.organization, session.person, str(form.get("practice", "")))


async def _me(tx: Tx, session: Session) -> Person:
    person = await people.person(tx, session.organization, session.person)
    if person is None:
        raise web.HTTPNotFound
    return person


def _number(form: Any, name: str) -> int | None:
    text = str(form.get(name, "")).strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 4:
        raise Mistake(f"{name} is not a whole number; leave it empty or write one.")
    return int(text)
