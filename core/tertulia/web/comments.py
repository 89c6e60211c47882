"""The comments of a closed survey round, as they were published: by node of the organization tree, shuffled."""

from __future__ import annotations

from aiohttp import web

from tertulia.extension import Access
from tertulia.services import rounds
from tertulia.surveys import comments
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.state import RUNTIME, SESSION

READERS = Access(
    kind="role", roles=frozenset({"owner", "admin", "analyst"}), why="published comments, which know no author"
)


def attach(app: web.Application) -> None:
    """Add the page of a round's comments."""
    register(app, "GET", "/workspaces/{workspace}/rounds/{round}/comments", show, READERS)


async def show(request: web.Request) -> web.Response:
    """Show what was published of a round."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, request.match_info["round"], session.organization)
        if round_ is None or round_.workspace != request.match_info["workspace"]:
            raise web.HTTPNotFound
        practice = await rounds.practice_of(tx, round_)
        found = await comments.published(runtime, tx, session.organization, round_.id)
    return pages.render(request, "comments.html", practice=practice, found=found, fewest=comments.FEWEST)
