"""Every operation of the API, and its own description."""

from __future__ import annotations

import json

from aiohttp import web

from tertulia.extension import Access
from tertulia.web.access import register
from tertulia.web.api import (
    audit_log,
    exports,
    overview,
    people,
    plugins,
    program,
    recommendations,
    rounds,
    serving,
    surveys,
    workspaces,
)
from tertulia.web.api.description import describe
from tertulia.web.api.operations import ABOVE, Operation
from tertulia.web.api.serving import JSON

PARTS = (
    workspaces, program, rounds, people, plugins, surveys, overview, recommendations, exports, audit_log,
)  # fmt: skip
OPERATIONS: tuple[Operation, ...] = tuple(one for part in PARTS for one in part.OPERATIONS)
DESCRIPTION = ABOVE + "/openapi.json"


def attach(app: web.Application) -> None:
    """Add every operation, and the description."""
    for one in OPERATIONS:
        serving.attach(app, one)
    described = json.dumps(describe(OPERATIONS)).encode()

    async def description(request: web.Request) -> web.Response:
        return web.Response(body=described, content_type=JSON)

    public = Access(kind="public", why="says what the API can be asked, and nothing about anybody")
    register(app, "GET", DESCRIPTION, description, public)
