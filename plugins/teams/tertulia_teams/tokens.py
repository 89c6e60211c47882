"""Get the bot's own tokens through msal, off the event loop, and keep them while they are good.

msal is synchronous and has no time-out of its own. It runs in a thread and gets an HTTP client that hands each
request back to the event loop, where the installation's guarded session makes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tertulia import BridgeAnswer, Context, OperatorError, RetryLater, SendError, ThreadBridge
from tertulia_teams.config import CLOUDS, Settings
from tertulia_teams.exchange import retry_after

EARLY = 300.0
"""A token is renewed that long before it ends; until then a failed renewal hurts nobody."""
AGAIN = 30.0
LAST = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """Hold a token and when it ends, on the monotonic clock."""

    text: str = field(repr=False)
    ends: float


class Tokens:
    """Give the installation's tokens, each fetched once at a time and kept per app id and scope."""

    def __init__(self, context: Context, now: Callable[[], float] = time.monotonic):
        self._context, self._now = context, now
        self._settings: Settings = context.settings
        self._kept: dict[tuple[str, str], Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._paused: dict[str, float] = {}

    async def get(self, scope: str) -> str:
        """Return a token that is good for a while; raises `RetryLater` or `OperatorError`."""
        kept = self._kept.get((self._settings.app_id, scope))
        if kept is not None and (kept.ends - self._now() > EARLY or self._paused.get(scope, 0.0) > self._now()):
            return kept.text
        async with self._locks.setdefault(scope, asyncio.Lock()):
            if (newer := self._kept.get((self._settings.app_id, scope))) is not kept and newer is not None:
                return newer.text
            try:
                token = await self._renewed(scope)
            except RetryLater:
                if kept is None or kept.ends - self._now() < LAST + AGAIN:
                    raise
                self._paused[scope] = self._now() + AGAIN
                return kept.text
            self._kept[(self._settings.app_id, scope)] = token
            return token.text

    def forget(self, scope: str) -> None:
        """Do not use the token again: a service refused it."""
        self._kept.pop((self._settings.app_id, scope), None)

    async def _renewed(self, scope: str) -> Token:
        loop = asyncio.get_running_loop()
        try:
            result = await asyncio.to_thread(self._acquire, scope, loop)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            raise RetryLater("the token service does not answer") from None
        except SendError:
            raise
        except Exception:
            # msal complains in many ways, and may quote what it was given
            raise OperatorError("the token service's answer cannot be used: check cloud and tenant_id") from None
        text, seconds = result.get("access_token"), result.get("expires_in")
        if not isinstance(text, str) or not isinstance(seconds, int | float | str):
            raise _complaint(result)
        return Token(text, self._now() + float(seconds))

    def _acquire(self, scope: str, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        """Ask msal, in a thread; a new application each time, because this class keeps the tokens."""
        settings = self._settings
        if settings.app_type == "managed-identity":
            return _managed(settings, scope, loop)
        # imported in the thread, because it takes a while
        from msal import ConfidentialClientApplication

        # Graph's tokens are the tenant's own, whatever kind of bot it is
        shared = settings.app_type == "multi-tenant" and scope == settings.endpoints.scope
        application = ConfidentialClientApplication(
            settings.app_id,
            client_credential=settings.app_secret.get_secret_value() if settings.app_secret else None,
            authority=f"{CLOUDS[settings.cloud].login}/{'botframework.com' if shared else settings.tenant_id}",
            instance_discovery=False,
            http_client=ThreadBridge(self._fetch, loop),
        )
        result: dict[str, Any] = application.acquire_token_for_client(scopes=[scope])
        return result

    async def _fetch(self, method: str, url: str, **options: Any) -> BridgeAnswer:
        known = CLOUDS[self._settings.cloud].login
        if url.startswith(known + "/"):
            url = self._settings.endpoints.login + url[len(known) :]
        async with self._context.http.request(method, url, **options) as response:
            return await _answer(response)


def _managed(settings: Settings, scope: str, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    from msal import ManagedIdentityClient, UserAssignedManagedIdentity

    identity = UserAssignedManagedIdentity(client_id=settings.app_id)
    client = ManagedIdentityClient(identity, http_client=ThreadBridge(_fetch_here, loop))
    result: dict[str, Any] = client.acquire_token_for_client(resource=scope.removesuffix("/.default"))
    return result


async def _fetch_here(method: str, url: str, **options: Any) -> BridgeAnswer:
    """Ask this machine's own identity endpoint, which is inside the network and speaks plain HTTP."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, allow_redirects=False, **options) as response,
    ):
        return await _answer(response)


async def _answer(response: aiohttp.ClientResponse) -> BridgeAnswer:
    if response.status == 429 or response.status >= 500:
        after = retry_after(response.headers.get("retry-after"))
        raise RetryLater(f"the token service answered {response.status}", after)
    return BridgeAnswer(response.status, await response.text(errors="replace"), response.headers)


def _complaint(result: Mapping[str, Any]) -> OperatorError:
    code = str(result.get("error", "no token"))
    name = code if code.replace("_", "").isalnum() and len(code) < 50 else "an error"
    cure = {
        "invalid_client": "app_secret is wrong or has expired; make a new one in the app registration",
        "unauthorized_client": "app_id is not known in the tenant tenant_id; check both",
        "invalid_request": "check app_id, tenant_id and app_type",
    }
    return OperatorError(
        f"the token service answered {name}: {cure.get(code, 'check app_id, app_secret, tenant_id')}"
    )
