"""The web application: every route, and what surrounds it."""

from __future__ import annotations

from aiohttp import web

from tertulia.domain.clock import Clock, SystemClock
from tertulia.runtime import Runtime
from tertulia.web import (
    access,
    answering,
    calendar,
    candle,
    care,
    celebrations,
    comments,
    edge,
    ending,
    entra,
    feedback,
    formulas,
    gallery,
    groups,
    guides,
    hard_weeks,
    headers,
    hooks,
    kudos,
    live,
    member,
    operation,
    overview,
    own_sessions,
    pages,
    participation,
    practices,
    questions,
    recommendations,
    results,
    signing_in,
    wellness,
)
from tertulia.web.api import bearer
from tertulia.web.api import routes as api
from tertulia.web.buckets import Buckets
from tertulia.web.console import routes as console
from tertulia.web.state import GUESSES, RUNTIME, WAIT, WALL

BODY_LIMIT = 1024 * 1024
HEADER_SECONDS = 15.0
VOICE = (candle, care, feedback, comments)
"""The pages of what is said in confidence."""
SIGNING_IN = (signing_in, entra, own_sessions)
COHESION = (overview, recommendations, formulas, participation)

CARE = (wellness, groups, hard_weeks)
"""The pages of sessions, of groups, and of weeks in which little is expected."""


def build(
    runtime: Runtime, *, wall: Clock | None = None, wait: float = 0.3, calls: Buckets | None = None
) -> web.Application:
    """Make the application; *wall* tells the real time that sessions live by, *wait* hides what sign-in does.

    *calls* says how often a token may call.
    """
    app = web.Application(
        client_max_size=BODY_LIMIT,
        middlewares=[ending.track, edge.observe, edge.explain, edge.receive, access.gate],
    )
    ending.attach(app)
    app[RUNTIME] = runtime
    app[WALL] = wall or SystemClock()
    app[WAIT] = wait
    app[GUESSES] = Buckets(60, 60.0)
    app[bearer.CALLS] = calls or Buckets(bearer.COUNT, bearer.SECONDS)
    app[bearer.READS] = Buckets(bearer.SELDOM, bearer.SELDOM_SECONDS)
    pages.environment(app)
    runtime.installations.render = pages.plugin_page
    of_members = (
        *CARE,
        member,
        *VOICE,
        calendar,
        practices,
        gallery,
        celebrations,
        kudos,
        questions,
        guides,
        live,
        results,
    )
    for part in (operation, hooks, pages, answering, *SIGNING_IN, *of_members, console, *COHESION, api):
        part.attach(app)
    app.on_response_prepare.append(headers.protect)
    app.on_startup.append(_check)
    access.check(app)
    return app


def runner(app: web.Application) -> web.AppRunner:
    """Return a runner with limits for slow clients and without aiohttp's own access log, which shows queries."""
    return web.AppRunner(
        app, access_log=None, keepalive_timeout=HEADER_SECONDS, lingering_time=2.0, shutdown_timeout=15.0
    )


async def _check(app: web.Application) -> None:
    access.check(app)
