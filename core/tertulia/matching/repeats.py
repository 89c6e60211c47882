"""Who met before: a pair that met long ago meets again before one that met lately."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tertulia.domain.identifiers import Id
from tertulia.matching.arrays import Bytes, Indices, Ints
from tertulia.matching.rules import AGAIN, Breach


def recent(places: Mapping[Id, int], met: Mapping[frozenset[Id], int], rounds: int) -> tuple[Indices, Indices, Ints]:
    """Return the pairs of this round that met within the last *rounds*, and how many rounds ago."""
    found = []
    for pair, age in met.items():
        if 0 < age <= rounds and len(here := [places[person] for person in pair if person in places]) == 2:
            found.append((here[0], here[1], age))
    first, second, ages = zip(*found, strict=True) if found else ((), (), ())
    return np.array(first, dtype=np.intp), np.array(second, dtype=np.intp), np.array(ages, dtype=np.int32)


def mark(breaches: Bytes, first: Indices, second: Indices) -> None:
    """Note at both places of each pair that it met."""
    breaches[first, second] |= np.uint8(Breach.AGAIN)
    breaches[second, first] |= np.uint8(Breach.AGAIN)


def cost(ages: Ints, rounds: int) -> Ints:
    """Return what it costs to bring pairs together again: once for having met, up to twice for how lately."""
    shares = (rounds - ages) * (AGAIN // max(1, rounds))
    return (AGAIN + shares).astype(np.int32)
