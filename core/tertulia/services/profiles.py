"""Check what people type about a person: each fault is one sentence that names the field and the cure."""

from __future__ import annotations

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import get_args

from tertulia.domain.markup import unturned
from tertulia.domain.people import WorkerType
from tertulia.errors import Mistake

Value = str | int | list[str] | None
Check = Callable[[str, str], Value]

LONGEST = 200
LARGEST_BUDGET = 1000
DOMAIN = re.compile(r"(?!-)[\w-]{1,63}(\.(?!-)[\w-]{1,63})+")
LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}")
TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


def checked(values: Mapping[str, str | None]) -> dict[str, Value]:
    """Return *values* as the columns of `person` keep them; raises `Mistake` at the first that is wrong."""
    unknown = sorted(set(values) - set(CHECKS))
    if unknown:
        raise Mistake(f"{unknown[0]} is not a field of a person; the fields are {', '.join(CHECKS)}.")
    return {field: _checked(field, text) for field, text in values.items()}


def title(field: str, text: str) -> str:
    """Return a name or another line of text with its white space tidied."""
    tidy = " ".join(text.split())
    if not tidy:
        raise Mistake(f"{field} is empty; give it a text.")
    if len(tidy) > LONGEST:
        raise Mistake(f"{field} has {len(tidy)} characters; shorten it to at most {LONGEST}.")
    # what turns the text around it could make a name show as another one
    if unturned(tidy) != tidy or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in tidy):
        raise Mistake(f"{field} holds control characters; type it again without them.")
    return tidy


def email(field: str, text: str) -> str:
    """Return an e-mail address in lower case."""
    tidy = text.strip().lower()
    local, at, domain_name = tidy.rpartition("@")
    if not at or len(tidy) > 254 or not LOCAL.fullmatch(local) or not DOMAIN.fullmatch(domain_name):
        raise Mistake(f"{field} is not an e-mail address; write it like ana@example.org.")
    return tidy


def domain(field: str, text: str) -> str:
    """Return an e-mail domain in lower case."""
    tidy = text.strip().lower().removeprefix("@")
    if len(tidy) > 253 or not DOMAIN.fullmatch(tidy):
        raise Mistake(f"{field} {text!r} is not a domain; write it like example.org.")
    return tidy


def zone(field: str, text: str) -> str:
    """Return the name of a time zone."""
    tidy = text.strip()
    if tidy in _zones():
        return tidy
    near = difflib.get_close_matches(tidy, _zones(), n=1)
    hint = f"did you mean {near[0]}?" if near else "write it like Europe/Madrid."
    raise Mistake(f"{field} {text[:64]!r} is not a time zone; {hint}")


def language(field: str, text: str) -> str:
    """Return a BCP 47 tag in its usual spelling."""
    tidy = text.strip().replace("_", "-")
    if len(tidy) > 35 or not TAG.fullmatch(tidy):
        raise Mistake(f"{field} {text[:35]!r} is not a language tag; write it like en or pt-BR.")
    first, *others = tidy.split("-")
    spelled = {2: str.upper, 4: str.title}
    return "-".join([first.lower(), *(spelled.get(len(part), str.lower)(part) for part in others)])


def _languages(field: str, text: str) -> list[str]:
    tags = [language(field, part) for part in re.split(r"[\s,;|]+", text.strip()) if part]
    if not tags or len(tags) > 20:
        raise Mistake(f"{field} needs one to twenty language tags, best first; write them like en, pt-BR.")
    return list(dict.fromkeys(tags))


def _worker_type(field: str, text: str) -> str:
    tidy = text.strip().lower()
    if tidy not in get_args(WorkerType):
        raise Mistake(f"{field} {text[:40]!r} is unknown; use {', '.join(get_args(WorkerType))}.")
    return tidy


def _wall_time(field: str, text: str) -> str:
    tidy = text.strip()
    if not TIME.fullmatch(tidy) or not tidy.isascii():
        raise Mistake(f"{field} {text[:20]!r} is not a time; write it as HH:MM between 00:00 and 23:59.")
    return tidy.zfill(5)


def _budget(field: str, text: str) -> int:
    tidy = text.strip()
    if not (tidy.isascii() and tidy.isdigit() and len(tidy) <= 4 and int(tidy) <= LARGEST_BUDGET):
        raise Mistake(f"{field} {text[:20]!r} is not a number of messages; write one from 0 to {LARGEST_BUDGET}.")
    return int(tidy)


def _checked(field: str, text: str | None) -> Value:
    if text is None or not text.strip():
        if field in OPTIONAL:
            return None
        raise Mistake(f"{field} is empty; give it a value.")
    return CHECKS[field](field, text)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # `localtime` is whatever the machine's owner set, and `Factory` is none
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


CHECKS: dict[str, Check] = {
    "name": title,
    "email": email,
    "zone": zone,
    "languages": _languages,
    "worker_type": _worker_type,
    "team": title,
    "location": title,
    "work_start": _wall_time,
    "work_end": _wall_time,
    "quiet_start": _wall_time,
    "quiet_end": _wall_time,
    "message_budget": _budget,
}
OPTIONAL = frozenset({"email", "team", "location", "message_budget"})
EMPTY: dict[str, Value] = {
    "email": None,
    "worker_type": "employee",
    "team": None,
    "location": None,
    "work_start": "09:00",
    "work_end": "17:00",
    "quiet_start": "20:00",
    "quiet_end": "08:00",
    "message_budget": None,
}
"""What a new person has where nothing is given; zone and languages come from the workspace."""
