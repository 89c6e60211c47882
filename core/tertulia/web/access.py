"""One way to register a route, and one gate that enforces what its `Access` says.

Whoever is not signed in is sent to the sign-in page by routes for members; everyone who may not see a thing gets
the same 404 as for a thing that does not exist.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from aiohttp.typedefs import Handler as Next
from multidict import CIMultiDictProxy

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access, Handler
from tertulia.runtime import Runtime
from tertulia.services import arrivals, rounds
from tertulia.storage.database import Tx
from tertulia.storage.tables import membership, role, round_table
from tertulia.web import sessions, uploads
from tertulia.web.api import bearer
from tertulia.web.sessions import Session
from tertulia.web.state import ROLES, RUNTIME, SESSION, WALL

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
WITH_COOKIE = frozenset({"link", "member", "role"})
RULES: web.AppKey[dict[web.AbstractRoute, Access]] = web.AppKey("rules", dict)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Name what a route is about: a round, a workspace, or with neither the caller's own things."""

    organization: Id | None = None
    workspace: Id | None = None
    round: Id | None = None


def register(
    app: web.Application, method: str, path: str, handler: Handler, access: Access, *, files: bool = False
) -> None:
    """Serve *path* under *access*; the only way to add a route. With *files* it takes forms that carry one."""
    if access.kind == "role" and (not access.roles or "{workspace}" not in path):
        raise Mistake(f"Route {method} {path} asks for a role: it needs roles and a {{workspace}} in its path.")
    if access.kind == "token" and not access.roles:
        raise Mistake(f"Route {method} {path} asks for a token: it needs the roles of whoever may have made it.")
    app.setdefault(RULES, {})
    route = app.router.add_route(method, path, handler)
    app[RULES][route] = access
    if files:
        app.setdefault(uploads.ROUTES, set()).add(route)


def check(app: web.Application) -> None:
    """Refuse an application that has a route without an `Access`."""
    for route in app.router.routes():
        if route not in app[RULES]:
            path = route.resource.canonical if route.resource else "?"
            raise Mistake(f"Route {route.method} {path} has no Access: add it through tertulia.web.access.register.")


def matrix(app: web.Application) -> list[tuple[str, str, Access]]:
    """List every route with its access, the routes of enabled plugins included."""
    check(app)
    return sorted([*_own(app), *_plugins(app[RUNTIME])], key=lambda row: (row[1], row[0]))


def _own(app: web.Application) -> Iterator[tuple[str, str, Access]]:
    for route, access in app[RULES].items():
        if route.resource is not None:
            yield route.method, route.resource.canonical, access


def _plugins(runtime: Runtime) -> Iterator[tuple[str, str, Access]]:
    for live in runtime.installations.all():
        for route in live.routes:
            yield route.method, f"/plugins/{live.plugin}/{live.id}{route.path}", route.access


def opens(request: web.Request, path: str) -> bool:
    """Tell whether the caller's roles open the page at *path*, a template; false where nobody registered it."""
    rules = request.app[RULES].items()
    pages = (one for one in rules if one[0].method == "GET" and one[0].resource is not None)
    found = (rule for route, rule in pages if route.resource and route.resource.canonical == path)
    return any(rule.roles & request.get(ROLES, frozenset()) for rule in found if rule.kind == "role")


@web.middleware
async def gate(request: web.Request, handler: Next) -> web.StreamResponse:
    """Let a request through to its route only where the route's access allows it."""
    if request.match_info.http_exception is not None:
        return await handler(request)
    access = request.app[RULES].get(request.match_info.route)
    if access is None:
        raise web.HTTPNotFound
    info = request.match_info
    await admit(request, access, Scope(workspace=info.get("workspace"), round=info.get("round")))
    return await handler(request)


async def admit(request: web.Request, access: Access, scope: Scope) -> None:
    """Raise unless *access* allows the request within *scope*; remember the session for the handler."""
    runtime = request.app[RUNTIME]
    if access.kind == "verified":
        return
    if access.kind == "sandbox" and not runtime.config.sandbox:
        raise web.HTTPNotFound
    if access.kind == "token":
        await bearer.admit(request, access, scope.workspace)
        return
    unsafe = request.method not in SAFE
    if unsafe and not same_origin(request.headers, runtime.config.public_url):
        raise Refused("Sent from another site.", 403)
    now = request.app[WALL].now()
    async with runtime.database.read() as tx:
        session = await sessions.load(runtime, tx, request, now)
        if access.kind in WITH_COOKIE:
            request[ROLES] = await _entitled(tx, session, access, scope, now)
    if session is None:
        return
    request[SESSION] = await sessions.prolong(runtime, session, now)
    if unsafe and access.kind in WITH_COOKIE:
        await _check_token(request, runtime, session)


async def _entitled(tx: Tx, session: Session | None, access: Access, scope: Scope, now: datetime) -> frozenset[str]:
    """Raise unless the session may; return its roles in the workspace of a route that asks for one."""
    if access.kind == "link":
        if session is None or not await _linked(tx, session, scope):
            raise web.HTTPNotFound
        return frozenset()
    if session is None or session.round is not None or (access.kind == "member" and not session.fresh(now)):
        raise web.HTTPSeeOther("/sign-in")
    if scope.organization is not None and scope.organization != session.organization:
        raise web.HTTPNotFound
    if scope.workspace is None:
        return frozenset()
    if not await _member(tx, session, scope.workspace):
        raise web.HTTPNotFound
    roles = await roles_in(tx, session, scope.workspace) if access.kind == "role" else frozenset()
    if access.kind == "role" and not access.roles & roles:
        raise web.HTTPNotFound
    return roles


async def _linked(tx: Tx, session: Session, scope: Scope) -> bool:
    if scope.round is not None:
        if session.round is not None and session.round != scope.round:
            return False
        query = sa.select(round_table.c.workspace_id).where(
            round_table.c.organization_id == session.organization, round_table.c.id == scope.round
        )
        workspace = (await tx.execute(query)).scalar_one_or_none()
        if workspace is None:
            return False
        return await _member(tx, session, workspace) or await _asked_on_leaving(tx, session, scope.round)
    if scope.workspace is not None:
        return await _member(tx, session, scope.workspace)
    return True


async def _asked_on_leaving(tx: Tx, session: Session, round_id: Id) -> bool:
    round_ = await rounds.find(tx, round_id, session.organization) if session.round == round_id else None
    if round_ is None:
        return False
    return await arrivals.left_and_asked(tx, round_, await rounds.practice_of(tx, round_), session.person)


async def _member(tx: Tx, session: Session, workspace: Id) -> bool:
    query = sa.select(sa.literal(1)).where(
        membership.c.organization_id == session.organization,
        membership.c.workspace_id == workspace,
        membership.c.person_id == session.person,
        membership.c.left_at.is_(None),
    )
    return (await tx.execute(query)).first() is not None


async def roles_in(tx: Tx, session: Session, workspace: Id) -> frozenset[str]:
    """Return the roles that the session's person has in *workspace*."""
    query = sa.select(role.c.role).where(
        role.c.organization_id == session.organization,
        role.c.workspace_id == workspace,
        role.c.person_id == session.person,
    )
    return frozenset((await tx.execute(query)).scalars())


def same_origin(headers: CIMultiDictProxy[str], public_url: str) -> bool:
    """Tell whether a browser sent the request from one of our own pages.

    `Sec-Fetch-Site` decides where it is sent: no script can set it. Under our referrer policy browsers send
    `Origin: null` with forms, so an older browser is refused rather than believed.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return headers.get("Origin") == "/".join(public_url.split("/")[:3])


async def _check_token(request: web.Request, runtime: Runtime, session: Session) -> None:
    form: Any = {}
    if uploads.takes_files(request):
        request[uploads.UPLOAD] = await uploads.read(request)
        form = request[uploads.UPLOAD].texts
    elif request.content_type == "application/x-www-form-urlencoded":
        form = await request.post()
    given = request.headers.get("X-CSRF-Token") or str(form.get("csrf", ""))
    # a header may hold bytes that are no text
    if not hmac.compare_digest(given.encode(errors="surrogatepass"), sessions.csrf_token(runtime, session).encode()):
        raise Refused("This page was open for too long. Go back, load it again and send it once more.", 403)
