"""Make one HTTP exchange with Microsoft; what went wrong on the way becomes one of the four errors here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from tertulia import OutcomeUnknown, RetryLater

LARGEST = 4 * 1024 * 1024
"""An answer is not read beyond that: a page of a thousand accounts has a tenth of it, and reading JSON blocks."""
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Hold an answer: its status, what it said of waiting, and its body."""

    status: int
    after: timedelta | datetime | None
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object, empty where there is none; raises `OutcomeUnknown` for garbage."""
        if not self.body:
            return {}
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise OutcomeUnknown("the answer cannot be read")
        return value

    def says(self, *words: str) -> bool:
        """Tell whether the error names one of *words*, wherever Microsoft put it."""
        return any(word.encode() in self.body for word in words)


async def exchange(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    token: str,
    seconds: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Exchanged:
    """Send a request, whose *url* is already encoded, and return the answer, whatever its status."""
    sent = {"authorization": f"Bearer {token}", **(headers or {})}
    if body is not None:
        sent["content-type"] = JSON_TYPE
    try:
        async with http.request(
            method,
            URL(url, encoded=True),
            data=body,
            headers=sent,
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(10.0, seconds)),
        ) as response:
            raw = await _read(response)
            return Exchanged(response.status, retry_after(response.headers.get("retry-after")), raw)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise RetryLater("nothing answers at Microsoft's address") from None
    except (aiohttp.ClientError, TimeoutError, ConnectionError):
        raise OutcomeUnknown("the connection was lost before an answer came") from None


def retry_after(value: str | None) -> timedelta | datetime | None:
    """Read what Retry-After says: seconds, or an instant as HTTP or ISO 8601 writes it."""
    if value is None:
        return None
    try:
        seconds = float(value)
        return timedelta(seconds=max(0.0, seconds)) if math.isfinite(seconds) else None
    except (ValueError, OverflowError):
        pass
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            instant = read(value)
        except (ValueError, TypeError, IndexError):
            continue
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST:
            response.close()
            raise OutcomeUnknown("the answer is larger than any we expect")
    return bytes(raw)
