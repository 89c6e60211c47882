"""Check that Zoom sent a request, and answer its question whether we hold the secret token.

The signature covers the time and the body's bytes, so an event can be taken late: Zoom repeats one for 85 minutes,
and whether it signs anew is not documented. What is replayed is a duplicate, which the intake knows by its body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tertulia import Answer, Refused

SIGNATURE, TIMESTAMP = "x-zm-signature", "x-zm-request-timestamp"
OLDEST = timedelta(hours=2)
AHEAD = timedelta(seconds=60)
QUESTION = "endpoint.url_validation"
STAMP = re.compile(r"[0-9]{1,10}|[0-9]{13}")
PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_+/=.-]{1,200}")
"""No colon: whoever could choose what is signed here could have an event of his signed."""


def sign(secret: str, stamp: str, body: bytes) -> str:
    """Sign as Zoom does: over the version, the time in seconds and the body's bytes."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
    """Return the secret that signed the request; raises `Refused` unless it is genuine and not too old.

    *headers* have lower-case names; *now* is real time.
    """
    stamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "").encode(errors="replace")
    if not STAMP.fullmatch(stamp):
        raise Refused("not signed by Zoom", 401)
    genuine = [one for one in secrets if one and hmac.compare_digest(sign(one, stamp, body).encode(), given)]
    if not genuine:
        raise Refused("not signed by Zoom", 401)
    if not now - OLDEST <= signed_at(headers) <= now + AHEAD:
        raise Refused("signed too long ago, or in the future", 401)
    return genuine[0]


def signed_at(headers: Mapping[str, str]) -> datetime:
    """Return when a request was signed; raises `Refused` where it does not say."""
    stamp = headers.get(TIMESTAMP, "")
    if not STAMP.fullmatch(stamp):
        raise Refused("not signed by Zoom", 401)
    # in seconds, though some of Zoom's own samples show milliseconds
    return datetime.fromtimestamp(int(stamp) / 1000 if len(stamp) == 13 else int(stamp), UTC)


def handshake(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> Answer | None:
    """Answer the question whether we hold the secret; `None` for every other event. It must be signed itself."""
    question = decoded(body) if QUESTION.encode() in body else {}
    if question.get("event") != QUESTION:
        return None
    secret = verify(headers, body, secrets, now)
    payload = question.get("payload")
    plain = payload.get("plainToken") if isinstance(payload, dict) else None
    if not isinstance(plain, str) or not PLAIN_TOKEN.fullmatch(plain):
        raise Refused("no token to sign", 400)
    encrypted = hmac.new(secret.encode(), plain.encode(), hashlib.sha256).hexdigest()
    answer = json.dumps({"plainToken": plain, "encryptedToken": encrypted}).encode()
    return Answer(body=answer, headers=(("content-type", "application/json"),))


def decoded(body: bytes) -> Mapping[str, object]:
    """Return a body as an object; raises `Refused` for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("not an event", 400)
    return value
