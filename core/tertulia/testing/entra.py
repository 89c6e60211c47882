"""A stand-in for Microsoft Entra ID, over real HTTP: metadata, keys, a page to choose an account, and tokens.

It checks what Entra checks: the application, the registered address to come back to, PKCE, the secret, and that a
code is used once and soon. Tests make it misbehave through `faults` and `claims`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

LIFE = 3600
CODE_LIFE = 600.0
SUPPORTED: Mapping[str, Any] = {
    "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "subject_types_supported": ["pairwise"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
    "scopes_supported": ["openid", "profile", "email", "offline_access"],
    "request_uri_parameter_supported": False,
    "http_logout_supported": True,
    "frontchannel_logout_supported": True,
    "claims_supported": [
        "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
        "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
        "c_hash", "email",
    ],
    "tenant_region_scope": "WW",
    "cloud_instance_name": "microsoftonline.com",
    "cloud_graph_host_name": "graph.windows.net",
    "msgraph_host": "graph.microsoft.com",
    "rbac_url": "https://pas.windows.net",
}  # fmt: skip
"""What Entra's own metadata says besides its addresses."""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pick an account</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>body{{font:1rem/1.5 system-ui,sans-serif;
max-width:26rem;margin:3rem auto;padding:0 1rem}}button{{display:block;width:100%;margin:.4rem 0;padding:.7rem;
font:inherit;text-align:left}}small{{display:block}}</style></head><body><h1>Pick an account</h1>
<p>This stands in for Microsoft; nobody is asked for a password.</p><form method="post">{accounts}
<button name="account" value="">Cancel</button></form></body></html>"""
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True, kw_only=True)
class EntraAccount:
    """Hold an account of the directory; *user* is its object id."""

    user: str
    name: str
    email: str


@dataclass(frozen=True)
class _Granted:
    tenant: str
    account: EntraAccount
    asked: Mapping[str, str]
    until: float


@cache
def _first_key() -> rsa.RSAPrivateKey:
    """Make one key per process: making it takes longer than a test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class StandInEntra:
    """Be Entra for some tenants and one application; *accounts* lists whom one can choose in a tenant."""

    def __init__(
        self,
        accounts: Callable[[str], Awaitable[Sequence[EntraAccount]]],
        *,
        tenants: Sequence[str],
        client_id: str,
        client_secret: str,
        redirect: str,
    ):
        self._accounts, self._tenants, self._client, self._secret = accounts, tenants, client_id, client_secret
        self.redirect = redirect
        self._keys: dict[str, rsa.RSAPrivateKey] = {"key-1": _first_key()}
        self._granted: dict[str, _Granted] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.faults: dict[str, Fault] = {}
        """By the last part of a path, what answers in its place; `None` lets the real answer through."""
        self.claims: dict[str, Any] = {}
        """What ID tokens say instead; a claim that is `None` is left out."""
        self.signed: Callable[[dict[str, Any]], str] | None = None
        """Signs in place of the stand-in's own key."""
        self.asked: list[str] = []
        """The paths that were asked for, in order."""

    async def start(self, port: int = 0) -> str:
        """Listen on loopback, and return the authority."""
        app = web.Application(middlewares=[self._scripted])
        oauth = "/{tenant}/oauth2/v2.0"
        app.add_routes(
            [
                web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._metadata),
                web.get("/{tenant}/discovery/v2.0/keys", self._published),
                web.get(f"{oauth}/authorize", self._choose),
                web.post(f"{oauth}/authorize", self._chosen),
                web.post(f"{oauth}/token", self._token),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self.url

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def rotate(self, *, forget: bool = True) -> None:
        """Sign with a new key from now on; the former one is published no more where *forget*."""
        if forget:
            self._keys.clear()
        self._keys[f"key-{uuid.uuid4().hex[:8]}"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, claims: Mapping[str, Any], *, kid: str | None = None) -> str:
        """Return a token with these claims, signed with the newest key; *kid* names another one than it."""
        name, key = list(self._keys.items())[-1]
        return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": kid or name, "typ": "JWT"})

    def id_token(self, tenant: str, account: EntraAccount, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token of version 2.0, as changed by `claims`."""
        now = int(time.time())
        subject = hashlib.sha256(f"{self._client}{account.user}".encode()).hexdigest()[:43]
        said: dict[str, Any] = {
            "aud": self._client,
            "iss": f"{self.url}/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + LIFE,
            "name": account.name,
            "nonce": nonce,
            "oid": account.user,
            "preferred_username": account.email,
            "sub": subject,
            "tid": tenant,
            "ver": "2.0",
            **self.claims,
        }
        return {name: value for name, value in said.items() if value is not None}

    @web.middleware
    async def _scripted(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.match_info.get("tenant", "") not in (*self._tenants, "organizations"):
            return web.json_response({"error": "invalid_tenant"}, status=400)
        fault = self.faults.get(request.path.rpartition("/")[2])
        answer = await fault(request) if fault is not None else None
        return answer if answer is not None else await handler(request)

    async def _metadata(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        base = f"{self.url}/{tenant}"
        issuer = "{tenantid}" if tenant == "organizations" else tenant
        oauth = f"{base}/oauth2/v2.0"
        return web.json_response(
            {
                "token_endpoint": f"{oauth}/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{self.url}/{issuer}/v2.0",
                "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
                "authorization_endpoint": f"{oauth}/authorize",
                "device_authorization_endpoint": f"{oauth}/devicecode",
                "end_session_endpoint": f"{oauth}/logout",
                "kerberos_endpoint": f"{base}/kerberos",
                **SUPPORTED,
            }
        )

    async def _published(self, request: web.Request) -> web.Response:
        keys = []
        for name, key in self._keys.items():
            public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
            keys.append({"kty": "RSA", "use": "sig", "kid": name, "x5t": name, "n": public["n"], "e": public["e"]})
        return web.json_response({"keys": keys})

    async def _choose(self, request: web.Request) -> web.Response:
        self._check(request)
        listed = [one for tenant in self._of(request) for one in await self._accounts(tenant)]
        buttons = "".join(
            f'<button name="account" value="{escape(one.user)}">{escape(one.name)}<small>{escape(one.email)}</small>'
            "</button>"
            for one in listed
        )
        return web.Response(text=PAGE.format(accounts=buttons), content_type="text/html")

    async def _chosen(self, request: web.Request) -> web.Response:
        self._check(request)
        wanted = str((await request.post()).get("account", ""))
        asked = dict(request.query)
        back = {"state": asked["state"]}
        for tenant in self._of(request):
            for one in await self._accounts(tenant):
                if one.user == wanted:
                    code = secrets.token_urlsafe(32)
                    self._granted[code] = _Granted(tenant, one, asked, time.monotonic() + CODE_LIFE)
                    return _to(asked["redirect_uri"], {"code": code, **back, "session_state": str(uuid.uuid4())})
        said = "AADSTS65004: User declined to consent to access the app."
        return _to(asked["redirect_uri"], {"error": "access_denied", "error_description": said, **back})

    def _of(self, request: web.Request) -> Sequence[str]:
        tenant = request.match_info["tenant"]
        return self._tenants if tenant == "organizations" else (tenant,)

    def _check(self, request: web.Request) -> None:
        asked = request.query
        right = (
            asked.get("client_id") == self._client,
            asked.get("redirect_uri") == self.redirect,
            asked.get("response_type") == "code",
            asked.get("response_mode", "query") == "query",
            asked.get("code_challenge_method") == "S256" and len(asked.get("code_challenge", "")) == 43,
            {"openid", "profile"} <= set(asked.get("scope", "").split()),
            bool(asked.get("state")) and bool(asked.get("nonce")),
        )
        if not all(right):
            raise web.HTTPBadRequest(text=f"AADSTS90014: the request is not as it must be, see {right}")

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("client_id") != self._client:
            return _error("unauthorized_client", 400)
        if not hmac.compare_digest(form.get("client_secret", ""), self._secret):
            return _error("invalid_client", 401)
        if form.get("grant_type") == "client_credentials":
            return web.json_response({"token_type": "Bearer", "expires_in": LIFE, "access_token": "of-the-app"})
        granted = self._granted.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or granted is None or time.monotonic() > granted.until:
            return _error("invalid_grant", 400)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        expected = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if form.get("redirect_uri") != granted.asked["redirect_uri"] or expected != granted.asked["code_challenge"]:
            return _error("invalid_grant", 400)
        claims = self.id_token(granted.tenant, granted.account, granted.asked["nonce"])
        given = {"token_type": "Bearer", "scope": "openid profile", "expires_in": LIFE, "ext_expires_in": LIFE}
        token = (self.signed or self.sign)(claims)
        return web.json_response({**given, "access_token": secrets.token_urlsafe(32), "id_token": token})


def _error(code: str, status: int) -> web.Response:
    said = {"error": code, "error_description": f"AADSTS70000: {code}", "error_codes": [70000]}
    return web.json_response(said, status=status)


def _to(redirect: str, given: Mapping[str, str]) -> web.Response:
    return web.Response(status=302, headers={"Location": f"{redirect}?{urlencode(given)}"})
