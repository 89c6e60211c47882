"""Where platforms knock: webhooks, and the routes of enabled plugins.

Both look the installation up at every request, so that enabling and disabling take effect at once.
"""

from __future__ import annotations

import sqlalchemy as sa
from aiohttp import web

from tertulia.capabilities import Raw
from tertulia.delivery import intake
from tertulia.domain.identifiers import Id
from tertulia.errors import Refused
from tertulia.extension import FORM_TOKEN, PERSON, Access
from tertulia.extension import Route as PluginRoute
from tertulia.runtime import Runtime
from tertulia.services.installations import Live
from tertulia.storage.tables import subscription
from tertulia.web import sessions
from tertulia.web.access import Scope, admit, register
from tertulia.web.state import FRAMES, RUNTIME, SCRIPTS, SESSION, TEMPLATE

HOOK = "/hooks/{plugin}/{subscription}"
MOUNT = "/plugins/{plugin}/{installation}"
KNOWN: web.AppKey[dict[Id, Id]] = web.AppKey("known", dict)
MOUNTED: web.AppKey[dict[Id, tuple[Live, web.UrlDispatcher]]] = web.AppKey("mounted", dict)


def attach(app: web.Application) -> None:
    """Add the routes that platforms call."""
    app[KNOWN], app[MOUNTED] = {}, {}
    signed = Access(kind="verified", why="the plugin's webhook checks the platform's signature")
    for method in ("GET", "HEAD", "POST"):
        register(app, method, HOOK, webhook, signed)
    own = Access(kind="verified", why="each plugin route has its own access, enforced before its handler runs")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        register(app, method, MOUNT + "{tail:/.*}", dispatch, own)


async def webhook(request: web.Request) -> web.Response:
    """Hand a platform's request to the intake, byte for byte."""
    runtime = request.app[RUNTIME]
    key = request.match_info["subscription"]
    live = await _live(runtime, request.app[KNOWN], key)
    if live is None or live.plugin != request.match_info["plugin"]:
        return web.Response(status=404)
    raw = Raw(
        method=request.method,
        url=runtime.config.public_url + request.rel_url.raw_path_qs,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
        query=dict(request.query),
    )
    try:
        answer = await intake.receive(runtime, live, key, raw)
    except Refused as refusal:
        return web.Response(status=refusal.status)
    response = web.Response(status=answer.status, body=answer.body)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


async def _live(runtime: Runtime, known: dict[Id, Id], key: Id) -> Live | None:
    # a subscription never changes its installation; whether it still exists, the intake asks each time
    if key not in known:
        async with runtime.database.read() as tx:
            query = sa.select(subscription.c.installation_id).where(subscription.c.id == key)
            installation = (await tx.execute(query)).scalar_one_or_none()
        if installation is None:
            return None
        known[key] = installation
    return runtime.installations.get(known[key])


async def dispatch(request: web.Request) -> web.StreamResponse:
    """Serve a route of an enabled plugin under the route's own access, frames included."""
    live = request.app[RUNTIME].installations.get(request.match_info["installation"])
    if live is None or live.plugin != request.match_info["plugin"]:
        raise web.HTTPNotFound
    match = await _router(request.app[MOUNTED], live).resolve(request)
    if match.http_exception is not None:
        raise match.http_exception
    route = _route(live, match)
    request[TEMPLATE] = f"/plugins/{live.plugin}/*{route.path}"
    await admit(request, route.access, Scope(organization=live.organization, workspace=live.workspace))
    request[FRAMES], request[SCRIPTS] = route.frames, route.scripts
    _introduce(request)
    request.match_info.update(match)
    return await route.handler(request)


def _router(mounted: dict[Id, tuple[Live, web.UrlDispatcher]], live: Live) -> web.UrlDispatcher:
    known = mounted.get(live.id)
    if known is not None and known[0] is live:
        return known[1]
    router = web.UrlDispatcher()
    for number, route in enumerate(live.routes):
        path = f"/plugins/{live.plugin}/{live.id}{route.path}"
        router.add_route(route.method, path, route.handler, name=f"r{number}")
    mounted[live.id] = (live, router)
    return router


def _route(live: Live, match: web.UrlMappingMatchInfo) -> PluginRoute:
    name = match.route.name or ""
    return live.routes[int(name.removeprefix("r"))]


def _introduce(request: web.Request) -> None:
    """Tell the plugin who is there, where the route's access asked for it."""
    session = request.get(SESSION)
    if session is not None:
        request[PERSON] = session.person
        request[FORM_TOKEN] = sessions.csrf_token(request.app[RUNTIME], session)
