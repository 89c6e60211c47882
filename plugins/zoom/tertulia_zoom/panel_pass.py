"""The pass of an open panel: a short bearer token that a page keeps in its memory, sealed by us, read by us.

No cookie is needed in Zoom's frame, and no other page gets at it. It says who the panel's user is, in which meeting
and whether they host it; what a host does is besides checked against the workspace's roles each time.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tertulia import Id, Refused

LASTS = timedelta(minutes=15)
RENEWED = timedelta(hours=4)
"""A panel that stays open gets new passes for that long, then asks Zoom again who it belongs to."""
LONGEST = 4096


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Hold what a panel's token says; *user* is empty for a guest, *visitor* tells one open panel from another."""

    user: str
    visitor: str
    meeting: str
    number: str
    hosting: bool
    since: float
    until: float

    def renewed(self, now: datetime) -> Pass | None:
        """Return the pass that follows this one once half its time is over, `None` before and after four hours."""
        left = self.until - now.timestamp()
        if left > LASTS.total_seconds() / 2 or now.timestamp() - self.since > RENEWED.total_seconds():
            return None
        return replace(self, until=now.timestamp() + LASTS.total_seconds())


class Passes:
    """Seal and open passes for one installation; nobody but this service and this installation can."""

    def __init__(self, secret: str, installation: Id):
        info = f"tertulia panel pass {installation}".encode()
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret.encode())
        self._box, self._about = AESGCM(key), info

    def make(self, *, user: str, meeting: str, number: str, hosting: bool, now: datetime, visitor: str = "") -> Pass:
        """Make a new pass; *visitor* is what the page of a guest remembers, so that it is the same after a reload."""
        begun = now.timestamp()
        return Pass(
            user=user,
            visitor=visitor or secrets.token_hex(16),
            meeting=meeting,
            number=number,
            hosting=hosting,
            since=begun,
            until=begun + LASTS.total_seconds(),
        )

    def seal(self, given: Pass) -> str:
        """Write a pass as a token."""
        nonce = secrets.token_bytes(12)
        sealed = self._box.encrypt(nonce, json.dumps(asdict(given)).encode(), self._about)
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, header: str, now: datetime) -> Pass:
        """Read an `Authorization` header; raises `Refused` for anything but a pass of ours that is still good."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST or not token.isascii():
            raise Refused("no pass", 401)
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            found = Pass(**json.loads(self._box.decrypt(raw[:12], raw[12:], self._about)))
        except (InvalidTag, ValueError, TypeError):
            raise Refused("not a pass of ours", 401) from None
        if found.until <= now.timestamp():
            raise Refused("the pass is over", 401)
        return found
