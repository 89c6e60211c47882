"""Who is asked what in a pulse, by keyed hashes: no history of a person is needed, and nobody can foretell a slot."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import date, timedelta

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake

PAUSE = timedelta(days=14)
"""Nobody gets two pulses within that time, whatever the platform."""
FEWEST, MOST = 3, 5
"""So many items has a pulse."""


def slot(key: bytes, person: Id, slots: int) -> int:
    """Return which of *slots* parts of the audience *person* is in while *key*, one per epoch, holds."""
    if slots < 1:
        raise Mistake("The audience must have at least one part.")
    return int.from_bytes(hmac.new(key, person.encode(), hashlib.sha256).digest()[:16]) % slots


def blocks(bank: Sequence[str], anchor: str, slots: int, size: int, turn: int) -> tuple[tuple[str, ...], ...]:
    """Return for each slot what it is asked in round number *turn*: the *anchor*, and others of *bank* in rotation.

    Each round asks as many different items as fit into its slots, and over many rounds each as often as any other but
    for one. Slots change places from turn to turn, so nobody is kept on the same part of the bank.
    """
    if not FEWEST <= size <= MOST:
        raise Mistake(f"A pulse has {FEWEST} to {MOST} questions.")
    others = [item for item in bank if item != anchor]
    take = min(size - 1, len(others))
    made = []
    for number in range(slots):
        start = (turn * slots + (number + turn) % slots) * take
        made.append((anchor, *(others[(start + place) % len(others)] for place in range(take))))
    return tuple(made)


def rotation(bank: Sequence[str], anchor: str, used: Sequence[str], size: int) -> tuple[str, ...]:
    """Return what one block for everybody asks: the *anchor*, then what was never asked or not for longest.

    *used* are the items asked before, oldest first; what a missed round left out comes next by itself.
    """
    if not FEWEST <= size <= MOST:
        raise Mistake(f"A pulse has {FEWEST} to {MOST} questions.")
    turn = {item: place for place, item in enumerate(used)}
    others = sorted((item for item in bank if item != anchor), key=lambda item: turn.get(item, -1))
    return (anchor, *others[: size - 1])


def in_turn(key: bytes, person: Id, week: int, parts: int = 4) -> bool:
    """Tell whether *person* belongs to the part of the audience that a weekly pulse asks in *week*."""
    return slot(key, person, parts) == week % parts


def may_ask(last: date | None, today: date) -> bool:
    """Tell whether a pulse may go to somebody who got the *last* one then."""
    return last is None or today - last >= PAUSE
