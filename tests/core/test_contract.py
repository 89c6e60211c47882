"""What a plugin may hand over as a route."""

from __future__ import annotations

import pytest
from aiohttp import web

from tertulia import contract
from tertulia.errors import PluginError
from tertulia.extension import Access, Route


async def handler(request: web.Request) -> web.Response:
    return web.Response()


def test_a_route_states_where_it_is_and_who_may_call_it() -> None:
    public = Access(kind="public", why="test")
    sound = Route(method="GET", path="/panel", handler=handler, access=public)
    assert contract.route("toy", sound) is sound
    tokens = Access(kind="token", why="test", roles=frozenset({"owner"}), scope="read:rounds")
    for broken, said in (
        (object(), "Route objects with an Access"),
        (Route(method="GET", path="panel", handler=handler, access=public), "start with a slash"),
        (Route(method="GET", path="/api", handler=handler, access=tokens), "the core's own routes only"),
    ):
        with pytest.raises(PluginError, match=said):
            contract.route("toy", broken)
