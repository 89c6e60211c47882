"""Sign the stand-in's tokens with real keys, and publish them as the connector and Entra do."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

LIFE = 3600


@cache
def _first() -> rsa.RSAPrivateKey:
    """Make one key per process: making it takes longer than a test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Signer:
    """Hold the key that signs now, and the older ones that are still published."""

    def __init__(self) -> None:
        self._keys: dict[str, rsa.RSAPrivateKey] = {"key-1": _first()}
        self.current = "key-1"

    def rotate(self, *, forget: bool = True) -> str:
        """Sign with a new key from now on; the former one is published no more where *forget*."""
        name = f"key-{uuid.uuid4().hex[:8]}"
        if forget:
            self._keys.clear()
        self._keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.current = name
        return name

    def sign(self, claims: Mapping[str, Any], *, key: str | None = None) -> str:
        """Return a token with these claims, in force from now on for an hour unless they say otherwise."""
        name = key or self.current
        now = int(time.time())
        payload = {"nbf": now - 10, "iat": now - 10, "exp": now + LIFE, **claims}
        return jwt.encode(payload, self._keys[name], algorithm="RS256", headers={"kid": name, "x5t": name})

    def published(self, *, endorsements: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [self._public(name, endorsements) for name in self._keys]}

    def _public(self, name: str, endorsements: tuple[str, ...]) -> dict[str, Any]:
        key: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._keys[name].public_key()))
        marks = {"kid": name, "x5t": name, "use": "sig", "alg": "RS256"}
        return {**key, **marks, **({"endorsements": list(endorsements)} if endorsements else {})}
