"""What a workspace could try: who runs the program accepts, declines or puts off, and sees what followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.measures import history
from tertulia.measures.recommendations import GRADES, SEASON
from tertulia.runtime import Runtime
from tertulia.services import recommending
from tertulia.services.recommending import LATER, Recommendation
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register, roles_in
from tertulia.web.edge import see_other
from tertulia.web.results import RUNNING
from tertulia.web.state import RUNTIME, SESSION

PAGE = "/workspaces/{workspace}/recommendations"
DECIDING = Access(
    kind="role",
    roles=frozenset({"owner", "admin"}),
    why="who may change the program decides what is tried",
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Hold one recommendation as the page shows it."""

    item: Recommendation
    seen: str
    grade: str
    changes: tuple[str, ...] = ()
    decision: str = ""
    followed: str = ""


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, decide, DECIDING)


async def show(request: web.Request) -> web.Response:
    """Show what waits for a decision, and what came of earlier ones."""
    return await _page(request)


async def decide(request: web.Request) -> web.Response:
    """Accept, decline or put off one recommendation."""
    form: Any = await request.post()
    try:
        async with request.app[RUNTIME].database.write() as tx:
            await _decide(request, tx, {name: str(form.get(name, "")) for name in form})
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(PAGE.format(workspace=request.match_info["workspace"]))


async def _decide(request: web.Request, tx: Tx, form: dict[str, str]) -> None:
    runtime, session = request.app[RUNTIME], request[SESSION]
    home, actor = await _home(request, tx), session.person
    one = await recommending.find(tx, home, form.get("id", ""))
    match form.get("do"):
        case "accept":
            owner = form.get("owner") or session.person
            apply = form.get("apply") == "yes"
            await recommending.accept(runtime, tx, home, one, actor=actor, owner=owner, apply=apply)
        case "decline":
            await recommending.decline(runtime, tx, home, one, actor=actor, reason=form.get("reason", ""))
        case "remind":
            weeks = form.get("weeks", "")
            await recommending.remind(
                runtime, tx, home, one, actor=actor, weeks=int(weeks) if weeks in map(str, LATER) else 0
            )
        case _:
            raise Mistake("Nothing was chosen; press one of the buttons.")


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        home = await _home(request, tx)
        known = await recommending.listed(tx, home)
        waiting = [await _waiting(runtime, tx, home, one) for one in known if one.undecided]
        decides = bool(DECIDING.roles & await roles_in(tx, session, home.id))
        owners = await _owners(tx, home) if decides and waiting else []
        past = [await _past(tx, home, one) for one in known if not one.undecided]
    return pages.render(
        request,
        "recommendations.html",
        workspace=home,
        waiting=waiting,
        past=past,
        decides=decides,
        owners=owners,
        me=session.person,
        later=LATER,
        season=SEASON,
        error=error,
    )


async def _waiting(runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation) -> Shown:
    planned = await recommending.plan(runtime, tx, home, one)
    changes = tuple(str(change) for change in planned.changes) if planned else ()
    return Shown(item=one, seen=history.figure(one.seen), grade=GRADES[one.rule.evidence], changes=changes)


async def _past(tx: Tx, home: Workspace, one: Recommendation) -> Shown:
    decision = recommending.decision(one)
    if one.owner is not None:
        owner = await people.person(tx, home.organization, await people.current(tx, home.organization, one.owner))
        decision += f"; {owner.name} sees to it" if owner is not None and not owner.erased else ""
    return Shown(
        item=one,
        seen=history.figure(one.seen),
        grade=GRADES[one.rule.evidence],
        decision=decision,
        followed=history.followed(one.seen, one.outcome, one.judge_at),
    )


async def _owners(tx: Tx, home: Workspace) -> list[tuple[Id, str]]:
    """Return who runs the program: who may be asked to see to something."""
    roles = await people.role_holders(tx, home.organization, home.id)
    holders = [one for one, some in roles.items() if some]
    members = await people.members_among(tx, home.organization, home.id, holders)
    return sorted(((one.id, one.name) for one in members.values()), key=lambda pair: pair[1])


async def _home(request: web.Request, tx: Tx) -> Workspace:
    home = await people.workspace(tx, request[SESSION].organization, request.match_info["workspace"])
    if home is None:
        raise web.HTTPNotFound
    return home
