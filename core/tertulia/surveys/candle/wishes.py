"""How somebody who lights a candle wants to be reached, and the words around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from tertulia.domain.identifiers import Json
from tertulia.errors import Mistake

WAYS: Mapping[str, str] = {
    "chat": "Write to me in the chat",
    "mail": "Write me an e-mail",
    "call": "Call me",
    "meet": "Speak to me in person",
}
HOURS: Mapping[str, str] = {
    "any": "Any time I work",
    "morning": "In the morning",
    "afternoon": "In the afternoon",
    "evening": "After work",
}
LONGEST_NUMBER = 40


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Hold how to reach the person: *discreet* says that others may see the person's screens or hear the phone."""

    way: str = "chat"
    hours: str = "any"
    number: str = ""
    discreet: bool = False


def wishes(values: Json) -> Wishes:
    """Read wishes from a form or a chat; raises `Mistake` for what was not offered."""
    way, hours = str(values.get("way") or "chat"), str(values.get("hours") or "any")
    number = " ".join(str(values.get("number") or "").split())
    if way not in WAYS or hours not in HOURS:
        raise Mistake("This way of reaching you is not among the choices; choose one of them.")
    if len(number) > LONGEST_NUMBER or not number.isprintable():
        raise Mistake(f"The number is too long; write at most {LONGEST_NUMBER} characters.")
    return Wishes(way=way, hours=hours, number=number, discreet=values.get("discreet") in (True, "yes", "true", "on"))


def as_json(chosen: Wishes) -> Json:
    """Write wishes for a sealed box or token."""
    return asdict(chosen)


def told(chosen: Wishes) -> list[str]:
    """Say in sentences what the responder is told."""
    number = f": {chosen.number}" if chosen.number else ""
    lines = [f"{WAYS[chosen.way]}{number}.", f"{HOURS[chosen.hours]}."]
    if chosen.discreet and chosen.way == "call":
        lines.append("Others may hear my calls: at no other time, and not a word to anybody else who answers.")
    elif chosen.discreet:
        lines.append("Others may see or hear what reaches me: no calls, no messages that say what this is about.")
    return lines
