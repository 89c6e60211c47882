"""Read tokens that a provider signed: RS256 only, by a key it publishes, in force, of one issuer, for one reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from tertulia.errors import Refused
from tertulia.openid.keys import KeyRing, NoKeys, SigningKey

REQUIRED = ("exp", "nbf", "iss", "aud")


async def signing_key(keys: KeyRing, token: str) -> tuple[str, SigningKey]:
    """Return the id and the key that *token* says it was signed with.

    Raises `Refused` with 401 for what is no RS256 token or names a key that is not published, and with 503 while no
    key can be known at all.
    """
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Refused("not a token", 401) from None
    kid = header.get("kid")
    if header.get("alg") != "RS256" or "crit" in header or not isinstance(kid, str):
        raise Refused("not signed as the platform signs", 401)
    key = await published_key(keys, kid)
    if key is None:
        raise Refused("signed by an unknown key", 401)
    return kid, key


async def published_key(keys: KeyRing, kid: str) -> SigningKey | None:
    """Return the key called *kid*; raises `Refused` with 503 while no key can be known at all."""
    try:
        return await keys.find(kid)
    except NoKeys:
        # nothing is wrong with what was sent: let it come again
        raise Refused("the platform's keys cannot be read at the moment", 503) from None


def signed_claims(
    token: str, key: SigningKey, *, audience: str, issuer: str, leeway: float, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the claims of a token that is signed by *key*, in force, and made for *audience* by *issuer*.

    Times are real ones, *leeway* is in seconds; *also* names claims that must be there besides. Raises `Refused` with
    401 for anything else.
    """
    try:
        payload: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=["RS256"],
            audience=audience,
            issuer=issuer,
            leeway=leeway,
            options={"require": [*REQUIRED, *also], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Refused(f"not a valid token: {type(error).__name__}", 401) from None
    return payload


def stated_claims(token: str) -> Mapping[str, Any]:
    """Return what a token says, whoever wrote it; raises `Refused` with 401 for what is no token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise Refused("not a token", 401) from None
    return claims
