"""An attacker with all published cells of all rounds, who knows who is in which group and who answered.

Nothing here uses the code that it attacks: cells come as rows over people with what was published of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Atoms = Mapping[str, Mapping[str, str]]
TYPES = {"freelancer": 0.72, "employee": 0.28}
LOCATIONS = {f"L{number}": share for number, share in enumerate([30, 20, 12, 10, 8, 6, 5, 4, 3, 2])}
TENURES = {f"{number} years": share for number, share in enumerate([25, 25, 20, 15, 10, 5])}


@dataclass(frozen=True)
class Known:
    """Hold one published figure: between *low* and *high* of the people in *row* are favourable."""

    row: NDArray[np.bool_]
    low: int
    high: int


@dataclass
class Organization:
    """Hold people with their atoms, what each would answer in any round, and who answers in which round."""

    atoms: dict[str, dict[str, str]]
    views: dict[str, int]
    rounds: list[dict[str, dict[str, str]]] = field(default_factory=list)

    @property
    def people(self) -> list[str]:
        """Everybody who answered in any round, in order."""
        return sorted({person for one in self.rounds for person in one})


def organization(size: int, rounds: int, seed: int, *, answers: float = 0.72, change: float = 0.12) -> Organization:
    """Make an organization whose respondents change somewhat from round to round."""
    drawn = random.Random(seed)
    atoms: dict[str, dict[str, str]] = {}
    team = 0
    while len(atoms) < size:
        for _ in range(max(5, round(drawn.gauss(13, 4)))):
            atoms[f"p{len(atoms):04d}"] = {
                "department": f"D{team % max(2, size // 118)}",
                "team": f"T{team}",
                "worker_type": drawn.choices(list(TYPES), list(TYPES.values()))[0],
                "location": drawn.choices(list(LOCATIONS), list(LOCATIONS.values()))[0],
                "tenure": drawn.choices(list(TENURES), list(TENURES.values()))[0],
            }
        team += 1
    made = Organization(atoms, {person: drawn.choices([0, 1, 2], [15, 30, 55])[0] for person in atoms})
    present = {person for person in atoms if drawn.random() < answers}
    for _ in range(rounds):
        made.rounds.append({person: atoms[person] for person in sorted(present)})
        for person in atoms:
            if drawn.random() < change:
                present ^= {person} if drawn.random() < (answers if person not in present else 1 - answers) else set()
    return made


def by_difference(cells: Sequence[NDArray[np.bool_]], k: int) -> set[int]:
    """Subtract cells from cells that hold them; return who is left in a rest of fewer than *k*."""
    found: set[int] = set()
    unique = np.unique(np.array(cells), axis=0).astype(np.int32)
    sizes = unique.sum(axis=1)
    shared = unique @ unique.T
    for bigger, smaller in zip(*np.nonzero(shared == sizes[None, :]), strict=True):
        if 0 < sizes[bigger] - sizes[smaller] < k:
            found |= set(np.flatnonzero(unique[bigger] & ~unique[smaller].astype(bool)))
    for whole, row in enumerate(unique):
        inside = [one for one in np.flatnonzero(shared[:, whole] == sizes) if one != whole]
        inside.sort(key=lambda one: -sizes[one])
        rest = row.astype(bool).copy()
        for part in inside:
            if rest[unique[part].astype(bool)].all():
                rest &= ~unique[part].astype(bool)
        if 0 < rest.sum() < k:
            found |= set(np.flatnonzero(rest))
    return found


def by_rank(cells: Sequence[NDArray[np.bool_]], k: int = 1) -> set[int]:
    """Combine all cells in any way; return who is alone in a combination, or one of fewer than *k* (up to two)."""
    matrix = np.unique(np.array(cells), axis=0).astype(float)
    _, sizes, span = np.linalg.svd(matrix, full_matrices=False)
    span = span[sizes > 1e-9 * sizes[0]]
    own = (span**2).sum(axis=0)
    found = set(np.flatnonzero(own > 1 - 1e-7))
    if k > 2:
        near = [one for one in np.flatnonzero(own > 0.3) if one not in found]
        projected = span[:, near].T @ span[:, near]
        for first, second in combinations(range(len(near)), 2):
            rest = (1 - projected[first, first]) * (1 - projected[second, second]) - projected[first, second] ** 2
            if rest < 1e-9:
                found |= {near[first], near[second]}
    return found


def by_programme(known: Sequence[Known], targets: Sequence[int], *, whole: bool) -> set[int]:
    """Ask a linear (or integer) programme for the least and the most that each target can have answered."""
    rows = csr_array(np.array([one.row for one in known], dtype=float))
    limits = LinearConstraint(rows, [one.low for one in known], [one.high for one in known])
    size = rows.shape[1]
    found = set()
    for target in targets:
        cost = np.zeros(size)
        cost[target] = 1
        ends = [
            milp(
                sign * cost,
                integrality=np.full(size, int(whole)),
                bounds=Bounds(0, 1),
                constraints=limits,
                options={"time_limit": 10},
            )
            for sign in (1, -1)
        ]
        if all(end.x is not None for end in ends) and ends[1].x[target] - ends[0].x[target] < 1e-6:
            found.add(int(target))
    return found


def by_refreshing(show: Callable[[Atoms], Mapping[str, object]], answered: Atoms) -> set[str]:
    """Look before and after each of the last answers; return whose arrival changed anything that is shown."""
    arrived = dict(answered)
    found = set()
    after = show(arrived)
    for person in sorted(answered)[-10:]:
        del arrived[person]
        before = show(arrived)
        if before != after:
            found.add(person)
        after = before
    return found


def plain_threshold(
    atoms: Atoms, groups: Mapping[str, Callable[[Mapping[str, str]], bool]], views: Mapping[str, int], k: int = 5
) -> dict[str, tuple[frozenset[str], int]]:
    """Publish what a plain threshold does: every group of *k* or more with its exact count of favourable answers."""
    shown = {}
    for key, includes in groups.items():
        members = frozenset(person for person, atom in atoms.items() if includes(atom))
        if len(members) >= k:
            shown[key] = (members, sum(views[person] == 2 for person in members))
    return shown
