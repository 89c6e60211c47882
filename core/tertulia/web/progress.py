"""How the rounds of a workspace stand: counts by state, never who; a survey's are rounded down to five."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.extension import Access
from tertulia.services import rounds
from tertulia.services.rounds import Progress
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register, roles_in
from tertulia.web.hard_weeks import ADMINS
from tertulia.web.results import RUNNING
from tertulia.web.state import RUNTIME, SESSION

SEEING = Access(
    kind="role",
    roles=frozenset({"owner", "admin", "host", "analyst"}),
    why="who runs the program sees counts of its rounds",
)
FLOOR = 5
SHOWN = 30
STATES = ("sent", "planned", "sending", "ambiguous", "failed", "skipped")


def attach(app: web.Application) -> None:
    """Add the progress page and its figures."""
    register(app, "GET", "/workspaces/{workspace}/rounds", page, SEEING)
    register(app, "GET", "/workspaces/{workspace}/rounds.json", figures, SEEING)


async def page(request: web.Request) -> web.Response:
    """Show the latest rounds; a small script keeps the figures fresh."""
    organization, workspace = request[SESSION].organization, request.match_info["workspace"]
    async with request.app[RUNTIME].database.read() as tx:
        known = await people.workspace(tx, organization, workspace)
        listed = await _rounds(tx, organization, workspace)
        roles = await roles_in(tx, request[SESSION], workspace)
    may: dict[str, Any] = {"results": bool(RUNNING.roles & roles), "rests": bool(ADMINS.roles & roles)}
    return pages.render(request, "rounds.html", workspace=known, rounds=listed, states=STATES, **may)


async def figures(request: web.Request) -> web.Response:
    """Return the same figures as JSON."""
    async with request.app[RUNTIME].database.read() as tx:
        listed = await _rounds(tx, request[SESSION].organization, request.match_info["workspace"])
    return web.json_response({"rounds": listed})


async def _rounds(tx: Tx, organization: Id, workspace: Id) -> list[dict[str, Any]]:
    listed = []
    for row in await rounds.recent(tx, organization, workspace, SHOWN):
        progress = await rounds.progress(tx, organization, row.id)
        if progress is not None:
            listed.append(shown(progress))
    return listed


def shown(progress: Progress) -> dict[str, Any]:
    """Return a round's figures; in a survey every count is rounded down to five, deliveries too.

    A reminder skips who has answered, so its exact counts would tell how many did.
    """
    row = progress.round
    counts: dict[str, int] = dict.fromkeys(STATES, 0)
    for purpose, states in progress.deliveries.items():
        if purpose in ("invite", "post"):
            for state, count in states.items():
                counts[state] = counts.get(state, 0) + count
    reminded = sum(s.get("sent", 0) for purpose, s in progress.deliveries.items() if purpose.startswith("remind"))
    figures = {**counts, "reminded": reminded, "answered": progress.answered, "passed": progress.passed}
    if row.confidential:
        figures = {name: count // FLOOR * FLOOR for name, count in figures.items()}
    return {
        "id": row.id,
        "practice": row.practice,
        "kind": row.kind,
        "state": row.state,
        "reason": row.reason,
        "opens": row.opens_at.isoformat(timespec="minutes"),
        "closes": row.closes_at.isoformat(timespec="minutes") if row.closes_at else None,
        "confidential": row.confidential,
        "figures": figures,
    }
