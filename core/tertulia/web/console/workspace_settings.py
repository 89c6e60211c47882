"""The settings of a workspace and its organization: what each does, and who may change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.services import fewest, overview, people, profiles, retention, second_person
from tertulia.storage import people as stored
from tertulia.storage import programs
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.console.scope import ABOVE, RUNNING, home_of, path_of, sent
from tertulia.web.edge import see_other
from tertulia.web.state import ROLES, RUNTIME, SESSION

PAGE = ABOVE + "/settings"
FIELDS: Mapping[str, Callable[[str, str], str]] = {
    "name": profiles.title,
    "zone": profiles.zone,
    "language": profiles.language,
}


class Faults(Mistake):
    """Hold what is wrong with a form, by its fields."""

    def __init__(self, faults: Mapping[str, str]):
        super().__init__(" ".join(faults.values()))
        self.faults = faults


def attach(app: web.Application) -> None:
    """Add the page of settings."""
    register(app, "GET", PAGE, show, RUNNING)
    register(app, "POST", PAGE, change, RUNNING)


async def show(request: web.Request) -> web.Response:
    """Show what is set, and what each setting does."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Change what one person may change, and propose what needs two."""
    form = await sent(request)
    try:
        async with request.app[RUNTIME].database.write() as tx:
            waits = await _change(request, tx, await home_of(request, tx), form)
    except Faults as wrong:
        return await _page(request, faults=wrong.faults, typed=form)
    except Mistake as mistake:
        return await _page(request, faults={form.get("do", ""): str(mistake)}, typed=form)
    return see_other(path_of(request, "/proposals" if waits else "/settings"))


async def _change(request: web.Request, tx: Tx, home: Workspace, form: Mapping[str, str]) -> bool:
    """Return whether it waits for a second person now."""
    runtime, me = request.app[RUNTIME], request[SESSION].person
    proposed: Any = {"organization": home.organization, "workspace": home.id, "by": me}
    match form.get("do"):
        case "workspace":
            values = _checked(form)
            await people.change_workspace(runtime, tx, home.organization, home.id, **values, actor=me)
            return False
        case "readers":
            await overview.allow(runtime, tx, home, form.get("readers", ""), actor=me)
            return False
        case "threshold":
            wanted = form.get("fewest", "").strip()
            number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 5 else wanted[:20]
            detail: dict[str, Any] = {"practice": form.get("practice", "")[:100], "fewest": number}
            await second_person.propose(runtime, tx, **proposed, what="threshold", detail=detail)
        case "domains":
            owned = people.declared(form.get("domains", "").split())
            proposed["workspace"] = None
            await second_person.propose(runtime, tx, **proposed, what="domains", detail={"domains": owned})
        case _:
            raise Mistake("Nothing was chosen; press one of the buttons.")
    return True


def _checked(form: Mapping[str, str]) -> dict[str, str]:
    values, faults = {}, {}
    for field, check in FIELDS.items():
        try:
            values[field] = check(field, form.get(field, "")[:1000])
        except Mistake as mistake:
            faults[field] = str(mistake)
    if faults:
        raise Faults(faults)
    return values


async def _page(
    request: web.Request, *, faults: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as tx:
        home = await home_of(request, tx)
        owner = await stored.organization(tx, home.organization)
        program = await programs.current(tx, home.organization, home.id)
        readers = await overview.readers(tx, home.organization, home.id)
    known = fewest.thresholds(runtime, program) if program else {}
    titles = {one.key: one.title for one in program.practices} if program else {}
    return pages.render(
        request,
        "console/settings.html",
        status=422 if faults else 200,
        workspace=home,
        organization=owner,
        owns="owner" in request[ROLES],
        thresholds=[(key, titles[key], number) for key, number in known.items()],
        least=FEWEST_ANSWERS,
        budget=program.message_budget if program else None,
        readers=readers,
        choices=overview.READERS,
        quiet=(profiles.EMPTY["quiet_start"], profiles.EMPTY["quiet_end"]),
        kept=[(name, period.days) for name, period in _kept(runtime.config.retention)],
        faults=faults or {},
        typed=typed or {},
    )


def _kept(changed: str) -> list[tuple[str, Any]]:
    """Return how long each kind of row is kept by this service."""
    return list({**retention.RETENTION, **retention.periods(changed)}.items())
