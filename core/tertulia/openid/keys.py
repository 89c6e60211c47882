"""Keep the public keys that sign tokens, fetched without blocking anybody and kept through outages."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

logger = logging.getLogger(__name__)

FRESH = 24 * 3600.0
"""Seconds until keys are read again, behind the requests that go on with the old ones."""
USABLE = 5 * FRESH
"""Seconds that keys are good for while the metadata cannot be read."""
PATIENCE = 60.0
"""Seconds between two readings for the sake of an unknown key: strangers must not make us call."""
PAUSE = 10.0
"""Seconds between two readings where the last one failed and there are no keys."""
TIMEOUT = 5.0
LARGEST = 512 * 1024
MOST = 100


@dataclass(frozen=True)
class SigningKey:
    """Hold one public key and the channels that it may speak for."""

    public: RSAPublicKey
    endorsements: frozenset[str]


class NoKeys(Exception):
    """Tell that no keys could be read since the start, or for days."""


class KeyRing:
    """Find keys by their id; all waiting for the network is shared, and short.

    *metadata* is the address of an OpenID metadata document, or of the keys themselves where it is *direct*. Time is
    measured by a clock that nobody sets.
    """

    def __init__(
        self,
        http: Callable[[], aiohttp.ClientSession],
        metadata: str,
        *,
        direct: bool = False,
        now: Callable[[], float] = time.monotonic,
    ):
        self._http, self._metadata, self._direct, self._now = http, metadata, direct, now
        self._keys: dict[str, SigningKey] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> SigningKey | None:
        """Return the key called *kid*, `None` where there is none; raises `NoKeys` where none can be known."""
        age = self._now() - self._read_at
        if age >= USABLE or (kid not in self._keys and (self._reading is not None or self._may_ask())):
            await self._refresh()
        elif age >= FRESH and self._may_ask():
            self._start()
        if self._now() - self._read_at >= USABLE:
            raise NoKeys
        return self._keys.get(kid)

    def _may_ask(self) -> bool:
        return self._now() - self._tried_at >= PATIENCE

    async def _refresh(self) -> None:
        if self._reading is None and self._now() - self._tried_at < PAUSE:
            return
        # shielded, so that a request that is cut off does not take the others' keys along
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._reading is None:
            self._tried_at = self._now()
            self._reading = asyncio.get_running_loop().create_task(self._read())
            self._reading.add_done_callback(self._done)
        return self._reading

    def _done(self, task: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                keys = self._metadata if self._direct else await self._address()
                found = dict(_keys((await self._get(keys)).get("keys")))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            logger.warning("signing keys could not be read: %s", type(error).__name__)
            return
        if not found:
            logger.warning("the document of signing keys holds none that can be used")
            return
        self._keys, self._read_at = found, self._now()

    async def _address(self) -> str:
        address = (await self._get(self._metadata)).get("jwks_uri")
        # the metadata decides whom we believe, so it must not send us elsewhere
        if not isinstance(address, str) or _origin(address) != _origin(self._metadata):
            raise ValueError("the metadata names no keys of its own host")
        return address

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._http().get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            body = await response.content.read(LARGEST + 1)
            while len(body) <= LARGEST and (more := await response.content.read(LARGEST + 1)):
                body += more
        if len(body) > LARGEST:
            raise ValueError("too large")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return document


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _keys(listed: object) -> Iterable[tuple[str, SigningKey]]:
    for one in listed[:MOST] if isinstance(listed, list) else ():
        if not isinstance(one, Mapping) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig":
            continue
        kid, channels = one.get("kid"), one.get("endorsements")
        if not isinstance(kid, str) or one.get("alg", "RS256") != "RS256":
            continue
        try:
            public = RSAAlgorithm.from_jwk({name: one[name] for name in ("kty", "n", "e")})
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            continue
        if isinstance(public, RSAPublicKey) and public.key_size >= 2048:
            named = (
                (channel for channel in channels if isinstance(channel, str)) if isinstance(channels, list) else ()
            )
            yield kid, SigningKey(public, frozenset(named))
