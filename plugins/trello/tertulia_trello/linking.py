"""Let members link their account by signing in at Trello: OAuth 2.0, an authorization code with PKCE, read once.

Atlassian's authorization server gives a code for `read:member:trello`; with it a token is fetched, `/members/me` is
read, and the token is forgotten. No refresh token is asked for. A sign-in belongs to the session that began it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tertulia import PERSON, Access, Context, Json, Markup, Mistake, OutcomeUnknown, RetryLater, Route, SendError
from tertulia_trello import actions
from tertulia_trello.client import MEMBERS_WINDOW, TOKEN_WINDOW
from tertulia_trello.config import Settings

PATH, BACK = "/link", "/link/back"
SCOPE = "read:member:trello"
LASTS = timedelta(minutes=10)
OWN = Access(kind="member", why="links an account to the person who is signed in, and to nobody else")
AGAIN = "That took too long, or was begun somewhere else. [Begin again]({page})."


def link_page(context: Context) -> str | None:
    """Return where a member links an account, where that is set up."""
    return f"{context.public_url}{PATH}" if context.settings.oauth_client_id else None


class Linking:
    """Serve the two pages of a sign-in at Trello."""

    def __init__(self, context: Context):
        self._context = context
        self._settings: Settings = context.settings
        self._timeout = aiohttp.ClientTimeout(total=self._settings.timeout)

    def routes(self) -> Iterable[Route]:
        """Return the routes, none where no client is set up."""
        if self._settings.oauth_client_id is None or self._settings.oauth_client_secret is None:
            return ()
        return (
            Route(method="GET", path=PATH, handler=self.begin, access=OWN),
            Route(method="GET", path=BACK, handler=self.back, access=OWN),
        )

    async def begin(self, request: web.Request) -> web.Response:
        """Say what is read, and lead to Trello's own sign-in."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        until = self._context.clock.now() + LASTS
        await self._sweep()
        begun = {"state": _digest(state), "verifier": verifier, "until": until.isoformat()}
        await self._context.store.put(_key(request[PERSON]), begun)
        text = (
            "Trello will ask whether Tertulia may read who you are there. It is read once, and the permission is "
            "forgotten at once: boards, cards and comments are not read with it.\n\n[Sign in at Trello]({go})"
        )
        return self._page(text.format(go=self._address(state, verifier)))

    async def back(self, request: web.Request) -> web.Response:
        """Take what Trello sends back, and link the account."""
        person, query = request[PERSON], request.query
        begun = await self._context.store.get(_key(person))
        await self._context.store.delete(_key(person))
        if begun is None or not hmac.compare_digest(begun["state"], _digest(query.get("state", ""))):
            return self._page(AGAIN, status=400)
        if datetime.fromisoformat(begun["until"]) < self._context.clock.now():
            return self._page(AGAIN, status=400)
        if not query.get("code"):
            return self._page(
                "Trello was not allowed to say who you are, so nothing was linked. [Begin again]({page})."
            )
        try:
            account = await self._account(query["code"], begun["verifier"])
            actor = actions.actor(self._settings.workspace_id, account)
            await self._context.inbox.linked(actor, person)
        except SendError:
            return self._page("Trello did not say who you are. [Begin again]({page}).", status=502)
        except Mistake as mistake:
            return self._context.page("Your Trello account", Markup.literal(str(mistake)), status=409)
        return self._page("Your Trello account is linked. What you comment on a card of a ritual is now your answer.")

    def _address(self, state: str, verifier: str) -> str:
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"audience": "api.atlassian.com", "client_id": str(self._settings.oauth_client_id), "scope": SCOPE}
        proof = {"state": state, "code_challenge": challenge, "code_challenge_method": "S256"}
        flow = {"response_type": "code", "prompt": "consent", "redirect_uri": self._redirect()}
        return str(URL(f"{self._settings.oauth_url}/authorize").with_query({**asked, **flow, **proof}))

    def _redirect(self) -> str:
        return f"{self._context.public_url}{BACK}"

    async def _account(self, code: str, verifier: str) -> str:
        """Return the id of the member who gave *code*; the token lives no longer than this call."""
        secret = self._settings.oauth_client_secret
        given = {
            "grant_type": "authorization_code",
            "client_id": self._settings.oauth_client_id,
            "client_secret": secret.get_secret_value() if secret is not None else "",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self._redirect(),
        }
        token = (await self._call("POST", f"{self._settings.oauth_url}/oauth/token", body=given)).get("access_token")
        if not isinstance(token, str) or not token:
            raise OutcomeUnknown("no token came back")
        found = await self._call("GET", f"{self._settings.url}/members/me?fields=id", token=token)
        if not isinstance(found.get("id"), str):
            raise OutcomeUnknown("no member came back")
        return str(found["id"])

    async def _call(self, method: str, url: str, *, body: Json | None = None, token: str | None = None) -> Json:
        await self._context.limiter.acquire({"oauth": (TOKEN_WINDOW, MEMBERS_WINDOW)})
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        options: dict[str, Any] = {"headers": headers, "timeout": self._timeout, "allow_redirects": False}
        try:
            async with self._context.http.request(method, url, json=body, **options) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            raise RetryLater("Trello cannot be reached") from None
        try:
            found = json.loads(raw)
        except ValueError:
            found = None
        if response.status != 200 or not isinstance(found, dict):
            raise OutcomeUnknown(f"Trello answered {response.status}")
        return found

    async def _sweep(self) -> None:
        """Forget sign-ins that nobody finished."""
        now = self._context.clock.now()
        old = [
            k async for k, begun in self._context.store.scan("oauth:") if datetime.fromisoformat(begun["until"]) < now
        ]
        for key in old:
            await self._context.store.delete(key)

    def _page(self, text: str, *, status: int = 200) -> web.Response:
        body = Markup.parse(text.replace("{page}", f"{self._context.public_url}{PATH}"))
        return self._context.page("Your Trello account", body, status=status)


def _key(person: str) -> str:
    return f"oauth:{_digest(person)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
