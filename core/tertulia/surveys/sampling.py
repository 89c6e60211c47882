"""Who is asked what in a pulse, by keyed hashes: no history of a person is needed, and nobody can foretell a slot."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake

Block: TypeAlias = tuple[str, ...]
PAUSE = timedelta(days=14)
"""Nobody gets two pulses within that time, whatever the platform, the practice and the workspace."""
FEWEST, MOST = 3, 5
"""So many items has a pulse."""
QUARTERS = 4
"""In so many parts an audience takes turns where it is asked every week."""


def slot(key: bytes, person: Id, slots: int) -> int:
    """Return which of *slots* parts of the audience *person* is in while *key*, one per epoch, holds."""
    return part(hmac.new(key, person.encode(), hashlib.sha256).digest(), slots)


def part(draw: bytes, slots: int) -> int:
    """Return which of *slots* parts the person with *draw*, at least 16 bytes of a keyed hash, is in."""
    if slots < 1:
        raise Mistake("The audience must have at least one part.")
    return int.from_bytes(draw[:16]) % slots


def blocks(bank: Iterable[str], anchor: str, size: int, *, slots: int = 1, turn: int = 0) -> tuple[Block, ...]:
    """Return for each slot what it is asked in round number *turn*: the *anchor*, and others of *bank* in rotation.

    Each round asks as many different items as fit into its slots, and over many rounds each as often as any other but
    for one. *turn* counts the rounds that took place: what a missed one would have asked comes next. Slots change
    places by lot from turn to turn, so that nobody is kept on the same part of the bank.
    """
    if not FEWEST <= size <= MOST:
        raise Mistake(f"A pulse has {FEWEST} to {MOST} questions.")
    others = sorted({*bank} - {anchor}, key=_lot)
    take = size - 1
    if len(others) < slots * take:
        raise Mistake(f"{slots} parts with {take} items each need a bank of {slots * take} besides the anchor.")
    shift = int(_lot(str(turn)), 16) % slots
    starts = [(turn * slots + (number + shift) % slots) * take for number in range(slots)]
    return tuple((anchor, *(others[(start + place) % len(others)] for place in range(take))) for start in starts)


def _lot(text: str) -> str:
    """Mix the items of several instruments, the same way in every round."""
    return hashlib.sha256(text.encode()).hexdigest()


def in_turn(draw: bytes, week: int, parts: int = QUARTERS) -> bool:
    """Tell whether the person with *draw* belongs to the part of the audience that is asked in *week*."""
    # not the bytes that choose the slot: who is asked what must not depend on when
    return part(draw[16:] + draw[:16], parts) == week % parts


def may_ask(last: datetime | None, then: datetime) -> bool:
    """Tell whether a pulse may go out *then* to somebody whose nearest other one is due at *last*."""
    return last is None or abs(then - last) >= PAUSE
