"""Be Atlassian's authorization server for the stand-in: an authorization code with PKCE, each good once."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from aiohttp import web
from yarl import URL

from tertulia_trello.stand_in.pages import as_page
from tertulia_trello.stand_in.state import Town

NEEDED = ("client_id", "redirect_uri", "state", "code_challenge", "scope")


@dataclass
class SignIn:
    """Hold the client, the codes that were given and the tokens that they became."""

    town: Town
    client: str = field(default_factory=lambda: secrets.token_hex(16))
    secret: str = field(default_factory=lambda: "ATOA" + secrets.token_hex(30))
    codes: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def attach(self, app: web.Application) -> None:
        """Serve the pages of the authorization server."""
        app.router.add_get("/authorize", self._ask)
        app.router.add_post("/authorize", self._allow)
        app.router.add_post("/oauth/token", self._token)

    def code(self, member: str, asked: Mapping[str, str]) -> str:
        """Return a code for *member*, as an answer to what was *asked* in the address."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = (member, dict(asked))
        return code

    def member_of(self, authorization: str) -> str | None:
        """Return whose token an authorization header carries."""
        return self.tokens.get(authorization.removeprefix("Bearer ")) if authorization.startswith("Bearer ") else None

    async def _ask(self, request: web.Request) -> web.Response:
        self._check(request.query)
        people = "".join(
            f'<option value="{key}">{escape(one["fullName"])}</option>'
            for key, one in self.town.members.items()
            if key != self.town.own
        )
        form = (
            "<main><section><h2>May Tertulia read who you are?</h2>"
            f'<p class="soft">{escape(request.query["scope"])}</p>'
            f'<form method="post"><label>You are <select name="member">{people}</select></label> '
            '<button class="main" name="allow" value="yes">Allow</button> '
            '<button name="allow" value="no">Do not allow</button></form></section></main>'
        )
        return as_page("Sign in", f"<header><h1>Trello stand-in</h1></header>{form}")

    async def _allow(self, request: web.Request) -> web.Response:
        self._check(request.query)
        given = await request.post()
        back, state = URL(request.query["redirect_uri"]), request.query["state"]
        if given.get("allow") != "yes":
            raise web.HTTPSeeOther(back.with_query(error="access_denied", state=state))
        raise web.HTTPSeeOther(back.with_query(code=self.code(str(given.get("member")), request.query), state=state))

    def _check(self, query: Mapping[str, str]) -> None:
        whole = all(query.get(name) for name in NEEDED) and query.get("code_challenge_method") == "S256"
        if not whole or query["client_id"] != self.client or query.get("response_type") != "code":
            raise web.HTTPBadRequest

    async def _token(self, request: web.Request) -> web.Response:
        given = await request.json()
        member, asked = self.codes.pop(str(given.get("code")), ("", {}))
        digest = hashlib.sha256(str(given.get("code_verifier")).encode()).digest()
        right = (
            given.get("grant_type") == "authorization_code"
            and (given.get("client_id"), given.get("client_secret")) == (self.client, self.secret)
            and given.get("redirect_uri") == asked.get("redirect_uri")
            and urlsafe_b64encode(digest).rstrip(b"=").decode() == asked.get("code_challenge")
        )
        if not member or not right:
            return web.json_response({"error": "invalid_grant"}, status=403)
        token = secrets.token_urlsafe(48)
        self.tokens[token] = member
        body = {"access_token": token, "expires_in": 3600, "scope": asked["scope"], "token_type": "Bearer"}
        return web.json_response(body)
