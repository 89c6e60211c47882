"""When a practice occurs: recurrence rules in local wall time, and the instant of a wall time in a zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from dateutil.rrule import rrulestr

from tertulia.domain import walltime
from tertulia.domain.programs import Cadence
from tertulia.errors import Mistake

FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RANGES: Final = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYSETPOS": (-366, 366),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
}
PARTS: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *RANGES)
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2199
# The calendar repeats every 400 years. dateutil looks for an occurrence up to the year 9999, which takes seconds for
# a rule that has none; nineteen calendars later the same search is over in a fifth of a second.
SHIFT: Final = 19 * 400


@dataclass(frozen=True)
class Rule:
    """Hold a checked recurrence rule; *body* lacks COUNT and UNTIL, which are kept apart."""

    body: str
    count: int | None
    until: datetime | None


def occurrences(cadence: Cadence, after: datetime | None) -> Iterator[datetime]:
    """Return the local wall times of *cadence*, strictly after the wall time *after*, in order, lazily."""
    return _expand(parse_rule(cadence.rule), parse_start(cadence.start), after)


def instant(wall: datetime, zone: str) -> datetime:
    """Place a wall time in *zone*: out of a gap it moves forward, of two equal times the first is meant."""
    return walltime.instant(wall, find_zone(zone).key)


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone called *name*."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, _zones(), n=1)
        cure = f'did you mean "{near[0]}"?' if near else 'write a name of the IANA database, such as "Europe/Berlin".'
        raise Mistake(f'"{name}" is not a time zone; {cure}') from None


def parse_start(text: str) -> datetime:
    """Read the local date and time that a cadence starts at."""
    example = 'write a local date and time such as "2027-01-11T09:30"'
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(f'The start "{text}" is no date and time; {example}.') from None
    if not re.search("[T ]", text):
        raise Mistake(f'The start "{text}" has no time of day; {example}.')
    if start.tzinfo is not None:
        raise Mistake(f'The start "{text}" has an offset, but it is meant as local time; {example}.')
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise Mistake(f'The start "{text}" is outside the years {FIRST_YEAR} to {LAST_YEAR}; {example}.')
    return start.replace(microsecond=0)


@lru_cache(maxsize=256)
def parse_rule(text: str) -> Rule:
    """Check a recurrence rule, and refuse what Tertulia does not support in a sentence that names the part."""
    parts = _split(text)
    frequency = parts.get("FREQ")
    if frequency not in FREQUENCIES:
        said = "has no FREQ" if frequency is None else f"has FREQ={frequency}"
        raise Mistake(f"The rule {said}; write one of FREQ=DAILY, WEEKLY, MONTHLY or YEARLY (nothing finer).")
    if "COUNT" in parts and "UNTIL" in parts:
        raise Mistake("The rule has both COUNT and UNTIL; keep one of them.")
    count = _number("COUNT", parts.pop("COUNT"), 1, 100_000) if "COUNT" in parts else None
    until = _until(parts.pop("UNTIL")) if "UNTIL" in parts else None
    if "INTERVAL" in parts:
        _number("INTERVAL", parts["INTERVAL"], 1, 1000)
    for name in RANGES.keys() & parts.keys():
        _numbers(name, parts[name])
    if parts.get("WKST", "MO") not in DAYS:
        raise Mistake(f"The rule has WKST={parts['WKST']}; write one of {', '.join(DAYS)}.")
    if "BYDAY" in parts:
        _days(parts["BYDAY"], frequency)
    return Rule(";".join(f"{name}={value}" for name, value in parts.items()), count, until)


def _expand(rule: Rule, start: datetime, after: datetime | None) -> Iterator[datetime]:
    later = rrulestr(rule.body, dtstart=start.replace(year=start.year + SHIFT))
    walls = (wall.replace(year=wall.year - SHIFT) for wall in later)
    for wall in islice(walls, rule.count):
        if rule.until is not None and wall > rule.until:
            return
        if after is None or wall > after:
            yield wall


def _split(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if name not in PARTS:
            near = get_close_matches(name, PARTS, n=1)
            cure = f"did you mean {near[0]}?" if near else f"known are {', '.join(PARTS)}."
            raise Mistake(f'The rule has the unknown part "{name}"; {cure}')
        if not sign or not value:
            raise Mistake(f"The rule's part {name} has no value; write {name}=… or leave it out.")
        if name in parts:
            raise Mistake(f"The rule has {name} twice; keep one, with its values separated by commas.")
        parts[name] = value
    return parts


def _number(name: str, value: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", value) or not low <= int(value) <= high:
        raise Mistake(f"The rule has {name}={value}; write a number from {low} to {high}.")
    return int(value)


def _numbers(name: str, value: str) -> None:
    low, high = RANGES[name]
    values = [_number(name, piece, low, high) for piece in value.split(",")]
    if low < 0 and 0 in values:
        raise Mistake(f"The rule has {name}=0; count from 1, or from -1 for the last.")
    if name in {"BYHOUR", "BYMINUTE", "BYSECOND"} and len(values) > 1:
        raise Mistake(f"The rule has several values of {name}; make several rounds a day several practices.")


def _days(value: str, frequency: str) -> None:
    for day in value.split(","):
        found = re.fullmatch(r"([+-]?\d{1,2})?([A-Z]{2})", day)
        if not found or found[2] not in DAYS or (found[1] and not 1 <= abs(int(found[1])) <= 53):
            raise Mistake(
                f"The rule has BYDAY={value}; write days such as MO, or 1MO and -1FR for the first and last."
            )
        if found[1] and frequency not in {"MONTHLY", "YEARLY"}:
            raise Mistake(f"The rule has BYDAY={value} with FREQ={frequency}; a numbered day needs FREQ=MONTHLY.")


def _until(value: str) -> datetime:
    example = "write the last local date or time as UNTIL=20271231 or UNTIL=20271231T093000"
    if not re.fullmatch(r"\d{8}(T\d{6})?", value):
        offset = ", but it is meant as local time, so leave out the Z" if value.endswith("Z") else ""
        raise Mistake(f"The rule has UNTIL={value}{offset}; {example}.")
    try:
        until = datetime.fromisoformat(value)
    except ValueError:
        raise Mistake(f"The rule has UNTIL={value}, which is no date; {example}.") from None
    return until if "T" in value else datetime.combine(until.date(), time.max)


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
