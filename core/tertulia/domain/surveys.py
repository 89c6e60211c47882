"""Surveys: nothing here knows a person."""

from __future__ import annotations

BALLOT_SIZE = 4096
"""Every sealed ballot holds that many bytes of content and padding, so that its length tells nothing."""

FEWEST_ANSWERS = 5
"""Nothing is published of a round that fewer people answered."""

CONFIDENTIAL = (
    "Confidential: your answer is sealed and kept without your name. Until the round closes, whoever holds the "
    "server's keys could join the two; at the close keys and ballots are destroyed and only rounded figures remain."
)
"""What every survey channel says."""


def round_to_base(count: int, base: int = 5) -> int:
    """Round *count* to the nearest multiple of *base*; halves go up."""
    return (2 * count + base) // (2 * base) * base
