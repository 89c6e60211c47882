"""The gate: nobody's answer follows from the published bands, not even from that people and answers are whole.

The bands are taken together as a system over whole numbers: how many people of each class (those who are in the same
cells) gave each point. A class of which not all gave the same point is safe as it stands. For the others another
solution is looked for in which somebody of it gave another point: by moving one person, by exchanging two, and else
by integer programming, which either finds one or proves that there is none. Where the time allowed is over, people
count as forced: the gate fails closed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_array, csr_array, eye_array, kron, vstack

from tertulia.surveys.confidentiality.candidates import Rows, Weights, merge

Points: TypeAlias = NDArray[np.int64]
Vector: TypeAlias = NDArray[np.float64]
STEP = 1e-6
"""Less than that is nothing, to the solver."""


@dataclass(frozen=True)
class Published:
    """Hold one published band: between *low* and *high* of the people in *row* gave one of *points*."""

    row: NDArray[np.bool_]
    points: NDArray[np.bool_]
    low: int
    high: int


def forced(cells: Sequence[Published], answers: Points, points: int, *, seconds: float = 120) -> int:
    """Count the people whose point follows from *cells*; *answers* holds each person's true one, below *points*.

    People whom no cell counts are never forced. Everybody left when *seconds* are over counts.
    """
    if not cells or not len(answers):
        return 0
    rows = np.array([cell.row for cell in cells])
    free = ~rows.any(axis=0) | _unlike_their_class(rows, answers)
    free |= _can_move(rows, cells, answers, points)
    for person in np.flatnonzero(~free):
        if not free[person] and _can_exchange(rows, cells, answers, points, int(person)):
            free[person] = True
    if free.all():
        return 0
    return _forced_by_programme(cells, rows, answers, points, free, seconds)


def _unlike_their_class(rows: Rows, answers: Points) -> NDArray[np.bool_]:
    """Tell who shares all cells with somebody of another point: the two could be exchanged."""
    classes, _ = merge(rows)
    lowest, highest = np.full(classes.max() + 1, np.iinfo(np.int64).max), np.full(classes.max() + 1, -1)
    np.minimum.at(lowest, classes, answers)
    np.maximum.at(highest, classes, answers)
    unlike: NDArray[np.bool_] = (lowest != highest)[classes]
    return unlike


def _blocking(rows: Rows, cells: Sequence[Published], answers: Points, before: int, after: int) -> NDArray[np.bool_]:
    """Tell which cells would leave their band if one of their people went from point *before* to *after*."""
    counts = [int(cell.points[answers[cell.row]].sum()) for cell in cells]
    return np.array(
        [
            bool(cell.points[before]) != bool(cell.points[after])
            and (count <= cell.low if cell.points[before] else count >= cell.high)
            for cell, count in zip(cells, counts, strict=True)
        ]
    )


def _can_move(rows: Rows, cells: Sequence[Published], answers: Points, points: int) -> NDArray[np.bool_]:
    able = np.zeros(len(answers), dtype=np.bool_)
    for before in range(points):
        for after in range(points):
            if before != after:
                blocking = _blocking(rows, cells, answers, before, after)
                able |= (answers == before) & ~rows[blocking].any(axis=0)
    return able


def _can_exchange(rows: Rows, cells: Sequence[Published], answers: Points, points: int, person: int) -> bool:
    """Tell whether *person* and another could exchange their points, the cells of both not noticing."""
    before, mine = int(answers[person]), rows[:, person]
    for after in set(range(points)) - {before}:
        tied = mine & _blocking(rows, cells, answers, before, after)
        others = (answers == after) & rows[tied].all(axis=0)
        alien = ~mine & _blocking(rows, cells, answers, after, before)
        if (others & ~rows[alien].any(axis=0)).any():
            return True
    return False


class _System:
    """Hold the bands as linear constraints on how many people of each class gave each point."""

    def __init__(self, cells: Sequence[Published], rows: Rows, points: int):
        """Merge people who are in the same cells, those in none left out."""
        self.points = points
        self.inside = rows.any(axis=0)
        classes, weights = merge(rows[:, self.inside])
        self.class_of = np.full(rows.shape[1], -1)
        self.class_of[self.inside] = classes
        self.weights: Weights = weights
        people = np.zeros(len(weights), dtype=np.int64)
        people[classes] = np.flatnonzero(self.inside)
        counted = [
            np.multiply.outer(cell.row[people], cell.points).ravel().astype(np.float64) for cell in cells
        ]  # one band over the unknowns (class, point)
        self.bands = csr_array(np.array(counted))
        self.whole = csr_array(kron(eye_array(len(weights)), np.ones((1, points))))
        self.low = np.array([float(cell.low) for cell in cells])
        self.high = np.array([float(cell.high) for cell in cells])

    def constraints(self) -> LinearConstraint:
        """Return all constraints in one piece."""
        sizes = self.weights.astype(np.float64)
        return LinearConstraint(
            vstack([self.bands, self.whole], format="csc"),
            np.concatenate([self.low, sizes]),
            np.concatenate([self.high, sizes]),
        )

    def limits(self) -> Bounds:
        """Return what one unknown may be by itself."""
        return Bounds(0, np.repeat(self.weights.astype(np.float64), self.points))


def _forced_by_programme(
    cells: Sequence[Published], rows: Rows, answers: Points, points: int, free: NDArray[np.bool_], seconds: float
) -> int:
    """Look for solutions in which as many as possible of those not *free* gave another point, until none does."""
    system, end = _System(cells, rows, points), time.monotonic() + seconds
    constraints, limits = system.constraints(), system.limits()
    open_ = {int(system.class_of[person]): int(answers[person]) for person in np.flatnonzero(~free)}
    while open_ and (left := end - time.monotonic()) > 0:
        unknowns = [one * points + point for one, point in open_.items()]
        cost = np.zeros(len(system.weights) * points)
        cost[unknowns] = 1
        full = float(sum(system.weights[one] for one in open_))
        found = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=limits,
            constraints=[constraints, LinearConstraint(cost[None, :], -np.inf, full - 1)],
            options={"time_limit": left, "mip_rel_gap": 0.3},
        )
        if found.x is None:
            break  # proven to be forced, or nothing found in time
        solution = np.round(found.x)
        open_ = {
            one: point
            for one, point in open_.items()
            if solution[one * points + point] > system.weights[one] - 1 + STEP
        }
    return int(sum(system.weights[one] for one in open_))


def forced_over_rounds(cells: Sequence[Published], points: int, *, seconds: float = 120) -> int:
    """Count the people whose point follows if everybody gives the same answer in every round.

    Nobody's answers of earlier rounds are known any more, so there is no solution to start from. Where the bands of
    several rounds contradict each other under that assumption, nothing follows from it. The answer is exact for
    answers in fractions: a class is forced where no solution leaves all its points below its size.
    """
    if not cells:
        return 0
    rows = np.array([cell.row for cell in cells])
    system, end = _System(cells, rows, points), time.monotonic() + seconds
    open_ = np.arange(len(system.weights))
    while len(open_):
        left = end - time.monotonic()
        slack = _most_slack(system, open_, left) if left > 0 else None
        if slack is None:
            return int(system.weights[open_].sum())
        if not len(slack):
            return 0
        still = open_[slack <= STEP]
        if len(still) == len(open_):
            return int(system.weights[open_].sum())
        open_ = still
    return 0


def _most_slack(system: _System, open_: NDArray[np.int64], seconds: float) -> Vector | None:
    """Return by how much the points of each *open_* class can stay below its size, all at once as far as possible.

    `None` is no answer in time; nothing where the constraints contradict each other.
    """
    count, points, own = len(system.weights), system.points, len(open_)
    unknowns = (open_[:, None] * points + np.arange(points)).ravel()
    picked = csr_array(
        (np.ones(own * points), (np.arange(own * points), unknowns)), shape=(own * points, count * points)
    )
    most = csr_array(kron(eye_array(own), np.ones((points, 1))))
    nothing = csr_array((2 * system.bands.shape[0], own))
    bands = vstack([system.bands, -system.bands])
    sizes = system.weights.astype(np.float64)
    found = linprog(
        np.concatenate([np.zeros(count * points), -np.ones(own)]),
        A_ub=_beside([[bands, nothing], [picked, most]]),
        b_ub=np.concatenate([system.high, -system.low, np.repeat(sizes[open_], points)]),
        A_eq=_beside([[system.whole, csr_array((count, own))]]),
        b_eq=sizes,
        bounds=[(0, None)] * (count * points) + [(0, 0.05)] * own,
        method="highs",
        options={"time_limit": seconds},
    )
    if found.status == 2:
        return np.zeros(0)
    if found.status != 0 or found.x is None:
        return None
    slack: Vector = found.x[count * points :]
    return slack


def _beside(blocks: list[list[csr_array]]) -> csr_array:
    whole: csr_array = block_array(blocks, format="csr")
    return whole
