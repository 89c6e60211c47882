"""Who may do what in a workspace, and how that is changed: by two people, but for hosts and for the second owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.services import people, second_person
from tertulia.services.agreed import GUARDED
from tertulia.storage import people as stored
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

PAGE = ABOVE + "/roles"
MEANINGS: Mapping[Role, str] = {
    "owner": "runs the program, reads the log, and approves who owns and administers",
    "admin": "runs the program, its plugins, people and settings",
    "host": "holds live rounds and sees how rounds stand",
    "analyst": "reads published figures, the overview and recommendations",
    "responder": "answers candles that are lit to them, and sees nothing else",
}


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Hold a role that a member has."""

    person: Id
    name: str
    email: str | None
    role: Role


def attach(app: web.Application) -> None:
    """Add the page of roles."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, change, RUNNING)


async def show(request: web.Request) -> web.Response:
    """Show who has which role."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Propose to give or take a role, give or take that of a host, or name the second owner."""
    form = await sent(request)
    try:
        async with request.app[RUNTIME].database.write() as tx:
            home = await home_of(request, tx)
            waits = await _change(request, tx, home, form)
    except Mistake as mistake:
        return await _page(request, error=str(mistake), typed=form)
    return see_other(path_of(request, "/proposals" if waits else "/roles"))


async def _change(request: web.Request, tx: Tx, home: Workspace, form: Mapping[str, str]) -> bool:
    """Return whether it waits for a second person now."""
    runtime, me, role = request.app[RUNTIME], request[SESSION].person, form.get("role", "")
    where: Any = {"organization": home.organization, "workspace": home.id}
    match form.get("do"):
        case "second":
            person = await _person(tx, home, form)
            await second_person.name_second_owner(runtime, tx, **where, person=person, by=me)
            return False
        case "grant":
            person, alone = await _person(tx, home, form), people.grant
        case "revoke":
            person, alone = form.get("person", "")[:32], people.revoke
        case _:
            raise Mistake("Nothing was chosen; press one of the buttons.")
    if role in get_args(Role) and role not in GUARDED:
        await alone(runtime, tx, home.organization, home.id, person, role, actor=me)
        return False
    detail = {"person": person, "role": role}
    await second_person.propose(runtime, tx, **where, what=f"role.{form['do']}", detail=detail, by=me)
    return True


async def _person(tx: Tx, home: Workspace, form: Mapping[str, str]) -> Id:
    address = form.get("email", "").strip()[:254]
    found = await stored.person_by_email(tx, home.organization, address) if address else None
    if found is None or found.erased or home.id not in await stored.workspaces_of(tx, home.organization, found.id):
        raise Mistake("E-mail address: no member of this workspace has it; look it up on the page People.")
    return found.id


async def _page(
    request: web.Request, *, error: str | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    session = request[SESSION]
    async with request.app[RUNTIME].database.read() as tx:
        home = await home_of(request, tx)
        holders = await _holders(tx, home)
        whose = (home.organization, home.id)
        me = await stored.current(tx, session.organization, session.person)
        single = len(await second_person.owners(tx, *whose)) == 1
        names_second = await second_person.may_name_second_owner(tx, *whose, me)
    return pages.render(
        request,
        "console/roles.html",
        status=422 if error else 200,
        workspace=home,
        holders=holders,
        meanings=MEANINGS,
        guarded=GUARDED,
        single=single,
        names_second=names_second,
        typed=typed or {},
        error=error,
    )


async def _holders(tx: Tx, home: Workspace) -> list[Holder]:
    """Return who has which role, in the order of the roles and then by name."""
    held = await stored.role_holders(tx, home.organization, home.id)
    known = await stored.persons(tx, home.organization, held)
    rows = [
        Holder(person=who, name=known[who].name, email=known[who].email, role=role)
        for who, roles in held.items()
        if who in known
        for role in roles
    ]
    order = {role: place for place, role in enumerate(get_args(Role))}
    return sorted(rows, key=lambda one: (order[one.role], one.name.casefold(), one.person))
