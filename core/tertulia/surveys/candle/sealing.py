"""Seal a candle to its responder's public key, so that no database, backup or log can tell who lit it.

The responder holds a key phrase of 140 bits; the private key follows from it and is kept nowhere. What is sealed is
HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM, of one length, bound to the candle and the key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tertulia.domain import phrases
from tertulia.domain.identifiers import Entropy, Id, Json
from tertulia.errors import Mistake, Refused

SIZE = 1024
"""Every candle holds that many bytes of content and padding."""
HEAD = 2
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True)
class PublicKey:
    """Hold the public half of a responder's key, and its id."""

    id: Id
    public: bytes


def new_phrase(entropy: Entropy) -> str:
    """Draw a key phrase: seven groups of four letters and digits, 140 random bits."""
    return phrases.phrase(entropy(phrases.LENGTH))


def public_key(organization: Id, phrase: str) -> PublicKey:
    """Return the public key of a phrase; raises `Mistake` for what is no phrase."""
    public = _private(organization, phrase).public_key().public_bytes_raw()
    return PublicKey(hashlib.sha256(public).hexdigest()[:32], public)


def seal(content: Json, key: PublicKey, organization: Id, candle: Id) -> bytes:
    """Seal *content* to a responder's key, for one candle."""
    plain = json.dumps(dict(content), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    if len(plain) > SIZE - HEAD:
        raise Mistake("This is too long to be sealed; leave something out.")
    padded = (len(plain).to_bytes(HEAD) + plain).ljust(SIZE, b"\0")
    sealed: bytes = SUITE.encrypt(
        padded, X25519PublicKey.from_public_bytes(key.public), info=_place(organization, candle, key.id)
    )
    return sealed


def unseal(sealed: bytes, phrase: str, organization: Id, candle: Id) -> Json:
    """Open what was sealed to the key of *phrase*; raises `Refused` where it was not."""
    key = public_key(organization, phrase)
    try:
        padded = SUITE.decrypt(
            bytes(sealed), _private(organization, phrase), info=_place(organization, candle, key.id)
        )
    except InvalidTag as error:
        raise Refused("not sealed to this key, or altered") from error
    length = int.from_bytes(padded[:HEAD])
    content: dict[str, Any] = json.loads(padded[HEAD : HEAD + length])
    return content


def _private(organization: Id, phrase: str) -> X25519PrivateKey:
    tidy = phrases.tidy(phrase)
    if tidy is None:
        raise Mistake(
            "This is not a key phrase: it has seven groups of four letters and digits; type it as you kept it."
        )
    # no slow hash: the phrase is drawn, and too long to be tried
    derived = HKDF(algorithm=SHA256(), length=32, salt=organization.encode(), info=b"tertulia:candle")
    return X25519PrivateKey.from_private_bytes(derived.derive(tidy.encode()))


def _place(organization: Id, candle: Id, key: Id) -> bytes:
    return json.dumps(["candle", organization, candle, key]).encode()
