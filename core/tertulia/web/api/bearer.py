"""Who calls the API: whoever shows a token, and nobody else. Cookies are not looked at, so no page can be tricked."""

from __future__ import annotations

import math

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.extension import Access
from tertulia.services import tokens
from tertulia.services.tokens import Caller, Token
from tertulia.web.api.problems import Problem
from tertulia.web.buckets import Buckets
from tertulia.web.state import RUNTIME, WALL

CALLER = web.RequestKey("caller", Caller)
CALLS = web.AppKey("calls", Buckets)
"""How often each token may call."""
COUNT, SECONDS = 300, 60.0
READS = web.AppKey("reads", Buckets)
"""How often each token may do what reads much."""
SELDOM, SELDOM_SECONDS = 30, 600.0
CHALLENGE = 'Bearer realm="tertulia"'


async def admit(request: web.Request, access: Access, workspace: Id | None) -> None:
    """Raise a `Problem` unless a token is shown that *access* lets act in *workspace*; remember who calls."""
    runtime, now = request.app[RUNTIME], request.app[WALL].now()
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Problem("token_needed", headers={"WWW-Authenticate": CHALLENGE})
    async with runtime.database.read() as tx:
        caller = await tokens.find(tx, text.strip(), now)
    if caller is None:
        raise Problem("token_unknown", headers={"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})
    spend(request.app[CALLS], caller.token)
    if workspace is not None and workspace != caller.token.workspace:
        raise Problem("not_found")
    if access.scope and access.scope not in caller.token.scopes:
        needed = f'{CHALLENGE}, error="insufficient_scope", scope="{access.scope}"'
        detail = f"This token may not {tokens.SCOPES[access.scope]}; make one with the scope {access.scope}."
        raise Problem("scope_missing", detail, headers={"WWW-Authenticate": needed})
    if not access.roles & caller.roles:
        names = ", ".join(sorted(access.roles))
        raise Problem("role_missing", f"Whoever made this token must be one of {names} in its workspace; ask one.")
    await tokens.used(runtime, caller.token, now)
    request[CALLER] = caller


def spend(calls: Buckets, token: Token) -> None:
    """Count one call of a token; raises a `Problem` that says when to come back where it had too many."""
    if not calls.take(token.id):
        raise Problem("too_many", headers={"Retry-After": str(math.ceil(calls.wait(token.id)))})
