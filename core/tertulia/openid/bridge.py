"""Let a synchronous client library, such as msal, run in a thread while the event loop makes its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

SECONDS = 10.0
"""What one request of the library's may take."""


@dataclass(frozen=True)
class BridgeAnswer:
    """Be what msal expects an HTTP answer to be."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """Raise `ConnectionError` for an error of the server, which msal asks for before it reads an answer."""
        if self.status_code >= 500:
            raise ConnectionError(f"the server answered {self.status_code}")


Fetch: TypeAlias = Callable[..., Awaitable[BridgeAnswer]]


class ThreadBridge:
    """Be an HTTP client for a library's thread, whose requests are made on the event loop, each in limited time."""

    def __init__(self, fetch: Fetch, loop: asyncio.AbstractEventLoop):
        self._fetch, self._loop = fetch, loop

    def get(self, url: str, params: Any = None, headers: Any = None, **_: object) -> BridgeAnswer:
        """Make a GET request."""
        return self._run("GET", url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: object) -> BridgeAnswer:
        """Make a POST request."""
        return self._run("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """Do nothing: the session is not ours."""

    def _run(self, method: str, url: str, **options: Any) -> BridgeAnswer:
        future = asyncio.run_coroutine_threadsafe(self._awaited(method, url, options), self._loop)
        return future.result(SECONDS + 1)

    async def _awaited(self, method: str, url: str, options: dict[str, Any]) -> BridgeAnswer:
        async with asyncio.timeout(SECONDS):
            return await self._fetch(method, url, **options)
