"""Secrets that people keep: letters and digits without look-alikes, in groups that can be read aloud."""

from __future__ import annotations

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the look-alikes 0, O, 1 and I; 32 of them, so each random byte gives an even draw."""
LENGTH = 28
"""140 random bits."""
GROUP = 4


def phrase(drawn: bytes) -> str:
    """Write 28 random bytes as seven groups of four letters and digits."""
    letters = "".join(LETTERS[byte % len(LETTERS)] for byte in drawn[:LENGTH])
    return "-".join(letters[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def tidy(text: str) -> str | None:
    """Return a phrase as it was drawn, without its hyphens; `None` for any other text."""
    letters = "".join(text.upper().replace("-", "").split())
    return letters if len(letters) == LENGTH and not set(letters) - set(LETTERS) else None
