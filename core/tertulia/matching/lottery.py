"""A lottery: who of many meets a few, fair over time, by a seed that anybody can check."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from tertulia.domain.identifiers import Id


def drawn(applicants: Collection[Id], count: int, before: Mapping[Id, int], seed: int) -> tuple[Id, ...]:
    """Draw *count* of the *applicants*; *before* tells how often each was drawn, and the least often come first."""

    def order(one: Id) -> tuple[int, bytes]:
        return before.get(one, 0), hashlib.sha256(f"{seed}:{one}".encode()).digest()

    return tuple(sorted(sorted(set(applicants), key=order)[:count]))
