"""Find what in a text may tell who wrote it or whom it is about: names, e-mail addresses, telephone numbers.

A preview for the author, before anything is sent; it misses what a list of names does not know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "e-mail", "number"]
MAIL = re.compile(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.[^\s@<>(),;:]*[^\s@<>(),;:.!?\"’”]")
NUMBER = re.compile(r"(?<![\w.])\+?\d(?:[ ()/.\-]{0,2}\d){6,14}(?!\w)")
WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
SHORTEST = 3
STYLE = "Colleagues may recognize how you write. Short, plain sentences say least about who wrote them."


@dataclass(frozen=True)
class Found:
    """Hold one place in a text, by its first character and the one after its last."""

    kind: Kind
    start: int
    end: int


def find(text: str, names: Collection[str]) -> list[Found]:
    """Return what to look at in *text*, in order; *names* are whole names, any part of which counts."""
    parts = {part.casefold() for name in names for part in WORD.findall(name) if len(part) >= SHORTEST}
    found = [Found("e-mail", *match.span()) for match in MAIL.finditer(text)]
    found += [Found("number", *match.span()) for match in NUMBER.finditer(text)]
    # a name at the start of a sentence is a name too; a common word that is also a name is left to its author
    found += [Found("name", *match.span()) for match in WORD.finditer(text) if match[0].casefold() in parts]
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def redacted(text: str, found: Sequence[Found]) -> str:
    """Return *text* with each place replaced by what it was."""
    pieces: list[str] = []
    position = 0
    for one in found:
        pieces += [text[position : one.start], f"[{one.kind}]"]
        position = one.end
    return "".join([*pieces, text[position:]])
