"""Call what zoomus lacks, such as polls, chat and app notifications: one request, through the guarded session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import aiohttp
from yarl import URL

from tertulia import Json, OutcomeUnknown, RetryLater
from tertulia_zoom.answers import LARGEST, Answer, Expired, judge
from tertulia_zoom.config import Settings
from tertulia_zoom.limits import Rate, Rates
from tertulia_zoom.paths import path
from tertulia_zoom.tokens import Credentials, Reach, Tokens

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Name an operation of the API as its description does, the class it is counted in, and whose token it takes."""

    method: Method
    template: str
    rate: Rate
    credentials: Credentials = "server"


class Rest:
    """Carry out operations for one installation."""

    def __init__(self, reach: Reach, settings: Settings, tokens: Tokens, rates: Rates):
        self._reach, self._settings, self._tokens, self._rates = reach, settings, tokens, rates

    async def call(
        self, operation: Operation, *ids: str, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        """Carry out *operation* on *ids*, in the order of the template, and return the answer's object.

        Raises `Gone` for what is not there, `NotOnPlan`, or one of the four errors; a token that Zoom does not take
        is replaced once.
        """
        url = self._settings.endpoints.api + path(operation.template, *ids)
        try:
            return await self._once(operation, url, query, body)
        except Expired:
            return await self._once(operation, url, query, body)

    async def _once(self, operation: Operation, url: str, query: Mapping[str, str] | None, body: Json | None) -> Json:
        token = await self._tokens.get(operation.credentials)
        await self._rates.wait(operation.rate)
        answer = await self._send(operation, url, token, query, body)
        try:
            return await judge(answer, rate=operation.rate, rates=self._rates, writes=operation.method != "GET")
        except Expired:
            self._tokens.forget(operation.credentials, token)
            raise

    async def _send(
        self, operation: Operation, url: str, token: str, query: Mapping[str, str] | None, body: Json | None
    ) -> Answer:
        headers = {"authorization": f"Bearer {token}"}
        options: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=self._settings.timeout)}
        if body is not None:
            headers["content-type"] = "application/json"
            options["data"] = json.dumps(body, ensure_ascii=False).encode()
        target = URL(url, encoded=True)
        try:
            async with self._reach.http.request(
                operation.method,
                target.with_query(dict(query)) if query else target,
                headers=headers,
                allow_redirects=False,
                **options,
            ) as response:
                kept = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, kept, await _read(response))
        except aiohttp.ClientConnectorError:
            raise RetryLater("nothing answers at Zoom's address") from None
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            if operation.method == "GET":
                raise RetryLater("the connection to Zoom was lost") from None
            raise OutcomeUnknown("the connection to Zoom was lost before an answer came") from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST:
            response.close()
            raise OutcomeUnknown("Zoom's answer is larger than any we expect")
    return bytes(raw)
