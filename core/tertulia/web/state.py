"""What the application and each request carry, under typed keys."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import Counter

from tertulia.domain.clock import Clock
from tertulia.runtime import Runtime
from tertulia.web.buckets import Buckets
from tertulia.web.sessions import Session

RUNTIME = web.AppKey("runtime", Runtime)
WALL = web.AppKey("wall", Clock)
WAIT = web.AppKey("wait", float)
"""Seconds that both sign-in forms take at least, whether or not a code was sent or right."""
GUESSES = web.AppKey("guesses", Buckets)
REQUESTS = web.AppKey("requests", Counter)
TOUR = web.AppKey("tour", str)
"""The path of the page that leads through the demo, where there is one."""

SESSION = web.RequestKey("session", Session)
ROLES: web.RequestKey[frozenset[str]] = web.RequestKey("roles", frozenset)
"""The caller's roles in the workspace of a route that asks for one."""
TEMPLATE = web.RequestKey("template", str)
"""The path template that logs and metrics name, instead of the path."""
FRAMES = web.RequestKey("frames", tuple[str, ...])
SCRIPTS = web.RequestKey("scripts", tuple[str, ...])
"""Origins whose scripts the page may load beside our own."""


def peer(request: web.Request) -> str:
    """Return the address of whoever opened the connection."""
    name = request.transport.get_extra_info("peername") if request.transport else None
    return str(name[0]) if name else ""
