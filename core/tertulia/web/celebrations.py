"""What I want to be celebrated for: each occasion, who may know, where it is said, and all of it taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Place
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.kinds import Celebrating
from tertulia.services import celebrating, occasions
from tertulia.services.occasions import Chosen, Circle
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own days, shown to nobody else")
CIRCLES = ("team", "all", "nobody")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Hold one occasion of a practice with what the member chose for it; *yearly* ones need no year."""

    workspace: Id
    name: str
    practice: Practice
    occasion: str
    yearly: bool
    stopped: bool
    chosen: Chosen | None

    @property
    def key(self) -> str:
        """Name the offer in a form."""
        return f"{self.workspace}:{self.practice.key}:{self.occasion}"


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", "/my/celebrations", show, OWN)
    register(app, "POST", "/my/celebrations", choose, OWN)
    register(app, "POST", "/my/celebrations/take-back", take_back, OWN)


async def show(request: web.Request) -> web.Response:
    """Show what the member can be celebrated for."""
    return await _page(request)


async def choose(request: web.Request) -> web.Response:
    """Keep a day; what was planned for another one before is taken back first."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            offer = await _offer(tx, request, str(form.get("offer", "")))
            chosen = _read(form, offer)
            where = (session.organization, offer.workspace, offer.practice.key, session.person, offer.occasion)
            await celebrating.take_back(runtime, tx, *where)
            await occasions.choose(runtime, tx, *where, chosen)
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other("/my/celebrations")


async def take_back(request: web.Request) -> web.Response:
    """Forget a day at once, whatever has been planned for it or said about it."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    workspace, _, rest = str(form.get("offer", ""))[:200].partition(":")
    practice, _, occasion = rest.partition(":")
    async with runtime.database.write() as tx:
        # also what the program does not offer any more
        where = (session.organization, workspace, practice, session.person, occasion)
        await celebrating.take_back(runtime, tx, *where)
    return see_other("/my/celebrations")


async def _offer(tx: Tx, request: web.Request, key: str) -> Offer:
    found = next((one for one in await _offers(tx, request) if one.key == key), None)
    if found is None:
        raise Mistake("There is no such occasion; choose one of those below.")
    return found


def _read(form: Any, offer: Offer) -> Chosen:
    circle = str(form.get("circle", ""))
    if circle not in CIRCLES:
        raise Mistake("You have not said who may know; choose one of the three.")
    known = {place_key(place) for place in offer.practice.places}
    places = tuple(dict.fromkeys(str(one) for one in form.getall("place", [])))
    if not known.issuperset(places):
        raise Mistake("There is no such place; choose among those below.")
    month, day, year = _day(form, offer)
    return Chosen(month=month, day=day, year=year, circle=cast(Circle, circle), places=places)


def _day(form: Any, offer: Offer) -> tuple[int, int, int | None]:
    if offer.yearly:
        month, day = (str(form.get(name, "")) for name in ("month", "day"))
        if not (month.isascii() and month.isdecimal() and day.isascii() and day.isdecimal()) or len(month + day) > 4:
            raise Mistake("The day is missing; choose a day and a month.")
        return int(month), int(day), None
    try:
        on = date.fromisoformat(str(form.get("date", "")))
    except ValueError:
        raise Mistake("The date is missing; choose one.") from None
    return on.month, on.day, on.year


def place_key(place: Place) -> str:
    """Name a place as programs do."""
    return f"{place.platform}:{place.ref}"


async def _offers(tx: Tx, request: web.Request) -> list[Offer]:
    runtime, session = request.app[RUNTIME], request[SESSION]
    person = await people.person(tx, session.organization, session.person)
    chosen = await occasions.mine(runtime, tx, session.organization, session.person)
    stopped = (await people.opt_outs(tx, session.organization, [session.person])).get(session.person, frozenset())
    found: list[Offer] = []
    for workspace in await people.workspaces_of(tx, session.organization, session.person):
        program = await programs.current(tx, session.organization, workspace)
        home = await people.workspace(tx, session.organization, workspace)
        for practice in program.practices if program and person else ():
            kind = runtime.plugins.rituals().get(practice.kind)
            if not isinstance(kind, Celebrating) or person is None or not practice.audience.includes(person):
                continue
            offered = practice.options.get("occasions", tuple(kind.occasions))
            found.extend(
                Offer(
                    workspace=workspace,
                    name=home.name if home else "",
                    practice=practice,
                    occasion=occasion,
                    yearly=yearly,
                    stopped=bool(stopped & {"*", practice.key}),
                    chosen=chosen.get((workspace, practice.key, occasion)),
                )
                for occasion, yearly in kind.occasions.items()
                if occasion in offered or (workspace, practice.key, occasion) in chosen
            )
    return found


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        offers = await _offers(tx, request)
    return pages.render(
        request,
        "celebrations.html",
        status=422 if error else 200,
        language=person.languages[0] if person and person.languages else "en",
        offers=offers,
        has_team=bool(person and person.team),
        place_key=place_key,
        error=error,
    )
