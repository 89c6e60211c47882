"""Sign in with a code that is sent on a known channel; the pages never tell whether an address is known."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Refused
from tertulia.extension import Access
from tertulia.runtime import Runtime
from tertulia.services import devices, page_links, sign_in
from tertulia.storage.database import Tx
from tertulia.web import pages, sessions
from tertulia.web.access import register
from tertulia.web.edge import failure, see_other
from tertulia.web.sessions import Way
from tertulia.web.state import GUESSES, RUNTIME, SESSION, WAIT, WALL, peer

ASKED_FOR = timedelta(minutes=15)
PLACE = "sign-in"
HOME = "/my"
TARGETS = {"care": "/my/candle", "feedback": "/my/feedback", "console": "/workspaces", "sessions": "/my/sessions"}
"""Where to go after signing in, by what a page's link asks for."""
TOKENS = re.compile("tokens-([0-9a-f]{32})")


def attach(app: web.Application) -> None:
    """Add the pages that open and end a member's session."""
    anyone = Access(kind="public", why="asks for an address, then for the code that was sent there")
    register(app, "GET", "/sign-in", ask, anyone)
    register(app, "POST", "/sign-in", send, anyone)
    register(app, "POST", "/sign-in/code", enter, anyone)
    register(app, "GET", "/sign-in/{secret}", arrive, anyone)
    register(app, "POST", "/sign-in/{secret}", go_on, anyone)
    register(app, "POST", "/sign-out", leave, Access(kind="link", why="ends the caller's own session"))


def target(to: str) -> str | None:
    """Return the page that *to* asks for, one of ours that is known; `None` for anything else."""
    found = TOKENS.fullmatch(to)
    return f"/workspaces/{found[1]}/tokens" if found else TARGETS.get(to)


async def ask(request: web.Request) -> web.Response:
    """Ask for the e-mail address."""
    to = request.query.get("to", "")
    config = request.app[RUNTIME].config
    return pages.render(
        request,
        "sign_in.html",
        to=to if target(to) else "",
        entra=config.entra is not None,
        embedded=config.embedded,
    )


async def send(request: web.Request) -> web.Response:
    """Send a code if somebody has the address, and show the same page in the same time if nobody has."""
    runtime = request.app[RUNTIME]
    if not request.app[GUESSES].take(f"sign-in:{peer(request)}"):
        return failure(request, 429)
    form: Any = await request.post()
    email = str(form.get("email", "")).strip().lower()[:254]
    await asyncio.gather(_send_codes(runtime, email), asyncio.sleep(request.app[WAIT]))
    until = (request.app[WALL].now() + ASKED_FOR).timestamp()
    asked = {"email": email, "until": until, "to": str(form.get("to", ""))[:50]}
    return _code_page(request, runtime.vault.token(asked, PLACE))


async def enter(request: web.Request) -> web.Response:
    """Open a member's session for whoever types the right code."""
    runtime, wall = request.app[RUNTIME], request.app[WALL]
    if not request.app[GUESSES].take(f"code:{peer(request)}"):
        return failure(request, 429)
    form: Any = await request.post()
    token = str(form.get("token", ""))
    try:
        asked = runtime.vault.open_token(token, PLACE)
    except Refused as refusal:
        raise Refused("not a token of the first page", 400) from refusal
    if datetime.fromtimestamp(asked["until"], UTC) < wall.now():
        return see_other("/sign-in")
    email, code = asked["email"], str(form.get("code", ""))[:20]
    person, _ = await asyncio.gather(sign_in.take_code(runtime, email, code), asyncio.sleep(request.app[WAIT]))
    if person is None:
        return _code_page(request, token, wrong=True)
    async with runtime.database.write() as tx:
        return await signed_in(request, tx, person.organization, person.id, to=str(asked.get("to", "")))


async def arrive(request: web.Request) -> web.Response:
    """Offer to go on; following a link changes nothing, because programs that preview links follow it too."""
    return pages.render(request, "arrive.html", path=request.path)


async def go_on(request: web.Request) -> web.Response:
    """Open a member's session for whoever holds a link that a platform's signed-in account asked for."""
    runtime, wall = request.app[RUNTIME], request.app[WALL]
    if not request.app[GUESSES].take(f"code:{peer(request)}"):
        return failure(request, 429)
    async with runtime.database.write() as tx:
        found = await page_links.use(tx, request.match_info["secret"], now=wall.now())
        if found is not None:
            return await signed_in(request, tx, *found, way="link")
    return pages.render(request, "arrive.html", status=422, path=None)


async def signed_in(
    request: web.Request, tx: Tx, organization: Id, person: Id, *, to: str = "", way: Way = "code"
) -> web.Response:
    """Open a new session for whoever proved to be *person*, end the one that was there, and lead on."""
    runtime, answer = request.app[RUNTIME], see_other(target(to) or HOME)
    if SESSION in request:
        await sessions.end(tx, request[SESSION])
    device = devices.named(request.headers.get("User-Agent", ""))
    now = request.app[WALL].now()
    secret = await sessions.open_for_member(runtime, tx, organization, person, now, way=way, device=device)
    sessions.set_cookie(runtime.config, answer, secret)
    return answer


async def leave(request: web.Request) -> web.Response:
    """End the session on both sides."""
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as tx:
        await sessions.end(tx, request[SESSION])
    answer = see_other("/")
    sessions.clear_cookie(runtime.config, answer)
    return answer


async def _send_codes(runtime: Runtime, email: str) -> None:
    if "@" not in email:
        return
    async with runtime.database.write() as tx:
        for person in await sign_in.persons_with(tx, email):
            await sign_in.send_code(runtime, tx, person, sign_in.SIGN_IN)


def _code_page(request: web.Request, token: str, *, wrong: bool = False) -> web.Response:
    return pages.render(request, "code.html", status=422 if wrong else 200, token=token, wrong=wrong)
