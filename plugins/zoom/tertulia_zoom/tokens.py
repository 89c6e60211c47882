"""Get tokens, and new ones in time: for the account's own operations, and for what the chatbot may do.

Both live an hour and have no refresh token. The second serves the chatbot, which the first cannot.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import aiohttp

from tertulia import OperatorError, RetryLater
from tertulia_zoom.answers import Answer
from tertulia_zoom.config import Settings
from tertulia_zoom.limits import retry_after

EARLY = 120.0
"""Seconds before its end that a token is replaced."""
Credentials: TypeAlias = Literal["server", "chat"]


class Reach(Protocol):
    """What tokens need of a context."""

    @property
    def http(self) -> aiohttp.ClientSession:
        """Where requests go out."""
        ...


@dataclass(frozen=True)
class _Token:
    value: str
    until: float


class Tokens:
    """Hold one installation's tokens in memory; several who need one at once share a request."""

    def __init__(self, reach: Reach, settings: Settings, now: Callable[[], float] = time.monotonic):
        self._reach, self._settings, self._now = reach, settings, now
        self._held: dict[Credentials, _Token] = {}
        self._locks: dict[Credentials, asyncio.Lock] = {"server": asyncio.Lock(), "chat": asyncio.Lock()}

    async def get(self, credentials: Credentials) -> str:
        """Return a token that is good for a while; raises `OperatorError` where Zoom refuses the credentials."""
        async with self._locks[credentials]:
            held = self._held.get(credentials)
            if held is None or held.until <= self._now():
                held = self._held[credentials] = await self._fetch(credentials)
            return held.value

    def forget(self, credentials: Credentials, token: str) -> None:
        """Drop a token that Zoom did not take, unless a newer one has replaced it."""
        held = self._held.get(credentials)
        if held is not None and held.value == token:
            del self._held[credentials]

    async def _fetch(self, credentials: Credentials) -> _Token:
        identifier, secret, form = self._grant(credentials)
        basic = base64.b64encode(f"{identifier}:{secret}".encode()).decode()
        answer = await self._ask(form, {"authorization": f"Basic {basic}"})
        if answer.status == 429 or answer.status >= 500:
            raise RetryLater(f"Zoom's token address answered {answer.status}", retry_after(_after(answer)))
        body = answer.json() if answer.status == 200 else {}
        value, lasts = body.get("access_token"), body.get("expires_in")
        if not isinstance(value, str) or not value:
            name = "server" if credentials == "server" else "app"
            raise OperatorError(
                f"Zoom answered {answer.status} and gave no token: check {name}.client_id and {name}.client_secret"
                + (", server.account_id" if credentials == "server" else "")
                + ", and that the app is activated"
            )
        seconds = float(lasts) if isinstance(lasts, int | float) else 3600.0
        return _Token(value, self._now() + max(seconds - EARLY, seconds / 2))

    def _grant(self, credentials: Credentials) -> tuple[str, str, dict[str, str]]:
        if credentials == "server":
            server = self._settings.server
            form = {"grant_type": "account_credentials", "account_id": server.account_id}
            return server.client_id, server.client_secret.get_secret_value(), form
        app = self._settings.app
        if app is None:
            raise OperatorError("the general app is not set: add the table app to the settings, or do without chat")
        return app.client_id, app.client_secret.get_secret_value(), {"grant_type": "client_credentials"}

    async def _ask(self, form: dict[str, str], headers: dict[str, str]) -> Answer:
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout)
        try:
            async with self._reach.http.post(
                self._settings.endpoints.token, data=form, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                kept = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, kept, await response.content.read(65_536))
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            # asking for a token changes nothing, so asking again is safe
            raise RetryLater("nobody answers at Zoom's token address") from None


def _after(answer: Answer) -> str | None:
    return answer.headers.get("retry-after")
