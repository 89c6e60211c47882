"""Drivers: how much of what varies in one answer goes together with each of the others; association, never cause.

Exact moments would undo all that the release does: sums tell counts, and the products of two rounds between which one
person left tell that person's whole ballot. So none is stored. At the close, shares are computed from counts of
favourable answers and of pairs of them, of everybody only, each rounded like any published count before anything is
computed of it; what is told are shares in steps of five.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wishart

from tertulia.domain.surveys import DECLINED, Item, round_to_base
from tertulia.surveys.confidentiality.release import BLOCK, Closed, Release
from tertulia.surveys.confidentiality.rounding import band

Matrix = NDArray[np.float64]
FEWEST = 50
"""Of fewer answers nothing is told."""
STEP: Final = 5
DRAWS = 400


@dataclass(frozen=True)
class Weights:
    """Hold the part of the variance of one answer that goes to each of the others; together they are *explained*."""

    parts: tuple[float, ...]
    explained: float


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """Hold what goes together with *of*: shares of *explained*, all in percent and in steps of five.

    *clear* is whether the first is above every other with 95 % certainty; where it is not, no order is told.
    *answered* is rounded down to five.
    """

    of: str
    answered: int
    explained: int
    shares: tuple[tuple[str, int], ...]
    clear: bool


def relative_weights(correlations: Matrix) -> Weights:
    """Return Johnson's relative weights of all but the last variable for the last.

    With R = VΛVᵀ the correlations of the others, L = VΛ^½Vᵀ and β = L⁻¹r, the weights are (L∘L)β² (Johnson, "A
    heuristic method for estimating the relative weight of predictor variables in multiple regression", Multivariate
    Behavioral Research 35, 2000).
    """
    values, vectors = np.linalg.eigh(correlations[:-1, :-1])
    roots = np.sqrt(np.maximum(values, 1e-9))
    between = (vectors * roots) @ vectors.T
    slopes = (vectors / roots) @ vectors.T @ correlations[:-1, -1]
    parts = (between**2) @ slopes**2
    return Weights(tuple(float(one) for one in parts), float(parts.sum()))


def rounded_correlations(favourable: NDArray[np.bool_]) -> Matrix | None:
    """Return the correlations of columns of yes and no, of counts that were rounded first.

    `None` where a column does not vary after rounding. What rounding made impossible is moved to the nearest that is
    possible.
    """
    n, width = favourable.shape
    whole = n // STEP * STEP
    counts = np.zeros((width, width))
    for one in range(width):
        counts[one, one] = min(whole, band(int(favourable[:, one].sum()), n, STEP).value)
    for one, other in combinations(range(width), 2):
        both = band(int((favourable[:, one] & favourable[:, other]).sum()), n, STEP).value
        least = max(0.0, counts[one, one] + counts[other, other] - whole)
        counts[one, other] = counts[other, one] = min(max(both, least), counts[one, one], counts[other, other])
    shares = counts / whole
    own = np.diag(shares)
    spread = own * (1 - own)
    if (spread <= 0).any():
        return None
    found: Matrix = (shares - np.outer(own, own)) / np.sqrt(np.outer(spread, spread))
    values, vectors = np.linalg.eigh(found)
    found = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    scale = np.sqrt(np.diag(found))
    result: Matrix = found / np.outer(scale, scale)
    return result


def drivers(of: str, others: Sequence[str], favourable: NDArray[np.bool_], *, seed: int) -> Drivers | None:
    """Return what goes together with *of*, the last column of *favourable*; *others* name the columns before.

    `None` for fewer than `FEWEST` rows, fewer than two others, or where an answer does not vary. *seed* draws the
    samples that tell whether the first is clear.
    """
    if len(favourable) < FEWEST or len(others) < 2:
        return None
    correlations = rounded_correlations(favourable)
    if correlations is None:
        return None
    weights = relative_weights(correlations)
    if weights.explained <= 0:
        return None
    n = len(favourable) // STEP * STEP
    shares = [round_to_base(round(100 * part / weights.explained), STEP) for part in weights.parts]
    return Drivers(
        of=of,
        answered=n,
        explained=round_to_base(round(100 * weights.explained), STEP),
        shares=tuple(zip(others, shares, strict=True)),
        clear=_is_clear(correlations, weights, n, seed),
    )


def of_round(closed: Closed, made: Release) -> tuple[Drivers, ...]:
    """Return what goes together with the item that everybody was asked, one result for each part of the audience.

    Only those are counted who are in the cells, and nothing is told of a round that is withheld.
    """
    ranked = [item for item in closed.items if item.ranked and DECLINED not in (item.blocks or ())]
    if made.state != "released" or not ranked:
        return ()
    target = max(ranked, key=lambda item: len(item.blocks) if item.blocks else len(closed.items) + 1)
    people = sorted(closed.answers.keys() - made.left_out)
    found = []
    parts: list[str | None] = [*sorted({one for item in ranked for one in item.blocks or ()})]
    for part in parts or [None]:
        asked = [item for item in ranked if item is not target and (part is None or part in (item.blocks or (part,)))]
        mine = [one for one in people if part is None or closed.asked.get(one, {}).get(BLOCK) == part]
        told = drivers(
            target.key,
            [item.key for item in asked],
            _favourable([*asked, target], [closed.answers[one] for one in mine]),
            seed=int.from_bytes(hashlib.sha256(f"{closed.round}:{part}".encode()).digest()[:4]),
        )
        found += [told] if told is not None else []
    return tuple(found)


def _favourable(items: Sequence[Item], answers: Iterable[Mapping[str, object]]) -> NDArray[np.bool_]:
    """Return which of *items* were answered favourably, one row for each who answered all of them."""
    rows = []
    for given in answers:
        points = [item.point(given.get(item.key)) for item in items]
        best = [item.levels[0][1] for item in items]
        if None not in points:
            rows.append(
                [
                    item.points[point] in names
                    for item, point, names in zip(items, points, best, strict=True)
                    if point is not None
                ]
            )
    return np.array(rows, dtype=np.bool_).reshape(len(rows), len(items))


def _is_clear(correlations: Matrix, weights: Weights, n: int, seed: int) -> bool:
    """Tell whether the largest weight is above every other in 95 of 100 samples of as many answers."""
    drawn = wishart.rvs(df=n - 1, scale=correlations, size=DRAWS, random_state=np.random.default_rng(seed))
    scale = np.sqrt(np.diagonal(drawn, axis1=1, axis2=2))
    parts = np.array([relative_weights(one / np.outer(by, by)).parts for one, by in zip(drawn, scale, strict=True)])
    first = int(np.argmax(weights.parts))
    ahead = parts[:, [first]] - np.delete(parts, first, axis=1)
    return bool((np.quantile(ahead, 0.025, axis=0) > 0).all())
