"""Seal what must not be read from the database: AES-256-GCM, bound to its place, with keys that can rotate."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tertulia.domain.identifiers import Entropy, Id
from tertulia.errors import Refused, Unsafe

KEY_ID = 4
NONCE = 12


class Vault:
    """Seal and open with the newest of several keys.

    A sealed blob is key id (4 bytes), nonce (12), ciphertext and tag. *place* (tenant, table, row …) is associated
    data: a blob moved elsewhere does not open.
    """

    def __init__(
        self, keys: Mapping[bytes, bytes], entropy: Entropy = secrets.token_bytes, *, root: bytes | None = None
    ):
        if not keys:
            raise Unsafe("TERTULIA_KEYS holds no key; make one with `tertulia keys new`.")
        if any(len(key_id) != KEY_ID for key_id in keys):
            raise Unsafe(
                f"TERTULIA_KEYS holds a key whose id is not {KEY_ID} bytes; make it with `tertulia keys new`."
            )
        self._material = dict(keys)
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(reversed(self._keys))
        # a service has a root of its own (`keys.rooted`), which survives the removal of every old key
        self._root = root or next(iter(keys.values()))
        self._entropy = entropy

    def with_root(self, root: bytes) -> Vault:
        """Return a vault with the same keys whose keyed hashes come from *root*."""
        return Vault(self._material, self._entropy, root=root)

    @property
    def newest(self) -> bytes:
        """Return the id of the key that seals."""
        return self._newest

    def seal(self, plain: bytes, *place: str) -> bytes:
        """Seal *plain* to *place*."""
        nonce = self._entropy(NONCE)
        return self._newest + nonce + self._keys[self._newest].encrypt(nonce, plain, _place(place))

    def open(self, sealed: bytes, *place: str) -> bytes:
        """Open what was sealed to *place*; raises `Refused` where it was not."""
        cipher = self._keys.get(bytes(sealed[:KEY_ID]))
        if cipher is None:
            raise Refused("sealed with a key that is not in TERTULIA_KEYS")
        try:
            nonce = bytes(sealed[KEY_ID : KEY_ID + NONCE])
            return cipher.decrypt(nonce, bytes(sealed[KEY_ID + NONCE :]), _place(place))
        except (InvalidTag, ValueError) as error:
            raise Refused("not sealed here, or altered") from error

    def seal_json(self, value: Any, *place: str) -> bytes:
        """Seal a JSON value."""
        return self.seal(json.dumps(value, separators=(",", ":")).encode(), *place)

    def open_json(self, sealed: bytes, *place: str) -> Any:
        """Open a JSON value."""
        return json.loads(self.open(sealed, *place))

    def token(self, value: Any, *place: str) -> str:
        """Seal a JSON value as text for a URL or a card."""
        return base64.urlsafe_b64encode(self.seal_json(value, *place)).rstrip(b"=").decode()

    def open_token(self, token: str, *place: str) -> Any:
        """Open a token; raises `Refused` for anything else."""
        try:
            sealed = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (ValueError, UnicodeEncodeError) as error:
            raise Refused("not a token") from error
        return self.open_json(sealed, *place)

    def keyed_hash(self, text: str, purpose: str) -> str:
        """Hash *text* so that only a holder of the keys can recompute it."""
        key = hmac.digest(self._root, b"tertulia:" + purpose.encode(), hashlib.sha256)
        return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def installation_place(organization: Id, installation: Id) -> tuple[str, ...]:
    """Name the place of an installation's settings."""
    return ("installation", organization, installation)


def subscription_place(organization: Id, subscription: Id) -> tuple[str, ...]:
    """Name the place of a subscription's secrets."""
    return ("subscription", organization, subscription)


def store_place(organization: Id, installation: Id, key: str) -> tuple[str, ...]:
    """Name the place of a value in a plugin's store."""
    return ("store", organization, installation, key)


def inbox_place(organization: Id, event: Id) -> tuple[str, ...]:
    """Name the place of a raw request in the inbox; *event* is the id of its row."""
    return ("inbox", organization, event)


def outbox_place(organization: Id, message: Id) -> tuple[str, ...]:
    """Name the place of a message in the outbox; *message* is the id of its row."""
    return ("outbox", organization, message)


def merge_place(organization: Id, merge: Id) -> tuple[str, ...]:
    """Name the place of what a merge of two persons replaced."""
    return ("identity_merge", organization, merge)


@lru_cache(maxsize=1024)
def _place(parts: tuple[str, ...]) -> bytes:
    return json.dumps(parts).encode()
