"""What colleagues thanked me for, what I thanked them for, and a form to thank somebody."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.planning import WEB
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Thanks
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.services import kudos, kudos_withdrawing, thanking
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own thanks, with a fresh code")
PAGE = "/my/kudos"
TYPED = ("practice", "whom", "why", "value", "audience")


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", PAGE, show, OWN)
    register(app, "POST", PAGE, change, OWN)


async def show(request: web.Request) -> web.Response:
    """Show the member's own thanks."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Thank somebody, keep thanks out of the digest or let them in, or take thanks back."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    step, which = str(form.get("step", "")), str(form.get("thanks", ""))[:32]
    try:
        async with runtime.database.write() as tx:
            match step:
                case "thank":
                    await _thank(request, tx, form)
                case "hide" | "show":
                    whose = (runtime, tx, session.organization, session.person)
                    await kudos_withdrawing.hide(*whose, which, hidden=step == "hide")
                case "take back":
                    await kudos_withdrawing.take_back(runtime, tx, session.organization, session.person, which)
                case _:
                    raise Refused("no such button", 400)
    except Mistake as mistake:
        return await _page(request, error=str(mistake), form=form)
    return see_other(PAGE)


async def _thank(request: web.Request, tx: Tx, form: Any) -> None:
    runtime, session = request.app[RUNTIME], request[SESSION]
    offers = await kudos.offered(tx, session.organization, session.person)
    wanted = str(form.get("practice", ""))
    offer = next((one for one in offers if _id(*one) == wanted), None)
    if offer is None:
        raise Mistake("There is no such practice; choose one that is offered.")
    workspace, practice = offer
    value = str(form.get("value", ""))
    if value and value not in _values(request, practice):
        raise Mistake("That is none of the values; choose one that is offered.")
    # neither a NUL nor half a character can be stored everywhere
    why = str(form.get("why", "")).replace("\x00", "").encode(errors="ignore").decode().strip()
    names = [name.strip() for name in re.split(r"[,;\n]", str(form.get("whom", ""))[:1000]) if name.strip()]
    giver = kudos.Giver(
        organization=session.organization,
        workspace=workspace,
        practice=practice,
        person=session.person,
        platform=WEB,
    )
    public = form.get("audience") == thanking.PUBLIC
    thanks = Thanks(to=tuple(names), why=why, value=value or None, public=public)
    await kudos.give_named(runtime, tx, giver, thanks)


def _values(request: web.Request, practice: Practice) -> list[str]:
    return list(practice.options.get("values", thanking.default_values(request.app[RUNTIME])))


def _id(workspace: Id, practice: Practice) -> str:
    return f"{workspace}:{practice.key}"


async def _page(request: web.Request, *, error: str | None = None, form: Any = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        received = await kudos.received(runtime, tx, session.organization, session.person)
        given = await kudos.given(runtime, tx, session.organization, session.person)
        offers = await kudos.offered(tx, session.organization, session.person)
    return pages.render(
        request,
        "kudos.html",
        status=422 if error else 200,
        language=person.languages[0] if person is not None and person.languages else "en",
        received=received,
        given=given,
        offers=[(_id(*offer), offer[1].title, _values(request, offer[1])) for offer in offers],
        longest=kudos.LONGEST,
        typed={name: str((form or {}).get(name, "")) for name in TYPED},
        error=error,
    )
