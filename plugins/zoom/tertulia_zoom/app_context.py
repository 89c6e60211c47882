"""Open what Zoom says of who opened the panel: sealed with our client secret, good for two minutes, and once.

The shape is Zoom's (`shared/facts/platforms.md` 2.2, the SDK's `DecryptedAppContextResponse`): base64 of one byte for
the length of the nonce, the nonce, two bytes for that of the associated data, the data, four for that of the text,
the sealed text and its tag; AES-256-GCM under SHA-256 of the client secret; inside, JSON.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tertulia import Refused

ISSUER = "marketplace.zoom.us"
HOSTING = frozenset({"host", "co-host", "coHost"})
LONGEST = 16_384
"""Characters of a header; genuine ones have a few hundred."""
LASTS = timedelta(minutes=2)
SKEW = timedelta(seconds=60)
TAG, NONCE = 16, 12
BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
USER = re.compile(r"[A-Za-z0-9_-]{1,64}")
MEETING = re.compile(r"[A-Za-z0-9+/=_-]{8,100}")


@dataclass(frozen=True, kw_only=True)
class AppContext:
    """Hold who opened the panel in which instance of a meeting; *user* is empty for a guest."""

    user: str
    meeting: str
    hosting: bool
    expires: datetime
    mark: str
    """A hash by which the same context is known again."""


def open_context(sealed: str, secret: str, client_id: str, now: datetime) -> AppContext:
    """Return what *sealed* says; raises `Refused` unless Zoom sealed it for this app, just now, in a meeting.

    *now* is real time.
    """
    if not sealed or len(sealed) > LONGEST:
        raise Refused("no app context", 401)
    said = _read(_unsealed(_bytes(sealed), secret))
    if said.get("iss") != ISSUER or said.get("aud") != client_id or not client_id:
        raise Refused("not for this app", 401)
    expires = _checked_time(said, now)
    if said.get("typ") != "meeting":
        raise Refused("not opened in a meeting", 403)
    user, meeting = said.get("uid", ""), said.get("mid")
    if not isinstance(user, str) or (user and not USER.fullmatch(user)):
        raise Refused("not the name of a user", 401)
    if not isinstance(meeting, str) or not MEETING.fullmatch(meeting):
        raise Refused("not the name of a meeting", 401)
    role = said.get("attendrole")
    # whoever has no account has no rights, whatever else is said
    hosting = bool(user) and isinstance(role, str) and role in HOSTING
    # the text in front of the tag decides, not how its bytes were written as characters
    mark = hashlib.sha256(b"app context" + _bytes(sealed)).hexdigest()
    return AppContext(user=user, meeting=meeting, hosting=hosting, expires=expires, mark=mark)


def _bytes(sealed: str) -> bytes:
    # the header is plain base64, the SDK answers in its alphabet for URLs; both are taken, nothing else is
    plain = sealed.strip()
    if not BASE64.fullmatch(plain):
        raise Refused("not an app context", 401)
    plain = plain.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not an app context", 401) from None


def _unsealed(raw: bytes, secret: str) -> bytes:
    nonce, rest = _part(raw, 1)
    data, rest = _part(rest, 2)
    text, tag = _part(rest, 4)
    if len(nonce) != NONCE or len(tag) != TAG or not secret:
        raise Refused("not an app context", 401)
    try:
        return AESGCM(hashlib.sha256(secret.encode()).digest()).decrypt(nonce, text + tag, data)
    except (InvalidTag, ValueError):
        raise Refused("not sealed by Zoom for this app", 401) from None


def _part(raw: bytes, size: int) -> tuple[bytes, bytes]:
    """Take a part that tells its own length in *size* bytes; return it and what follows."""
    length = int.from_bytes(raw[:size], "little")
    if len(raw) < size + length:
        raise Refused("not an app context", 401)
    return raw[size : size + length], raw[size + length :]


def _read(text: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Refused("not an app context", 401)
    return said


def _checked_time(said: Mapping[str, Any], now: datetime) -> datetime:
    made, expires = _instant(said.get("ts"), now), _instant(said.get("exp"), now)
    if not now - LASTS - SKEW <= made <= now + SKEW:
        raise Refused("made too long ago, or in the future", 401)
    if not now < expires <= made + LASTS + SKEW:
        raise Refused("no longer good", 401)
    return expires


def _instant(value: object, now: datetime) -> datetime:
    """Read milliseconds; whatever is far from now is told from now by its distance alone."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**14:
        raise Refused("no time", 401)
    return now + timedelta(milliseconds=value - int(now.timestamp() * 1000))
