"""Talk with Entra: the authorization code flow of msal with PKCE, and an ID token that we verify ourselves.

msal makes state, nonce and code verifier and exchanges the code. Since 1.38 it checks neither signature nor
audience, issuer, tenant or time of an ID token, so nothing that it says of one is used. It is synchronous and has no
time-out: it runs in threads of its own, and its requests are made on the event loop. It keeps tokens in memory: so
each call gets a new application, and nothing outlives it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from tertulia import entra_settings
from tertulia.entra_settings import GUID, WORLDWIDE, EntraSettings
from tertulia.errors import Refused, SendError, Unsafe
from tertulia.openid.bridge import BridgeAnswer, ThreadBridge
from tertulia.openid.keys import KeyRing
from tertulia.openid.signed import signed_claims, signing_key, stated_claims
from tertulia.services import outbound
from tertulia.services.entra.reasons import NotSignedIn, Reason

THREADS, WAITING = 4, 64
"""Sign-ins that are with Entra at a time, and those that wait for it at most."""
PATIENCE = 25.0
LARGEST = 512 * 1024
FORM_POST = "form_post"
LONGEST = 16_384
LEEWAY = 60.0
"""Seconds by which Entra's clock and ours may differ."""
FRESH = 3600.0
ALSO = ("iat", "sub", "tid", "oid", "nonce")
ANSWERS: Mapping[str, Reason] = {
    "access_denied": "cancelled",
    "consent_required": "not_agreed",
    "interaction_required": "not_agreed",
}
KEPT = ("state", "redirect_uri", "scope", "code_verifier", "nonce", "claims_challenge")
"""What of msal's flow is needed when the browser comes back."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Account:
    """Name an account of a directory: both ids are GUIDs in lower case, and the pair names nobody else, ever."""

    tenant: str
    user: str


@dataclass(frozen=True)
class Begun:
    """Hold where to send the browser, and what must be known when it comes back."""

    url: str
    flow: Mapping[str, Any]


class Provider:
    """Be one application at Entra; close it when done."""

    def __init__(self, settings: EntraSettings, *, sandbox: bool, now: Callable[[], float] = time.monotonic):
        self._settings, self._sandbox, self._now = settings, sandbox, now
        self._session: aiohttp.ClientSession | None = None
        self._threads = ThreadPoolExecutor(THREADS, "entra")
        self._under_way = 0
        self._metadata: dict[str, tuple[float, BridgeAnswer]] = {}
        self.metadata = f"{settings.authority}/{settings.audience}/v2.0/.well-known/openid-configuration"
        self.keys = KeyRing(self.http, self.metadata, now=now)

    def http(self) -> aiohttp.ClientSession:
        """Return the session, which leads to Entra only: over https, without redirects."""
        if self._session is None:
            host = urlsplit(self._settings.authority).hostname or ""
            self._session = outbound.session([host], sandbox=self._sandbox)
        return self._session

    async def close(self) -> None:
        """Give up what is under way, and close the session."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._session is not None:
            await self._session.close()

    async def begin(self, redirect: str) -> Begun:
        """Return the address at Entra where the browser signs in, to come back to *redirect*."""

        def ask(application: Any) -> dict[str, Any]:
            # an account is chosen each time: on a shared machine the last one would sign in by itself
            options = {"prompt": "select_account", "response_mode": FORM_POST}
            flow: dict[str, Any] = application.initiate_auth_code_flow([], redirect, **options)
            return flow

        flow = await self._with_msal(ask)
        address = str(flow["auth_uri"])
        # a POST from another site would come without our cookies; msal warns of anything but form_post
        address = address.replace(f"response_mode={FORM_POST}", "response_mode=query")
        return Begun(self._actual(address), {name: flow[name] for name in KEPT if name in flow})

    async def finish(self, flow: Mapping[str, Any], code: str) -> Account:
        """Return the account that signed in, for the *code* that the browser came back with; raises `NotSignedIn`."""
        came_back = {"code": code, "state": flow["state"]}

        def exchange(application: Any) -> dict[str, Any]:
            try:
                result: dict[str, Any] = application.acquire_token_by_auth_code_flow(dict(flow), came_back)
            except json.JSONDecodeError:
                raise NotSignedIn("unavailable", "the token service's answer cannot be read") from None
            except (ValueError, RuntimeError, LookupError, TypeError) as error:
                raise NotSignedIn("invalid", f"msal: {type(error).__name__}") from None
            return result

        result = await self._with_msal(exchange)
        token = result.get("id_token")
        if not isinstance(token, str):
            raise _complaint(result)
        return await self.verified(token, str(flow["nonce"]))

    async def verified(self, token: str, nonce: str) -> Account:
        """Return the account that an ID token names; raises `NotSignedIn` unless all of it is as it must be."""
        if len(token) > LONGEST or not token.isascii():
            raise NotSignedIn("invalid", "not a token")
        try:
            _, key = await signing_key(self.keys, token)
            tenant = str(stated_claims(token).get("tid", "")).lower()
            if tenant not in self._settings.tenants:
                raise NotSignedIn("tenant")
            issuer, client = self._settings.issuer(tenant), self._settings.client_id
            claims = signed_claims(token, key, audience=client, issuer=issuer, leeway=LEEWAY, also=ALSO)
        except Refused as refused:
            raise NotSignedIn("unavailable" if refused.status == 503 else "invalid", refused.reason) from None
        # msal sends the hash of the nonce that it makes
        wanted = hashlib.sha256(nonce.encode()).hexdigest()
        if not hmac.compare_digest(str(claims["nonce"]).encode(), wanted.encode()):
            raise NotSignedIn("invalid", "another nonce")
        user = str(claims["oid"]).lower()
        if claims.get("ver") != "2.0" or not GUID.fullmatch(user):
            raise NotSignedIn("invalid", "not an ID token of version 2.0")
        return Account(tenant, user)

    async def own_token(self) -> None:
        """Ask for a token of our own, which shows that id and secret are right; it is not kept."""

        def ask(application: Any) -> dict[str, Any]:
            result: dict[str, Any] = application.acquire_token_for_client([f"{self._settings.client_id}/.default"])
            return result

        result = await self._with_msal(ask, next(iter(self._settings.tenants)))
        if "access_token" not in result:
            raise _complaint(result)

    async def _with_msal(self, ask: Callable[[Any], Result], audience: str | None = None) -> Result:
        if self._under_way >= THREADS + WAITING:
            raise NotSignedIn("unavailable", "too many sign-ins wait")
        loop = asyncio.get_running_loop()
        self._under_way += 1
        try:
            async with asyncio.timeout(PATIENCE):
                return await loop.run_in_executor(self._threads, self._asked, ask, audience, loop)
        except NotSignedIn:
            raise
        except Unsafe as unsafe:
            raise NotSignedIn("secret", str(unsafe)) from None
        except (aiohttp.ClientError, SendError, OSError, TimeoutError) as error:
            raise NotSignedIn("unavailable", type(error).__name__) from None
        except Exception as error:
            # msal complains in many ways, and may quote what it was given
            raise NotSignedIn("unavailable", f"msal: {type(error).__name__}") from None
        finally:
            self._under_way -= 1

    def _asked(self, ask: Callable[[Any], Result], audience: str | None, loop: asyncio.AbstractEventLoop) -> Result:
        # imported in the thread, because it takes a while
        from msal import ConfidentialClientApplication

        authority = WORLDWIDE if self._stands_in else self._settings.authority
        application = ConfidentialClientApplication(
            self._settings.client_id,
            client_credential=entra_settings.secret(self._settings),
            authority=f"{authority}/{audience or self._settings.audience}",
            instance_discovery=False,
            exclude_scopes=["offline_access"],
            http_client=ThreadBridge(self._fetch, loop),
        )
        return ask(application)

    @property
    def _stands_in(self) -> bool:
        """Tell whether msal must believe to talk with the real Entra: it takes no address of plain http."""
        return self._settings.authority not in entra_settings.CLOUDS

    def _actual(self, url: str) -> str:
        return self._settings.authority + url.removeprefix(WORLDWIDE) if self._stands_in else url

    async def _fetch(self, method: str, url: str, **options: Any) -> BridgeAnswer:
        actual = self._actual(url)
        if not actual.startswith(f"{self._settings.authority}/"):
            raise NotSignedIn("unavailable", "the metadata names an address elsewhere")
        known = self._metadata.get(actual)
        if known is not None and self._now() - known[0] < FRESH:
            return known[1]
        async with self.http().request(method, actual, allow_redirects=False, **options) as response:
            text = (await _limited(response)).decode(errors="replace")
            if self._stands_in:
                text = text.replace(self._settings.authority, WORLDWIDE)
            answer = BridgeAnswer(response.status, text, dict(response.headers))
        if actual == self.metadata and answer.status_code == 200:
            _check_metadata(text, WORLDWIDE if self._stands_in else self._settings.authority)
            self._metadata[actual] = self._now(), answer
        return answer


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            raise NotSignedIn("unavailable", "the answer is too large")
    return bytes(body)


def _check_metadata(text: str, authority: str) -> None:
    """Raise before a document is remembered for an hour that msal would fall over, or that leads away from Entra."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if not isinstance(document, dict) or not all(_below(document.get(name), authority) for name in wanted):
        raise NotSignedIn("unavailable", "the metadata cannot be read, or names an address elsewhere")


def _below(address: object, authority: str) -> bool:
    return isinstance(address, str) and address.startswith(f"{authority}/")


def _complaint(result: Mapping[str, Any]) -> NotSignedIn:
    code = str(result.get("error", ""))
    name = code if code.replace("_", "").isalnum() and len(code) < 50 else "no token"
    return NotSignedIn("secret" if code in ("invalid_client", "unauthorized_client") else "refused_there", name)
