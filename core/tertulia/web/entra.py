"""Sign in with Microsoft Entra ID, where it is configured; and connect an account of it while signed in otherwise.

State, nonce and code verifier travel in a sealed cookie that this browser alone has, for ten minutes; the state is
good once. The way back is a GET from another site, as Entra makes it: what protects it is the state. Whoever sets out
must come from a page of ours, so that no other site starts a sign-in.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tertulia.entra_settings import EntraSettings
from tertulia.errors import Refused
from tertulia.extension import Access
from tertulia.services.entra import accounts
from tertulia.services.entra.provider import ANSWERS, Account, Provider
from tertulia.services.entra.reasons import STATUS, NotSignedIn
from tertulia.services.links import digest
from tertulia.storage import people
from tertulia.storage.database import upsert
from tertulia.storage.tables import spent_sign_in
from tertulia.web import pages, sessions
from tertulia.web.access import register
from tertulia.web.buckets import Buckets
from tertulia.web.edge import failure, see_other
from tertulia.web.signing_in import signed_in, target
from tertulia.web.state import RUNTIME, SESSION, WALL, peer

log = logging.getLogger("tertulia.web")
LASTS = timedelta(minutes=10)
PLACE = "entra"
BACK = "/sign-in/entra/return"
LONGEST = 4096
PROVIDER = web.AppKey("entra", Provider)
STARTS = web.AppKey("entra_starts", Buckets)
REFUSALS = web.AppKey("entra_refusals", Buckets)
"""How many refusals of a kind go to the audit log in a minute; strangers can cause as many as they like."""


def attach(app: web.Application) -> None:
    """Add the ways to Entra and back, where it is configured."""
    config = app[RUNTIME].config
    if config.entra is None:
        return
    app[PROVIDER] = Provider(config.entra, sandbox=config.sandbox)
    app[STARTS], app[REFUSALS] = Buckets(1200, 60.0), Buckets(30, 60.0)
    app.cleanup_ctx.append(_closing)
    anyone = Access(kind="public", why="sends the browser to Entra, and takes back what it says of who sits there")
    own = Access(kind="member", why="connects an account of Entra to the caller's own")
    register(app, "GET", "/sign-in/entra", start, anyone)
    register(app, "GET", BACK, come_back, anyone)
    register(app, "GET", "/my/entra", connect, own)


def offered(request: web.Request) -> bool:
    """Tell whether people can sign in with Entra here."""
    return request.app[RUNTIME].config.entra is not None


async def start(request: web.Request) -> web.Response:
    """Send the browser to Entra."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return see_other("/sign-in")
    to = request.query.get("to", "")
    return await _set_out(request, {"to": to if target(to) else ""})


async def connect(request: web.Request) -> web.Response:
    """Send the browser to Entra, to join whoever signs in there to the person who is signed in here."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise Refused("Sent from another site.", 403)
    return await _set_out(request, {"session": request[SESSION].digest})


async def come_back(request: web.Request) -> web.Response:
    """Sign in whoever Entra says it is, or say in plain words why not."""
    account: Account | None = None
    try:
        brought = _brought(request)
        try:
            account = await _account(request, brought)
            answer = await (_connected if "session" in brought else _welcomed)(request, brought, account)
        except NotSignedIn as refusal:
            await _note(request, refusal, account)
            raise
    except NotSignedIn as refusal:
        answer = _refused(request, refusal)
    answer.del_cookie(_cookie(request), path="/", httponly=True, samesite="Lax", secure=_secure(request))
    return answer


async def _set_out(request: web.Request, about: Mapping[str, str]) -> web.Response:
    if not request.app[STARTS].take(peer(request)):
        return failure(request, 429)
    runtime = request.app[RUNTIME]
    try:
        begun = await request.app[PROVIDER].begin(runtime.config.public_url + BACK)
    except NotSignedIn as refusal:
        return _refused(request, refusal)
    until = (request.app[WALL].now() + LASTS).timestamp()
    sealed = runtime.vault.token({**about, "flow": begun.flow, "until": until}, PLACE)
    answer = see_other(begun.url)
    answer.set_cookie(
        _cookie(request),
        sealed,
        path="/",
        max_age=int(LASTS.total_seconds()),
        secure=_secure(request),
        httponly=True,
        samesite="Lax",
    )
    return answer


def _brought(request: web.Request) -> dict[str, Any]:
    """Return what this browser set out with, if what it comes back with belongs to it."""
    try:
        brought = request.app[RUNTIME].vault.open_token(request.cookies.get(_cookie(request), ""), PLACE)
    except Refused:
        raise NotSignedIn("another_browser", "no cookie") from None
    given = request.query.getall("state", [])
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), str(brought["flow"]["state"]).encode()):
        raise NotSignedIn("another_browser", "another state")
    if datetime.fromtimestamp(brought["until"], UTC) <= request.app[WALL].now():
        raise NotSignedIn("expired")
    found: dict[str, Any] = brought
    return found


async def _account(request: web.Request, brought: Mapping[str, Any]) -> Account:
    flow = brought["flow"]
    row = {"digest": digest(flow["state"]), "until": datetime.fromtimestamp(brought["until"], UTC)}
    async with request.app[RUNTIME].database.write() as tx:
        if await upsert(tx, spent_sign_in, [row], keys=["digest"]) != 1:
            raise NotSignedIn("repeated")
    if "error" in request.query:
        code = request.query["error"][:50]
        raise NotSignedIn(ANSWERS.get(code, "refused_there"), code if code.isidentifier() else "")
    codes = request.query.getall("code", [])
    if len(codes) != 1 or not 0 < len(codes[0]) <= LONGEST or not codes[0].isprintable():
        raise NotSignedIn("invalid", "no code")
    return await request.app[PROVIDER].finish(flow, codes[0])


async def _welcomed(request: web.Request, brought: Mapping[str, Any], account: Account) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        organization = await accounts.organization_of(tx, _settings(request), account.tenant)
        if organization is None:
            raise NotSignedIn("tenant", "no organization is named for it")
        person = await accounts.person_of(runtime, tx, organization, account)
        if person is None:
            raise NotSignedIn("unknown")
        await accounts.note(runtime, tx, organization, person.id, "sign_in.entra", "")
        runs = any((await people.roles_of(tx, organization, person.id)).values())
        to = str(brought.get("to", "")) or ("console" if runs else "")
        return await signed_in(request, tx, organization, person.id, to=to, way="entra")


async def _connected(request: web.Request, brought: Mapping[str, Any], account: Account) -> web.Response:
    runtime, session = request.app[RUNTIME], request.get(SESSION)
    if session is None or session.round is not None or session.digest != brought["session"]:
        raise NotSignedIn("another_browser", "another session")
    async with runtime.database.write() as tx:
        if await accounts.organization_of(tx, _settings(request), account.tenant) != session.organization:
            raise NotSignedIn("tenant", "of another organization")
        await accounts.connect(runtime, tx, session.organization, session.person, account)
    return see_other("/my/sessions")


async def _note(request: web.Request, refusal: NotSignedIn, account: Account | None) -> None:
    """Write a refusal into the audit log; what did not begin here is not one, and floods of a kind hide no other."""
    runtime = request.app[RUNTIME]
    if request.app[REFUSALS].take(refusal.reason):
        async with runtime.database.write() as tx:
            whose = await accounts.organization_of(tx, _settings(request), account.tenant) if account else None
            await accounts.note(runtime, tx, whose, None, "sign_in.refused", refusal.reason)


def _refused(request: web.Request, refusal: NotSignedIn) -> web.Response:
    reason = refusal.reason
    level = logging.ERROR if reason in ("secret", "unavailable") else logging.INFO
    log.log(level, "a sign-in with Entra came to nothing: %s (%s)", reason, refusal.detail or "no detail")
    return pages.render(request, "entra.html", status=STATUS.get(reason, 400), reason=reason)


def _settings(request: web.Request) -> EntraSettings:
    settings = request.app[RUNTIME].config.entra
    if settings is None:
        raise web.HTTPNotFound
    return settings


def _secure(request: web.Request) -> bool:
    return sessions.secure(request.app[RUNTIME].config)


def _cookie(request: web.Request) -> str:
    return "__Host-tertulia-entra" if _secure(request) else "tertulia-entra"


async def _closing(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[PROVIDER].close()
