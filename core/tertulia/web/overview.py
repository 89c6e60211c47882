"""The overview of cohesion on pages: for those who run the program, and for those whom the workspace lets read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.extension import Access
from tertulia.measures import wording
from tertulia.measures.figures import Figure
from tertulia.measures.overview import Standing
from tertulia.services import measuring, overview, recommending
from tertulia.services.figures import name_of
from tertulia.services.overview import Overview
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.web import chart_pictures, charts, pages
from tertulia.web.access import register, roles_in
from tertulia.web.edge import see_other
from tertulia.web.results import RUNNING
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="the overview of a member's workspaces, where the workspace lets members read it")
NOT_SHOWN = "This workspace shows its overview to those who run the program. They can let every member read it."


@dataclass(frozen=True, kw_only=True)
class Card:
    """Hold one component as the page shows it."""

    standing: Standing
    now: str
    behind: str
    baseline: str
    change: str
    span: str
    benchmark: str
    chart: str
    trend: charts.Chart | None


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", "/overview", which, OWN)
    register(app, "GET", "/my/overview/{workspace}", mine, OWN)
    above = "/workspaces/{workspace}/overview"
    register(app, "GET", above, page, RUNNING)
    register(app, "GET", f"{above}.json", as_json, RUNNING)
    register(app, "GET", above + "/{component}", component, RUNNING)
    chart_pictures.attach(app)


async def which(request: web.Request) -> web.Response:
    """Lead to the overview of the member's workspace, or let choose among several."""
    session = request[SESSION]
    found = []
    async with request.app[RUNTIME].database.read() as tx:
        for one in await people.workspaces_of(tx, session.organization, session.person):
            home = await people.workspace(tx, session.organization, one)
            roles = await roles_in(tx, session, one)
            if home is not None and overview.may_read(await overview.readers(tx, session.organization, one), roles):
                runs = bool(RUNNING.roles & roles)
                found.append((home.name, f"/workspaces/{one}/overview" if runs else f"/my/overview/{one}"))
    if len(found) == 1:
        return see_other(found[0][1])
    return pages.render(request, "overviews.html", found=found)


async def mine(request: web.Request) -> web.Response:
    """Show the overview to a member whom the workspace lets read it."""
    session, workspace = request[SESSION], request.match_info["workspace"]
    async with request.app[RUNTIME].database.read() as tx:
        home = await _home(request, tx)
        roles = await roles_in(tx, session, workspace)
        if not overview.may_read(await overview.readers(tx, session.organization, workspace), roles):
            title = "Overview"
            return pages.render(request, "plain.html", title=title, body=Markup.literal(NOT_SHOWN))
        found = await overview.build(request.app[RUNTIME], tx, home)
    return _page(request, found, runs=False, waiting=0)


async def page(request: web.Request) -> web.Response:
    """Show how every part of the profile stands."""
    async with request.app[RUNTIME].database.read() as tx:
        home = await _home(request, tx)
        found = await overview.build(request.app[RUNTIME], tx, home)
        waiting = sum(one.state == "open" for one in await recommending.listed(tx, home))
    return _page(request, found, runs=True, waiting=waiting)


def _page(request: web.Request, found: Overview, *, runs: bool, waiting: int) -> web.Response:
    return pages.render(
        request,
        "overview.html",
        overview=found,
        cards=[_card(one, found) for one in found.shown],
        summary=wording.summary(found.shown),
        runs=runs,
        waiting=waiting,
        readers=overview.READERS,
    )


async def as_json(request: web.Request) -> web.Response:
    """Hand over the same figures as JSON."""
    async with request.app[RUNTIME].database.read() as tx:
        found = await overview.build(request.app[RUNTIME], tx, await _home(request, tx))
    return web.json_response(overview.as_json(found), dumps=pages.dumps)


async def component(request: web.Request) -> web.Response:
    """Show one part: its quarters, its control chart, and where its figures come from."""
    async with request.app[RUNTIME].database.read() as tx:
        home = await _home(request, tx)
        found = await overview.build(request.app[RUNTIME], tx, home)
        standing = found.of(request.match_info["component"])
        if standing is None:
            raise web.HTTPNotFound
        groups = await _groups(tx, home, standing)
    charted = standing.charted
    return pages.render(
        request,
        "component.html",
        overview=found,
        card=_card(standing, found),
        groups=groups,
        name_of=name_of,
        words_of=words_of,
        control=charts.control(charted.chart) if charted else None,
        rows=list(zip(charted.dates, charted.chart.points, strict=True)) if charted else [],
    )


async def _groups(tx: Tx, home: Workspace, standing: Standing) -> list[Figure]:
    """Return the newest published figures of a measure's groups; those of a survey are on its own page."""
    part = standing.component
    if part.family is None:
        return []
    figures = await measuring.published(
        tx, home.organization, home.id, families=[part.family], key=part.figure, last=1
    )
    return [one for one in figures if one.about == part.narrowed]


def _card(one: Standing, found: Overview) -> Card:
    return Card(
        standing=one,
        now=wording.now(one),
        behind=wording.behind(one),
        baseline=wording.baseline(one),
        change=wording.change(one),
        span=wording.span(one),
        benchmark=wording.benchmark(one, found.made_at.date()),
        chart=wording.chart(one),
        trend=charts.trend(one),
    )


async def _home(request: web.Request, tx: Tx) -> Workspace:
    organization: Id = request[SESSION].organization
    home = await people.workspace(tx, organization, request.match_info["workspace"])
    if home is None:
        raise web.HTTPNotFound
    return home


def words_of(figure: Figure, value: Any) -> str:
    """Write a figure of a measure in its unit."""
    if value is None:
        return ""
    if figure.unit in ("percent", "per_year"):
        return f"{value:.0f} %"
    return f"{value:+.2f}" if figure.unit == "score" else f"{value:.2f}"
