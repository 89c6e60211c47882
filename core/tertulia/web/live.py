"""Quizzes that are held live, for members on the web: play along, see how all stand, and hold one as a host."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Place
from tertulia.domain.prompts import Prompt
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.live import Counts
from tertulia.services import answers, live_board, live_counts, live_sessions, live_who, prompts
from tertulia.services.live import WorkspaceLive
from tertulia.services.live_sessions import Held
from tertulia.services.live_sessions import Session as LiveSession
from tertulia.services.live_who import HOSTS, SignedIn
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.answering import read_values
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="the live quizzes of a member's workspaces")
# a quiz lasts longer than a code is fresh; the handlers take members' sessions only
PLAYING = Access(kind="link", why="a member's seat in a quiz that they joined with a fresh code; no link opens it")
PLATFORM = "web"
HERE = Place(platform=PLATFORM, ref="live", kind="meeting")
"""Where a quiz is held that no meeting carries; one runs there at a time."""
FRESH, REMEMBERED = 0.5, 200
"""Real seconds for which the state of a session is told from memory: hundreds of pages ask for it."""
STATES: web.AppKey[OrderedDict[Id, tuple[float, dict[str, Any]]]] = web.AppKey("live_states", OrderedDict)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Hold what a member sees of a live quiz."""

    live: WorkspaceLive
    session: LiveSession
    workspace: Id
    title: str
    counts: Counts
    hosting: bool
    answered: bool | None
    prompt: Prompt | None
    board: Prompt | None


def attach(app: web.Application) -> None:
    """Add the pages."""
    app[STATES] = OrderedDict()
    register(app, "GET", "/my/live", listed, OWN)
    register(app, "POST", "/my/live", start, OWN)
    register(app, "GET", "/my/live/{session}", show, PLAYING)
    register(app, "GET", "/my/live/{session}/state.json", state, PLAYING)
    register(app, "POST", "/my/live/{session}", take, PLAYING)
    register(app, "POST", "/my/live/{session}/host", conduct, PLAYING)


async def listed(request: web.Request) -> web.Response:
    """List what is held live in the member's workspaces, and to hosts what they may start."""
    return await _list(request)


async def _list(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    running: dict[Id, str] = {}
    offers: dict[str, str] = {}
    async with runtime.database.read() as tx:
        spaces = await people.workspaces_of(tx, session.organization, session.person)
        roles = await people.roles_of(tx, session.organization, session.person)
        for workspace in spaces:
            for held in await live_sessions.held(tx, session.organization, workspace):
                if live_board.is_played(runtime.plugins.ritual(held.kind)):
                    running[held.session.id] = await _title(tx, session.organization, workspace, held.practice)
    for workspace in (one for one in spaces if HOSTS & roles.get(one, frozenset())):
        live = WorkspaceLive(runtime, organization=session.organization, workspace=workspace)
        for offer in await live.offers():
            if live_board.is_played(runtime.plugins.ritual(offer.kind)):
                offers[f"{workspace}:{offer.practice}"] = offer.title
    status = 422 if error else 200
    return pages.render(request, "live_list.html", status=status, running=running, offers=offers, error=error)


async def start(request: web.Request) -> web.Response:
    """Open a session for those on the web, and for the places of the practice."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    workspace, _, practice = str(form.get("practice", "")).partition(":")
    live = WorkspaceLive(runtime, organization=session.organization, workspace=workspace)
    try:
        begun = await live.start(HERE, SignedIn(session.person), practice, {})
    except Mistake as mistake:
        return await _list(request, error=str(mistake))
    except Refused:
        return await _list(request, error="Only hosts and admins of a workspace hold live quizzes; ask one of them.")
    return see_other(f"/my/live/{begun}")


async def show(request: web.Request) -> web.Response:
    """Show what is asked, the form for it, and how all stand."""
    return _page(request, await _seen(request))


async def state(request: web.Request) -> web.Response:
    """Tell a page whether there is something new to show, and how many have answered."""
    known, wanted = request.app[STATES], request.match_info["session"]
    held = known.get(wanted)
    if held is None or time.monotonic() - held[0] >= FRESH:
        counts = await _counts(request)
        held = time.monotonic(), {"key": key_of(counts), "answered": counts.answered, "passed": counts.passed}
        known[wanted] = held
        if len(known) > REMEMBERED:
            known.popitem(last=False)
    else:
        await _find(request)
    return web.json_response(held[1], headers={"Cache-Control": "no-store"})


async def take(request: web.Request) -> web.Response:
    """Take an answer or a pass; the button is good for the question that was shown."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    held, workspace = await _find(request)
    form: Any = await request.post()
    verb = str(form.get("verb", ""))
    if held.session.state != "asking":
        return _page(request, await _seen(request))
    live = WorkspaceLive(runtime, organization=session.organization, workspace=workspace)
    shown = await live.prompt(held.session.id, SignedIn(session.person))
    if verb not in {action.verb for action in shown.actions}:
        raise Refused("no such button", 400)
    values = read_values(form, verb, shown.fields)
    key = str(form.get("key", ""))[:64] or None
    ticket = prompts.Ticket(session.organization, workspace, held.session.asked, session.person, verb)
    reply = await answers.answer(runtime, ticket, person=session.person, platform=PLATFORM, values=values, key=key)
    if reply.status in ("refused", "closed", "unknown_actor"):
        return _page(request, await _seen(request), error=reply.text.plain() if reply.text else "", status=422)
    return see_other(f"/my/live/{held.session.id}")


async def conduct(request: web.Request) -> web.Response:
    """Do what a host asks: begin, close the question, ask the next one, or end."""
    seen = await _seen(request)
    form: Any = await request.post()
    act, who, session = str(form.get("act", "")), SignedIn(request[SESSION].person), seen.session.id
    number = str(form.get("number", ""))
    try:
        if act in ("asking", "ended"):
            await seen.live.advance(session, who, act)
        elif act in ("show", "close") and number.isdecimal() and len(number) < 3:
            does = seen.live.show_question if act == "show" else seen.live.close_question
            await does(session, who, int(number))
        else:
            raise Refused("no such button", 400)
    except Refused as refusal:
        if refusal.status != 409:
            raise
        # somebody else, or the clock, was faster: the page shows how it stands
    return see_other(f"/my/live/{session}")


def key_of(counts: Counts) -> str:
    """Name what a page shows besides figures; as long as it stays the same nothing has to be drawn anew."""
    asked = counts.question
    return f"{counts.state}:{asked.number}:{asked.closed}" if asked else counts.state


def _page(request: web.Request, seen: Seen, *, error: str | None = None, status: int = 200) -> web.Response:
    return pages.render(
        request,
        "live.html",
        status=status,
        language=seen.prompt.language if seen.prompt else None,
        seen=seen,
        asked=seen.counts.question,
        watched=key_of(seen.counts),
        key=request.app[RUNTIME].new_id(),
        error=error,
    )


async def _find(request: web.Request) -> tuple[Held, Id]:
    """Return the session and its workspace, if that is one of the member's."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    if session.round is not None:
        raise web.HTTPNotFound
    async with runtime.database.read() as tx:
        for workspace in await people.workspaces_of(tx, session.organization, session.person):
            wanted = request.match_info["session"]
            for held in await live_sessions.held(tx, session.organization, workspace, wanted):
                if live_board.is_played(runtime.plugins.ritual(held.kind)):
                    return held, workspace
    raise web.HTTPNotFound


async def _counts(request: web.Request) -> Counts:
    runtime = request.app[RUNTIME]
    held, _ = await _find(request)
    async with runtime.database.read() as tx:
        return await live_counts.read(runtime, tx, held.session)


async def _seen(request: web.Request) -> Seen:
    runtime, session = request.app[RUNTIME], request[SESSION]
    held, workspace = await _find(request)
    found = held.session
    async with runtime.database.read() as tx:
        counts = await live_counts.read(runtime, tx, found)
        roles = await people.roles_of(tx, session.organization, session.person)
        answered = await live_who.answered(tx, found, session.person)
        title = await _title(tx, session.organization, workspace, held.practice)
    live = WorkspaceLive(runtime, organization=session.organization, workspace=workspace)
    asked = counts.question
    is_open = counts.state == "asking" and asked is not None and not asked.closed
    told = counts.state == "ended" or (asked is not None and (asked.closed or asked.number > 1))
    return Seen(
        live=live,
        session=found,
        workspace=workspace,
        title=title,
        counts=counts,
        hosting=bool(HOSTS & roles.get(workspace, frozenset())),
        answered=answered,
        prompt=await live.prompt(found.id, SignedIn(session.person)) if is_open else None,
        board=await live.summary(found.id) if told else None,
    )


async def _title(tx: Tx, organization: Id, workspace: Id, practice: str) -> str:
    program = await programs.current(tx, organization, workspace)
    known = program.practice(practice) if program else None
    return known.title if known else practice
