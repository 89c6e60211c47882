"""The hard rules, in the order in which they yield, and what breaking each of them costs.

Costs are whole numbers, exact in a double. One step weighs more than everything below it together on a round of
`LARGEST` people, so that fewer repeats are never bought with a wish, nor a missing common hour with fewer repeats.
Private lists and languages never yield: who could only be matched against them stays alone, and is told so.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Literal

LARGEST = 4_000
"""How many people are matched at once; more are matched in blocks."""

Rule = Literal["again", "hours", "alone"]
"""The rules that may yield, the first before the next."""


class Breach(IntFlag):
    """Name what stands against a group."""

    NONE = 0
    AGAIN = 1
    HOURS = 2
    LANGUAGE = 4
    LIST = 8


NEVER = Breach.LANGUAGE | Breach.LIST
WISH = 10_000
"""The value of a pair that fulfils every wish; evenness may double it."""
ODD_SIZE = 1 << 27
AGAIN = 1 << 29
HOURS = 1 << 41
ALONE = 1 << 46
FORBIDDEN = 1 << 50
SMALLEST, BIGGEST = 2, 4
