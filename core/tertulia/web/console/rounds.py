"""Rounds in the console: which there are, how each stands, what is wrong with its messages, and what can be done.

Counts only, never who. Of guarded rounds they are in steps of five, and nothing tells on which platform or why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tertulia.domain.walltime import wall_time
from tertulia.errors import Mistake
from tertulia.services import deliveries, release_progress, retrying, round_list, rounds, steering
from tertulia.services.delivery_reasons import explain_round
from tertulia.services.round_list import STANDINGS, Page
from tertulia.services.rounds import RoundRow
from tertulia.storage import programs
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent, zone_of
from tertulia.web.edge import see_other
from tertulia.web.progress import SEEING, Figures
from tertulia.web.state import ROLES, RUNTIME, SESSION, WALL

LIST = ABOVE + "/rounds"
ONE = LIST + "/{round}"
LAST_PAGE = 10_000
FIGURES: web.AppKey[Figures] = web.AppKey("figures", Figures)
DONE = {
    "retried": "What had failed is being sent again, to each by the best way there is now.",
    "asked": "What had failed, if anything, is being sent again, to each by the best way there is now.",
    "nothing": "There was nothing to send again: nothing has failed, or nobody concerned has another way.",
    "closing": "The round is closing. Nobody is asked any more, and its results follow.",
    "left-out": "This round is left out; the one after it is planned.",
    "taken-back": "The round takes place again as planned.",
}
"""What a page says that an action led to."""


@dataclass(frozen=True)
class Times:
    """Write instants as the reader's clock shows them."""

    zone: str

    def __call__(self, at: datetime | None) -> str:
        """Write *at*; nothing where there is none."""
        return "" if at is None else f"{wall_time(at, self.zone):%Y-%m-%d %H:%M}"


def attach(app: web.Application) -> None:
    """Add the pages and their figures."""
    app[FIGURES] = Figures()
    register(app, "GET", LIST, listed, SEEING)
    register(app, "GET", LIST + ".json", figures, SEEING)
    register(app, "GET", ONE, show, SEEING)
    register(app, "GET", ONE + "/progress.json", figures_of_one, SEEING)
    register(app, "POST", ONE, change, RUNNING)


async def listed(request: web.Request) -> web.Response:
    """List the rounds that the query asks for; a small script keeps the figures fresh."""
    async with request.app[RUNTIME].database.read() as tx:
        home = await home_of(request, tx)
        asked, found = await _asked(request, tx, home)
        shown = await _shown(request, tx, found.rounds)
        known = await round_list.practices(tx, home.organization, home.id)
        titles = await _titles(tx, home)
        zone = await zone_of(request, tx)
    practice, standing = asked["practice"], asked["standing"]
    return pages.render(
        request,
        "console/rounds.html",
        workspace=home,
        rounds=list(zip(found.rounds, shown, strict=True)),
        page=found,
        practices={key: titles.get(key, key) for key in known},
        standings=tuple(STANDINGS),
        practice=practice,
        standing=standing,
        narrowed=urlencode({name: value for name, value in asked.items() if value}),
        times=Times(zone),
        said=DONE.get(request.query.get("done", "")),
    )


async def figures(request: web.Request) -> web.Response:
    """Return the figures of the same list as JSON."""
    async with request.app[RUNTIME].database.read() as tx:
        _, found = await _asked(request, tx, await home_of(request, tx))
        shown = await _shown(request, tx, found.rounds)
    return web.json_response({"rounds": shown})


async def show(request: web.Request) -> web.Response:
    """Show how one round stands, and what can be done about it."""
    return await _page(request)


async def figures_of_one(request: web.Request) -> web.Response:
    """Return the figures of one round as JSON."""
    async with request.app[RUNTIME].database.read() as tx:
        shown = await _shown(request, tx, [await _round(request, tx, await home_of(request, tx))])
    return web.json_response({"rounds": shown})


async def change(request: web.Request) -> web.Response:
    """Do what was asked for; closing a round early is asked back once, for it cannot be undone."""
    form = await sent(request)
    wish = form.get("do", "")
    if wish == "close" and form.get("sure") != "yes":
        return await _page(request, asked=True)
    try:
        done = await _do(request, wish)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    below = "/rounds" if done == "taken-back" else f"/rounds/{request.match_info['round']}"
    return see_other(path_of(request, f"{below}?done={done}"))


async def _do(request: web.Request, wish: str) -> str:
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        home = await home_of(request, tx)
        found = await _round(request, tx, home)
        whose: Any = {"organization": home.organization, "round_id": found.id, "actor": request[SESSION].person}
        if wish == "retry":
            again = await retrying.retry(runtime, tx, **whose)
            return "asked" if again is None else "retried" if again else "nothing"
        if wish not in STEPS:
            raise Mistake("Nothing was chosen; press one of the buttons.")
        step, done = STEPS[wish]
        await step(runtime, tx, **whose)
    return done


STEPS: Mapping[str, tuple[Callable[..., Awaitable[None]], str]] = {
    "close": (steering.close_early, "closing"),
    "leave-out": (steering.leave_out, "left-out"),
    "take-back": (steering.take_back, "taken-back"),
}


async def _page(request: web.Request, *, error: str | None = None, asked: bool = False) -> web.Response:
    runtime = request.app[RUNTIME]
    runs = bool(request[ROLES] & RUNNING.roles)
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        found = await _round(request, tx, home)
        (shown,) = await _shown(request, tx, [found])
        guarded = await deliveries.guarded(tx, found)
        parts = () if guarded else await deliveries.parts(tx, found)
        offers = {
            "retry": bool(retrying.purposes(runtime, found)) and (guarded or deliveries.failed(parts)),
            "close": await steering.closable(runtime, tx, found),
            "leave_out": steering.avoidable(found),
            "take_back": steering.returnable(runtime, found),
        }
        values: dict[str, Any] = {
            "parts": parts,
            "totals": await deliveries.totals(tx, found) if guarded else None,
            "release": await release_progress.standing(tx, home.organization, found.id),
            "title": (await _titles(tx, home)).get(found.practice, found.practice),
            "times": Times(await zone_of(request, tx)),
        }
    return pages.render(
        request,
        "console/round.html",
        status=422 if error else 200,
        workspace=home,
        round=found,
        shown=shown,
        why=explain_round(found.reason) if found.state == "cancelled" else None,
        offers={name: runs and offered for name, offered in offers.items()},
        states=deliveries.STATES,
        said=DONE.get(request.query.get("done", "")),
        asked=asked and offers["close"],
        error=error,
        **values,
    )


async def _round(request: web.Request, tx: Tx, home: Workspace) -> RoundRow:
    found = await rounds.find(tx, request.match_info["round"], home.organization)
    if found is None or found.workspace != home.id:
        raise web.HTTPNotFound
    return found


async def _asked(request: web.Request, tx: Tx, home: Workspace) -> tuple[dict[str, Any], Page]:
    """Read what the list is narrowed to from the query; what makes no sense there is passed over."""
    query, number = request.query, request.query.get("page", "")
    known = await round_list.practices(tx, home.organization, home.id)
    asked: dict[str, Any] = {
        "practice": query.get("practice") if query.get("practice") in known else None,
        "standing": query.get("standing") if query.get("standing") in STANDINGS else None,
    }
    page = min(max(1, int(number)), LAST_PAGE) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    return asked, await round_list.listed(tx, home.organization, home.id, **asked, number=page)


async def _shown(request: web.Request, tx: Tx, found: Sequence[RoundRow]) -> list[dict[str, Any]]:
    return await request.app[FIGURES].of(tx, found, request.app[WALL].now())


async def _titles(tx: Tx, home: Workspace) -> dict[str, str]:
    program = await programs.current(tx, home.organization, home.id)
    return {one.key: one.title for one in program.practices} if program else {}
