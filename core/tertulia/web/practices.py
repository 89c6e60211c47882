"""What I take part in, whom I do not want to be introduced to, and my own weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.services import audiences, colleagues, matching, preferences, sign_ups, trends
from tertulia.storage import matching as avoidance
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own wishes, with a fresh code")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Hold one practice of the member's and whether it reaches them; *standing* ones are joined, others left out."""

    workspace: Id
    name: str
    practice: Practice
    standing: bool
    on: bool


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", "/my/practices", show, OWN)
    register(app, "POST", "/my/practices", change, OWN)
    register(app, "GET", "/my/trends", show_trends, OWN)
    register(app, "GET", "/my/avoid", show_avoided, OWN)
    register(app, "POST", "/my/avoid", change_avoided, OWN)


async def show(request: web.Request) -> web.Response:
    """Show what the member takes part in."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Join or leave one practice; a switch that is where it was asked to be stays there."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    wanted, on = str(form.get("practice", "")), form.get("to") == "on"
    whose = (session.organization, session.person)
    try:
        async with runtime.database.write() as tx:
            offer = next((one for one in await _offers(tx, request) if _id(one) == wanted), None)
            if offer is None:
                raise Mistake("There is no such practice; choose one of those below.")
            key = offer.practice.key
            if offer.standing and on:
                await sign_ups.sign_up(runtime, tx, whose[0], offer.workspace, key, whose[1])
            elif offer.standing:
                await sign_ups.withdraw(runtime, tx, whose[0], offer.workspace, key, [whose[1]])
            else:
                await (preferences.opt_in if on else preferences.opt_out)(runtime, tx, *whose, key)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other("/my/practices")


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await _me(tx, request)
        offers = await _offers(tx, request)
        stopped = (await people.opt_outs(tx, session.organization, [session.person])).get(session.person, frozenset())
    return pages.render(
        request,
        "practices.html",
        status=422 if error else 200,
        language=person.languages[0] if person.languages else "en",
        offers=offers,
        identify=_id,
        everything_stopped="*" in stopped,
        error=error,
    )


def _id(offer: Offer) -> str:
    return f"{offer.workspace}:{offer.practice.key}"


async def _offers(tx: Tx, request: web.Request) -> list[Offer]:
    session = request[SESSION]
    person = await _me(tx, request)
    stopped = (await people.opt_outs(tx, session.organization, [session.person])).get(session.person, frozenset())
    found: list[Offer] = []
    for workspace in await people.workspaces_of(tx, session.organization, session.person):
        program = await programs.current(tx, session.organization, workspace)
        known = await people.workspace(tx, session.organization, workspace)
        for practice in program.practices if program else ():
            if not await audiences.includes(tx, session.organization, workspace, practice, person):
                continue
            standing = practice.join == "opt-in"
            reached = not stopped & {"*", practice.key}
            on = reached
            if standing:
                on = await sign_ups.takes_part(tx, session.organization, workspace, practice, session.person)
            found.append(
                Offer(
                    workspace=workspace,
                    name=known.name if known else "",
                    practice=practice,
                    standing=standing,
                    on=on,
                )
            )
    return found


async def show_avoided(request: web.Request) -> web.Response:
    """Show the member's private list."""
    return await _avoid_page(request)


async def change_avoided(request: web.Request) -> web.Response:
    """Put a colleague on the private list, by name or e-mail, or take one off it."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            if "remove" in form:
                await matching.stop_avoiding(tx, session.organization, session.person, str(form["remove"])[:32])
            else:
                other = await _colleague(tx, request, str(form.get("who", "")))
                await matching.avoid(runtime, tx, session.organization, session.person, other)
    except Mistake as mistake:
        return await _avoid_page(request, error=str(mistake), typed=str(form.get("who", ""))[:200])
    return see_other("/my/avoid")


async def _colleague(tx: Tx, request: web.Request, typed: str) -> Id:
    """Find the one colleague whose name or e-mail was typed; several of one name are told apart by e-mail."""
    session = request[SESSION]
    workspaces = await people.workspaces_of(tx, session.organization, session.person)
    return await colleagues.named(tx, session.organization, workspaces, typed)


async def _avoid_page(request: web.Request, *, error: str | None = None, typed: str = "") -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await _me(tx, request)
        listed = (await avoidance.avoided(tx, session.organization)).get(session.person, frozenset())
        known = await people.persons(tx, session.organization, list(listed))
    return pages.render(
        request,
        "avoid.html",
        status=422 if error else 200,
        language=person.languages[0] if person.languages else "en",
        listed=sorted((one for one in known.values() if not one.erased), key=lambda one: (one.name, one.id)),
        error=error,
        typed=typed,
    )


async def show_trends(request: web.Request) -> web.Response:
    """Show the member's own check-ins over the weeks."""
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as tx:
        person = await _me(tx, request)
        weeks = await trends.of_member(runtime, tx, person)
    language = person.languages[0] if person.languages else "en"
    return pages.render(request, "trends.html", language=language, weeks=weeks)


async def _me(tx: Tx, request: web.Request) -> Person:
    session = request[SESSION]
    person = await people.person(tx, session.organization, session.person)
    if person is None:
        raise web.HTTPNotFound
    return person
