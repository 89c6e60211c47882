"""Believe a request only where the platform's own token says so: strictly, and before anything of it is read.

The rules are those of the Bot Framework's connector authentication; nothing switches them off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tertulia import Json, KeyRing, Refused, SigningKey, published_key, signed_claims, signing_key, stated_claims
from tertulia_teams.config import Settings

CHANNEL = "msteams"
SKEW = 300
LONGEST = 16_384
MOST_TOKENS = 64
"""Genuine tokens that are remembered; the connector uses a few at a time."""
SCOPE = "access_as_user"
"""What a person lets a tab do here; the app registration names it."""


@dataclass(frozen=True)
class Claims:
    """Hold what a genuine token says: for which address it was made, and for which channels its key speaks."""

    service_url: str
    channels: frozenset[str]


@dataclass(frozen=True)
class _Verified:
    """Hold a token whose signature was checked; it is good while its key is, and its time."""

    kid: str
    key: SigningKey
    begins: float
    ends: float
    claims: Claims

    def good(self) -> bool:
        """Tell whether the token is in force."""
        return self.begins <= time.time() < self.ends


class Verifier:
    """Check the connector's tokens for one bot."""

    def __init__(self, settings: Settings, http: Callable[[], aiohttp.ClientSession], **options: Any):
        self._settings, self._endpoints = settings, settings.endpoints
        self._keys = KeyRing(http, self._endpoints.metadata, **options)
        self._verified: dict[str, _Verified] = {}
        self._trusted: dict[str, bool] = {}

    async def claims(self, authorization: list[str]) -> Claims:
        """Return what the token says; raises `Refused` with 401 for one that is not the connector's."""
        token = bearer(authorization)
        known = self._verified.get(token)
        # the connector sends a token for an hour: its signature need not be checked anew while its key stays
        if known is not None and known.good() and await published_key(self._keys, known.kid) is known.key:
            return known.claims
        kid, key = await signing_key(self._keys, token)
        payload = signed_claims(
            token, key, audience=self._settings.app_id, issuer=self._endpoints.issuer, leeway=SKEW
        )
        service_url = payload.get("serviceurl")
        if not isinstance(service_url, str):
            raise Refused("the token names no service", 401)
        claims = Claims(service_url, key.endorsements)
        if len(self._verified) >= MOST_TOKENS:
            self._verified.clear()
        begins, ends = int(payload["nbf"]) - SKEW, int(payload["exp"]) + SKEW
        self._verified[token] = _Verified(kid, key, begins, ends, claims)
        return claims

    def check(self, claims: Claims, activity: Json) -> None:
        """Raise `Refused` with 403 where *activity* is not what its token was made for, or of another tenant."""
        if activity.get("channelId") != CHANNEL or CHANNEL not in claims.channels:
            raise Refused("the key does not speak for this channel", 403)
        service_url = activity.get("serviceUrl")
        if not isinstance(service_url, str) or service_url.rstrip("/") != claims.service_url.rstrip("/"):
            raise Refused("the token is for another service", 403)
        if not self._trusts(service_url):
            raise Refused("the service is none of the platform's", 403)
        tenants = named_tenants(activity)
        if tenants != {self._settings.tenant_id}:
            raise Refused("the tenant is not served here", 403)

    def _trusts(self, service_url: str) -> bool:
        known = self._trusted.get(service_url)
        if known is None:
            if len(self._trusted) >= MOST_TOKENS:
                self._trusted.clear()
            known = self._trusted[service_url] = self._endpoints.trusts(service_url)
        return known


class PersonVerifier:
    """Check the tokens that a tab gets for the person in front of it."""

    def __init__(self, settings: Settings, http: Callable[[], aiohttp.ClientSession], **options: Any):
        self._settings, self._endpoints = settings, settings.endpoints
        tenant = settings.tenant_id
        self._keys = KeyRing(http, self._endpoints.entra_keys(tenant), direct=True, **options)
        self._issuers = {self._endpoints.entra_issuer(tenant), f"https://sts.windows.net/{tenant}/"}

    async def person(self, authorization: list[str], audiences: frozenset[str]) -> str:
        """Return the object id of the person; raises `Refused` with 401 for a token that is not theirs and ours."""
        token = bearer(authorization)
        _, key = await signing_key(self._keys, token)
        stated = stated_claims(token)
        issuer, audience = str(stated.get("iss")), str(stated.get("aud"))
        if issuer not in self._issuers or audience not in audiences:
            raise Refused("the token is not for us", 401)
        payload = signed_claims(token, key, audience=audience, issuer=issuer, leeway=SKEW)
        person = payload.get("oid")
        if payload.get("tid") != self._settings.tenant_id or not isinstance(person, str):
            raise Refused("the tenant is not served here", 401)
        # an app's own token has roles in place of a scope, and nobody sits in front of an app
        if SCOPE not in str(payload.get("scp", "")).split():
            raise Refused("the token is not a person's", 401)
        return person.lower()


def bearer(authorization: list[str]) -> str:
    """Return the one bearer token of the headers; raises `Refused` where there is not exactly one."""
    if len(authorization) != 1:
        raise Refused("exactly one token is needed", 401)
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST or not token.isascii():
        raise Refused("not a bearer token", 401)
    return token


def named_tenants(activity: Json) -> set[str]:
    """Return every tenant that an activity says it is of."""
    channel_data = _object(activity.get("channelData"))
    named = (
        _object(channel_data.get("tenant")).get("id"),
        _object(activity.get("conversation")).get("tenantId"),
        _object(activity.get("from")).get("tenantId"),
    )
    return {str(tenant).lower() for tenant in named if tenant is not None}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
