"""Entra's and the token services' part of the stand-in: tokens for the bot, keys for its visitors."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from tertulia_teams.config import Endpoints
from tertulia_teams.stand_in.signing import LIFE, Signer

ROLES = (
    "TeamsAppInstallation.ReadWriteSelfForUser.All",
    "AppCatalog.Read.All",
    "User.Read.All",
    "GroupMember.Read.All",
    "OnlineMeetings.Read.All",
    "OnlineMeetingArtifact.Read.All",
)
"""The permissions that an admin has consented to."""


class LoginApi:
    """Serve tokens below `/login` and `/identity`, and the connector's metadata below `/bot`."""

    def __init__(self, *, url: str, cloud: Endpoints, tenant: str, app: str, secret: str):
        self._url, self._cloud, self._tenant, self._app, self._secret = url, cloud, tenant, app, secret
        self.connector, self.people = Signer(), Signer()
        self._given: dict[str, str] = {}
        self.roles = set(ROLES)
        self.exposed = f"api://127.0.0.1/{app}"
        self.asked = 0

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get("/login/{tenant}/v2.0/.well-known/openid-configuration", self.entra),
            web.get("/login/{tenant}/discovery/v2.0/keys", self.entra_keys),
            web.post("/login/{tenant}/oauth2/v2.0/token", self.token),
            web.get("/identity", self.managed),
            web.get("/bot/v1/.well-known/openidconfiguration", self.metadata),
            web.get("/bot/v1/.well-known/keys", self.keys),
        ]

    def holds(self, authorization: str | None, scope: str) -> bool:
        """Tell whether a request carries a token that was given out for *scope*."""
        return self._given.get((authorization or "").removeprefix("Bearer ")) == scope

    def revoke(self) -> None:
        """Let all tokens given out so far be refused."""
        self._given.clear()

    def connector_token(self, service_url: str, **claims: Any) -> str:
        """Return a token with which the connector calls the bot."""
        issued = {"iss": self._cloud.issuer, "aud": self._app, "serviceurl": service_url}
        return self.connector.sign({**issued, **claims})

    def person_token(self, person: str, audience: str, **claims: Any) -> str:
        """Return the token that a tab gets for the person in front of it."""
        issued = {"iss": f"{self._url}/login/{self._tenant}/v2.0", "aud": audience, "tid": self._tenant, "ver": "2.0"}
        return self.people.sign({**issued, "oid": person, "scp": "access_as_user", **claims})

    async def entra(self, request: web.Request) -> web.Response:
        """Return a tenant's metadata, which names the hosts of the real one: whoever asks has come through them."""
        base = f"{self._cloud.login}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
            }
        )

    async def entra_keys(self, request: web.Request) -> web.Response:
        """Return the keys that sign people's tokens."""
        return web.json_response(self.people.published())

    async def token(self, request: web.Request) -> web.Response:
        """Give the bot a token for its secret."""
        self.asked += 1
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        if form.get("client_id") != self._app:
            return web.json_response({"error": "unauthorized_client"}, status=400)
        if not secrets.compare_digest(form.get("client_secret", ""), self._secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        # msal adds the scopes of people to any request
        scope = next((one for one in form.get("scope", "").split() if one.endswith("/.default")), "")
        if scope.startswith("api://") and scope != f"{self.exposed}/.default":
            return web.json_response({"error": "invalid_resource"}, status=400)
        if scope not in {self._cloud.scope, self._cloud.graph_scope, f"{self.exposed}/.default"}:
            return web.json_response({"error": "invalid_scope"}, status=400)
        return web.json_response({"token_type": "Bearer", "expires_in": LIFE, "access_token": self._give(scope)})

    async def managed(self, request: web.Request) -> web.Response:
        """Give a machine's own identity a token, as an App Service does."""
        self.asked += 1
        if request.query.get("client_id") != self._app or "X-IDENTITY-HEADER" not in request.headers:
            return web.json_response({"statusCode": 400, "message": "no such identity"}, status=400)
        scope = request.query.get("resource", "") + "/.default"
        given = {"access_token": self._give(scope), "expires_on": str(_in_an_hour()), "token_type": "Bearer"}
        return web.json_response({**given, "resource": request.query.get("resource")})

    async def metadata(self, request: web.Request) -> web.Response:
        """Return the connector's metadata."""
        return web.json_response(
            {
                "issuer": self._cloud.issuer,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": f"{self._url}/bot/v1/.well-known/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        """Return the keys that sign the connector's tokens."""
        return web.json_response(self.connector.published(endorsements=("msteams",)))

    def _give(self, scope: str) -> str:
        # what an app may do is named in its own token
        said = {"aud": scope.removesuffix("/.default"), "tid": self._tenant, "jti": secrets.token_urlsafe(12)}
        token = self.people.sign({**said, "appid": self._app, "roles": sorted(self.roles)})
        self._given[token] = scope
        return token


def _in_an_hour() -> int:
    return int(time.time()) + LIFE
