"""The kinds of arrays that the matcher computes with, and the few ways of filling them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int32]
Indices: TypeAlias = npt.NDArray[np.intp]
Floats: TypeAlias = npt.NDArray[np.float64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Bools: TypeAlias = npt.NDArray[np.bool_]

Kind = TypeVar("Kind", bound=Hashable)


def kinds(values: Sequence[Kind]) -> tuple[list[Kind], Indices]:
    """Return the different *values* in order of appearance, and for each value which of them it is."""
    known: dict[Kind, int] = {}
    index = [known.setdefault(value, len(known)) for value in values]
    return list(known), np.array(index, dtype=np.intp)


def marked(marks: Bytes, flag: int) -> Bools:
    """Tell where any bit of *flag* is set, without widening the array."""
    found: Bools = (marks & np.uint8(flag)) > 0
    return found
