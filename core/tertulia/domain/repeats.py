"""Know a repeated call by its key: a short list of hashes kept beside what the calls changed."""

from __future__ import annotations

from collections.abc import Sequence

REMEMBERED = 32


def remembered(known: Sequence[str], digest: str | None) -> list[str]:
    """Return *known* with *digest* at its end, and what is oldest left out where there are too many.

    The first stays, so that its repeat is still answered as the first call was.
    """
    if digest is None:
        return list(known)
    return [*known, digest] if len(known) < REMEMBERED else [known[0], *known[2:], digest]
