"""Families of cells for the auditor's tests, and the guarantee checked the long way."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Matrix = NDArray[np.bool_]
PRIME = 2_147_483_629


def rank(matrix: NDArray[np.int64]) -> int:
    """Return the rank over a large prime field, by elimination in whole numbers: nothing is rounded."""
    rest, found = matrix.astype(object) % PRIME, 0
    for column in range(rest.shape[1]):
        pivot = next((row for row in range(found, len(rest)) if rest[row, column]), None)
        if pivot is None:
            continue
        rest[[found, pivot]] = rest[[pivot, found]]
        rest[found] = rest[found] * pow(int(rest[found, column]), -1, PRIME) % PRIME
        for row in range(len(rest)):
            if row != found and rest[row, column]:
                rest[row] = (rest[row] - rest[row, column] * rest[found]) % PRIME
        found += 1
    return found


def is_safe(rows: list[NDArray[np.bool_]], weights: list[int], k: int) -> bool:
    """Tell whether no set of people lighter than *k* carries a combination of *rows*."""
    if not rows:
        return True
    matrix = np.array(rows).astype(np.int64)
    whole = rank(matrix)
    columns = range(matrix.shape[1])
    for size in range(1, k):
        for chosen in combinations(columns, size):
            if sum(weights[one] for one in chosen) < k:
                others = [one for one in columns if one not in chosen]
                if rank(matrix[:, others]) < whole:
                    return False
    return True


@st.composite
def families(draw: st.DrawFn) -> tuple[Matrix, list[int], int]:
    """Draw rows over classes of people, the weights of these and *k*; trees, crosses and rounds among the rows."""
    classes = draw(st.integers(2, 9))
    weights = draw(st.lists(st.integers(1, 3), min_size=classes, max_size=classes))
    labels = st.lists(st.integers(0, 3), min_size=classes, max_size=classes)
    rows: list[NDArray[np.bool_]] = [np.ones(classes, dtype=np.bool_)]
    for _ in range(draw(st.integers(1, 3))):
        partition = np.array(draw(labels))
        answered = np.array(draw(st.lists(st.booleans(), min_size=classes, max_size=classes)))
        rows += [(partition == label) & (answered | draw(st.booleans())) for label in range(4)]
    for _ in range(draw(st.integers(0, 3))):
        rows.append(np.array(draw(st.lists(st.booleans(), min_size=classes, max_size=classes))))
    order = draw(st.permutations(range(len(rows))))
    return np.array([rows[one] for one in order]), weights, draw(st.integers(2, 6))
