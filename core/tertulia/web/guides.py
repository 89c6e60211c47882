"""Guides for difficult conversations, which a host can follow."""

from __future__ import annotations

from aiohttp import web

from tertulia.extension import Access
from tertulia.rituals import guides
from tertulia.web import pages
from tertulia.web.access import register

READER = Access(kind="member", why="the same texts for every member; nothing is kept of who reads them")


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", "/my/guides", show_all, READER)
    register(app, "GET", "/my/guides/{name}", show, READER)


async def show_all(request: web.Request) -> web.Response:
    """List the guides."""
    return pages.render(request, "guides.html", guides=guides.every())


async def show(request: web.Request) -> web.Response:
    """Show one guide."""
    guide = next((one for one in guides.every() if one.name == request.match_info["name"]), None)
    if guide is None:
        raise web.HTTPNotFound
    return pages.render(request, "guide.html", guide=guide)
