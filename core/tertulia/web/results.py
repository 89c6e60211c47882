"""What came of surveys: for members their own groups, for those who run a program every published cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import Item
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.services import figures, handing_over, rounds
from tertulia.services.figures import Line, Results
from tertulia.services.indexes import in_a_row
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.surveys.confidentiality.candidates import Family
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.state import RUNTIME, SESSION

GROUPS = 40
"""So many groups of a kind are on a page at once; a large organization has hundreds of teams."""

OWN = Access(kind="member", why="what came of surveys in a member's workspaces, published cells only")
RUNNING = Access(
    kind="role",
    roles=frozenset({"owner", "admin", "analyst"}),
    why="who runs the program sees published cells of its surveys",
)


def attach(app: web.Application) -> None:
    """Add the results pages."""
    register(app, "GET", "/my/results", my_list, OWN)
    register(app, "GET", "/my/results/{round}", mine, OWN)
    surveys = "/workspaces/{workspace}/surveys"
    register(app, "GET", surveys + "/{round}", page, RUNNING)
    register(app, "GET", surveys + "/{round}/cells.json", as_json, RUNNING)
    register(app, "GET", surveys + "/{round}/cells.csv", as_csv, RUNNING)


async def my_list(request: web.Request) -> web.Response:
    """List the surveys of the member's workspaces that ended."""
    session = request[SESSION]
    async with request.app[RUNTIME].database.read() as tx:
        mine_ = await people.workspaces_of(tx, session.organization, session.person)
        found = await _titled(tx, session.organization, mine_)
    return pages.render(request, "surveys.html", rounds=found, above="/my/results")


async def mine(request: web.Request) -> web.Response:
    """Show what came of one survey, of everybody and of the member's own groups."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        mine_ = await people.workspaces_of(tx, session.organization, session.person)
        results = await _results(request, tx, mine_)
        lines = await figures.own_groups(runtime, tx, results, session.person)
        found = await in_a_row(runtime, tx, results)
    items, rows = figures.table(lines)
    return pages.render(request, "results.html", results=results, indexes=found, items=items, rows=rows)


async def page(request: web.Request) -> web.Response:
    """Show every published cell of one survey."""
    async with request.app[RUNTIME].database.read() as tx:
        results = await _results(request, tx, [request.match_info["workspace"]])
        found = await in_a_row(request.app[RUNTIME], tx, results)
    whole = figures.table(results.of("company"))
    grids = [_grid(family, results, request.query.get(family, "")) for family in figures.FAMILIES]
    return pages.render(
        request,
        "survey.html",
        results=results,
        indexes=found,
        whole=whole,
        grids=[one for one in grids if one.count],
        step=GROUPS,
    )


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Hold the figures of one family's groups as a page shows them: *rows* from the *first* of *count* groups on."""

    family: str
    items: Sequence[Item]
    rows: Mapping[tuple[Family, str], Mapping[str, Line]]
    first: int
    count: int

    @property
    def last(self) -> int:
        """Return how many groups come up to the last one shown."""
        return self.first + len(self.rows)


def _grid(family: Family, results: Results, start: str) -> Grid:
    items, rows = figures.table(results.of(family))
    first = int(start) if start.isascii() and start.isdigit() and len(start) < 6 and int(start) < len(rows) else 0
    shown = dict(islice(rows.items(), first, first + GROUPS))
    return Grid(family=family, items=items, rows=shown, first=first, count=len(rows))


async def as_json(request: web.Request) -> web.Response:
    """Hand over the same cells as JSON."""
    async with request.app[RUNTIME].database.read() as tx:
        results = await _results(request, tx, [request.match_info["workspace"]])
    return web.json_response(figures.as_json(results), dumps=pages.dumps)


async def as_csv(request: web.Request) -> web.Response:
    """Hand over the same cells as CSV; it is entered into the log."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        results = await _results(request, tx, [request.match_info["workspace"]])
        home = await people.workspace(tx, session.organization, request.match_info["workspace"])
    if home is None:
        raise web.HTTPNotFound
    async with runtime.database.write() as tx:
        detail: dict[str, object] = {"of": "surveys", "form": "csv", "round": results.round.id}
        await handing_over.note(runtime, tx, home, session.person, "export.read", detail)
    named = {"Content-Disposition": f'attachment; filename="{results.practice.key}-{results.round.id[:8]}.csv"'}
    return web.Response(text=figures.as_csv(results), content_type="text/csv", charset="utf-8", headers=named)


async def _results(request: web.Request, tx: Tx, workspaces: list[Id]) -> Results:
    round_ = await rounds.find(tx, request.match_info["round"], request[SESSION].organization)
    if round_ is None or round_.workspace not in workspaces:
        raise web.HTTPNotFound
    found = await figures.results(request.app[RUNTIME], tx, round_)
    if found is None:
        raise Mistake("There is nothing to show: this is no survey, or it has not closed yet.")
    return found


async def _titled(tx: Tx, organization: Id, workspaces: list[Id]) -> list[dict[str, object]]:
    found = []
    for one in await figures.ended(tx, organization, workspaces):
        practice = await rounds.practice_of(tx, one)
        closed = one.closes_at or one.opens_at
        found.append({"id": one.id, "title": practice.title, "closed": closed.date(), "state": one.state})
    return found
