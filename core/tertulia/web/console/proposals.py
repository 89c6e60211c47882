"""What waits for a second person: who proposed what, and buttons to approve it, turn it down or take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.services import outside_the_rule, proposals, second_person
from tertulia.services.proposals import Proposal
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

PAGE = ABOVE + "/proposals"
DECISIONS = {"approve": True, "refuse": False, "withdraw": False}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Hold one proposal as the page shows it; *mine* is whether the reader made it, *able* who could approve it."""

    proposal: Proposal
    words: str
    by: str
    decided_by: str = ""
    mine: bool = False
    may: bool = False
    able: tuple[str, ...] = ()
    out_of_date: str | None = None


def attach(app: web.Application) -> None:
    """Add the page of proposals."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, decide, RUNNING)


async def show(request: web.Request) -> web.Response:
    """Show what waits, what was decided, and what was done at the command line."""
    return await _page(request)


async def decide(request: web.Request) -> web.Response:
    """Approve one proposal, turn it down or take it back."""
    runtime, form = request.app[RUNTIME], await sent(request)
    try:
        if form.get("do") not in DECISIONS:
            raise Mistake("Nothing was chosen; press one of the buttons.")
        async with runtime.database.write() as tx:
            home = await home_of(request, tx)
            found = await proposals.find(tx, home.organization, form.get("id", "")[:32])
            if found is None or found.workspace not in (None, home.id):
                raise Mistake("There is no such proposal here; load the page again.")
            await second_person.decide(
                runtime,
                tx,
                organization=home.organization,
                proposal=found.id,
                by=request[SESSION].person,
                approve=DECISIONS[form["do"]],
            )
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(path_of(request, "/proposals"))


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime = request.app[RUNTIME]
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        still = await proposals.waiting(tx, home.organization, home.id, now)
        over = await proposals.past(tx, home.organization, home.id, now)
        names = await proposals.named(tx, home.organization, [*still, *over])
        waiting = [await _waiting(request, tx, one, names) for one in still]
        outside = await outside_the_rule.done(tx, home, now)
    return pages.render(
        request,
        "console/proposals.html",
        status=422 if error else 200,
        workspace=home,
        waiting=waiting,
        past=[_past(one, names) for one in over],
        outside=outside,
        error=error,
    )


async def _waiting(request: web.Request, tx: Tx, one: Proposal, names: Mapping[Id, str]) -> Shown:
    runtime, session = request.app[RUNTIME], request[SESSION]
    me = await people.current(tx, session.organization, session.person)
    mine = await people.current(tx, one.organization, one.by) == me
    able = await second_person.others(tx, one)
    known = await people.persons(tx, one.organization, able)
    return Shown(
        proposal=one,
        words=second_person.words(one, names),
        by=names.get(one.by, ""),
        mine=mine,
        may=me in able,
        able=tuple(sorted(known[who].name for who in able if who in known)),
        out_of_date=await second_person.out_of_date(runtime, tx, one),
    )


def _past(one: Proposal, names: Mapping[Id, str]) -> Shown:
    decided_by = names.get(one.decided_by, "") if one.decided_by else ""
    words = second_person.words(one, names)
    return Shown(proposal=one, words=words, by=names.get(one.by, ""), decided_by=decided_by)
