"""The release of a closed round: the cells that may be published, and why the others may not.

What is published depends on who was asked and who answered, and not on the answers; but for one thing, what the gate
decided for the whole report. The same input gives the same release, so a close that is interrupted starts over.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tertulia.domain.identifiers import Id
from tertulia.domain.surveys import DECLINED, FEWEST_ANSWERS, Item
from tertulia.errors import Mistake
from tertulia.surveys.confidentiality import gate
from tertulia.surveys.confidentiality.auditor import BUDGET, Auditor
from tertulia.surveys.confidentiality.candidates import CROSSES, Atom, Family, Group, candidates, merge, rows_of
from tertulia.surveys.confidentiality.rounding import FEW, Base, bands

Outcome: TypeAlias = Literal["published", "too_few", "refused", "over_budget", "too_coarse", "dropped"]
GateOutcome: TypeAlias = Literal["all", "no_crosses", "base_10", "company", "withheld"]
Answers: TypeAlias = Mapping[Id, Mapping[str, object]]

IN_DETAIL = 50
"""Of a company or department with that many answers every point of a scale is published, not its levels only."""
MOST_LEFT_OUT = 0.1
"""At most that share of the answers is left out at random."""
BLOCK = "block"
Ladder: TypeAlias = Sequence[tuple[GateOutcome, frozenset[Family], Base]]
"""Steps, each with the groups that it drops, and the base of its rounding."""
LADDER: Ladder = (
    ("all", frozenset(), 5),
    ("no_crosses", frozenset({"cross"}), 5),
    ("base_10", frozenset({"cross"}), 10),
)
TO_THE_COMPANY: Ladder = (*LADDER, ("company", frozenset({"cross", "department", "attribute", "team"}), 10))
"""Where nothing else may be told, a last try with the figure of everybody alone."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Hold how many gave one of *points*: about *value*, from *low* to *high*."""

    name: str
    points: tuple[str, ...]
    value: int
    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Hold what is published of one group and item, or why nothing is; *answered* is rounded down to five."""

    item: str
    group: Group
    outcome: Outcome
    answered: int = 0
    base: Base = 5
    figures: tuple[Figure, ...] = ()
    points: tuple[str, ...] = ()
    blocks: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Past:
    """Hold an earlier round of the look-back: the atoms of those whose answers were counted, and what came out."""

    atoms: Mapping[Id, Atom]
    cells: Sequence[Cell]
    k: int = FEWEST_ANSWERS


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Hold a closed round: the atoms of all who were asked, and what those who answered gave, item by item.

    *groups* are those whose figures are asked for, in order; without them, all candidates. *left_out* is given where
    it was drawn before, for several releases of the same people.
    """

    round: Id
    asked: Mapping[Id, Atom]
    answers: Answers
    items: Sequence[Item]
    past: Sequence[Past] = ()
    crosses: Sequence[tuple[str, str]] = CROSSES
    groups: Sequence[Group] | None = None
    left_out: frozenset[Id] | None = None


@dataclass(kw_only=True)
class Decided:
    """Hold what a release has decided so far, so that one that was interrupted goes on from there.

    *audits* are the auditor's decisions, one list for each different question in the items' order; *failed* is how
    many steps of the ladder the gate refused, *passed* which items it let pass in the present one.
    """

    audits: list[list[Outcome]] = field(default_factory=list)
    failed: int = 0
    passed: list[str] = field(default_factory=list)


Progress: TypeAlias = Callable[[Decided, str, float], None]
"""Is told after each decision: all of them, the phase (`audit`, or the gate's step), and the share that is done."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """Hold what may be published of a round; *left_out* are the people whose answers are in no cell."""

    state: Literal["released", "withheld"]
    gate: GateOutcome
    k: int
    cells: tuple[Cell, ...]
    left_out: frozenset[Id] = frozenset()

    @property
    def published(self) -> tuple[Cell, ...]:
        """The cells that have figures."""
        return tuple(cell for cell in self.cells if cell.outcome == "published")


def release(
    closed: Closed,
    *,
    k: int = FEWEST_ANSWERS,
    budget: int = BUDGET,
    seconds: float = 1800,
    ladder: Ladder = LADDER,
    decided: Decided | None = None,
    progress: Progress = lambda decided, phase, share: None,
) -> Release:
    """Decide what may be published of a closed round beside all that its look-back holds.

    *k* may be raised from round to round and is never lowered. *seconds* bound what the gate may take; each of its
    tries, the steps of the *ladder*, gets an even part. *decided* is what an interrupted release of the same input
    told to *progress*.
    """
    decided = decided or Decided()
    k = checked_k(k, closed.past)
    counted = {person: atom for person, atom in closed.asked.items() if person in closed.answers}
    groups = closed.groups
    if groups is None:
        groups = candidates(list(closed.asked.values()), closed.crosses)
    left_out = closed.left_out
    if left_out is None:
        left_out = leave_out(closed.round, groups, _answering(counted), closed.past, k)
    counted = {person: atom for person, atom in counted.items() if person not in left_out}
    outcomes = _audited(closed, groups, counted, k, budget, decided, progress)
    for step, (name, dropped, base) in enumerate(ladder):
        cells = [
            cell
            for item in closed.items
            for cell in _cells(item, groups, outcomes[item.key], counted, closed.answers, dropped=dropped, base=base)
        ]
        if step < decided.failed:
            continue
        end, tell = time.monotonic() + seconds / len(ladder), partial(progress, decided, name)
        if _passes(closed, cells, counted, end, decided, tell):
            return Release(state="released", gate=name, k=k, cells=tuple(cells), left_out=left_out)
        decided.failed, decided.passed = step + 1, []
        progress(decided, name, 0.5)
    nothing = tuple(
        replace(cell, outcome="dropped", answered=0, figures=()) if cell.outcome == "published" else cell
        for cell in cells
    )
    return Release(state="withheld", gate="withheld", k=k, cells=nothing, left_out=left_out)


def _audited(
    closed: Closed,
    groups: Sequence[Group],
    counted: Mapping[Id, Atom],
    k: int,
    budget: int,
    decided: Decided,
    progress: Progress,
) -> dict[str, list[Outcome]]:
    """Return the auditor's decisions on each item; items about which it is asked the same share them."""
    audits: dict[object, list[Outcome]] = {}
    outcomes: dict[str, list[Outcome]] = {}
    for number, item in enumerate(closed.items):
        shown = [[(cell.group.key, cell.blocks) for cell in _published(past, item.key)] for past in closed.past]
        question = (item.blocks, tuple(map(tuple, shown)))
        if question not in audits:
            if len(audits) == len(decided.audits):
                decided.audits.append(audit(item, groups, counted, closed.past, k, budget))
                progress(decided, "audit", (number + 1) / len(closed.items) / 2)
            audits[question] = decided.audits[len(audits)]
        outcomes[item.key] = audits[question]
    return outcomes


def checked_k(k: int, past: Iterable[Past] = ()) -> int:
    """Return the number of people below which nothing may be told; it is never below that of the look-back."""
    if k < FEWEST_ANSWERS:
        raise Mistake(
            f"At least {FEWEST_ANSWERS} people must stand behind every figure; give {FEWEST_ANSWERS} or more."
        )
    return max([k, *(one.k for one in past)])


def audit(
    item: Item,
    groups: Sequence[Group],
    counted: Mapping[Id, Atom],
    past: Sequence[Past],
    k: int,
    budget: int = BUDGET,
) -> list[Outcome]:
    """Decide for each of *groups* whether its figure of *item* is safe beside all before it and the look-back's."""
    people = _people(counted, past)
    before = _past_rows(past, item.key, people)
    rows = np.concatenate([before, rows_of(groups, people, _of_blocks(counted, item.blocks))])
    inside = rows.any(axis=0)
    classes, weights = merge(rows[:, inside])
    first = np.zeros(len(weights), dtype=np.int64)
    first[classes] = np.flatnonzero(inside)
    rows = rows[:, first]
    auditor = Auditor(weights, k, budget=budget)
    auditor.load(rows[: len(before)])
    outcomes: list[Outcome] = []
    for row in rows[len(before) :]:
        verdict = auditor.decide(row)
        outcomes.append("published" if verdict == "derivable" else verdict)
    return outcomes


def leave_out(
    round_id: Id, groups: Sequence[Group], counted: Mapping[Id, Atom], past: Sequence[Past], k: int
) -> frozenset[Id]:
    """Choose whose answers are counted nowhere, so that groups that changed by fewer than *k* may be shown again.

    The choice is a hash of round and person: drawn by lot, and the same whenever it is drawn.
    """
    out: set[Id] = set()
    most = int(len(counted) * MOST_LEFT_OUT)
    tracked = [group for group in groups if group.family != "cross"]
    members = {group.key: {person for person, atom in counted.items() if group.includes(atom)} for group in tracked}
    tracked.sort(key=lambda group: (len(members[group.key]), group.key))
    earlier = [({cell.group.key for cell in one.cells if cell.outcome == "published"}, one) for one in past]
    for group in tracked:
        for shown, one in earlier:
            if group.key not in shown:
                continue
            now = members[group.key] - out
            before = {person for person, atom in _answering(one.atoms).items() if group.includes(atom)}
            changed = len(now ^ before)
            missing = k - changed
            if changed == 0 or missing <= 0 or len(now) - missing < k or len(out) + missing > most:
                continue
            out.update(sorted(now & before, key=lambda person: _lot(round_id, person))[:missing])
    return frozenset(out)


def _answering(atoms: Mapping[Id, Atom]) -> Mapping[Id, Atom]:
    return {person: atom for person, atom in atoms.items() if atom.get(BLOCK) != DECLINED}


def _lot(round_id: Id, person: Id) -> str:
    return hashlib.sha256(f"left out:{round_id}:{person}".encode()).hexdigest()


def _published(past: Past, item: str) -> list[Cell]:
    return [cell for cell in past.cells if cell.item == item and cell.outcome == "published"]


def _of_blocks(atoms: Mapping[Id, Atom], blocks: frozenset[str] | None) -> Mapping[Id, Atom]:
    if blocks is None:
        return atoms
    return {person: atom for person, atom in atoms.items() if atom.get(BLOCK) in blocks}


def _past_rows(past: Sequence[Past], item: str, people: Sequence[Id]) -> NDArray[np.bool_]:
    """Return the rows of all that was published of *item* in the look-back."""
    found = [np.zeros((0, len(people)), dtype=np.bool_)]
    for one in past:
        cells = _published(one, item)
        for blocks in {cell.blocks for cell in cells}:
            groups = [cell.group for cell in cells if cell.blocks == blocks]
            found.append(rows_of(groups, people, _of_blocks(one.atoms, blocks)))
    return np.concatenate(found)


def _people(counted: Mapping[Id, Atom], past: Sequence[Past]) -> list[Id]:
    return sorted({*counted, *(person for one in past for person in one.atoms)})


def _view(item: Item, group: Group, n: int) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return the sets of points that are counted separately in a group of *n* answers."""
    if group.family == "cross" or n < FEW:
        return item.levels[:1] if item.ranked else ()
    if group.family in ("company", "department") and n >= IN_DETAIL:
        return [(point, (point,)) for point in item.points]
    return item.levels


def _cells(
    item: Item,
    groups: Sequence[Group],
    outcomes: Sequence[Outcome],
    counted: Mapping[Id, Atom],
    answers: Answers,
    *,
    dropped: frozenset[Family],
    base: Base,
) -> list[Cell]:
    atoms = _of_blocks(counted, item.blocks)
    people = sorted(atoms)
    given = _points(item, people, answers)
    cells = []
    for group, outcome, row in zip(groups, outcomes, rows_of(groups, people, atoms), strict=True):
        cell = Cell(item=item.key, group=group, outcome=outcome, base=base, points=item.points, blocks=item.blocks)
        if outcome == "published" and group.family in dropped:
            cell = replace(cell, outcome="dropped")
        elif outcome == "published":
            cell = _filled(cell, item, given[row])
        cells.append(cell)
    return cells


def _points(item: Item, people: Collection[Id], answers: Answers) -> NDArray[np.int64]:
    """Return the point that each of *people* gave; one beyond the last stands for none."""
    found = [item.point(answers[person].get(item.key)) for person in people]
    return np.array([len(item.points) if one is None else one for one in found], dtype=np.int64)


def _filled(cell: Cell, item: Item, given: NDArray[np.int64]) -> Cell:
    n = len(given)
    view, tiles = _view(item, cell.group, n), bands(n, cell.base)
    if not view or not tiles:
        return replace(cell, outcome="too_coarse")
    figures = []
    for name, points in view:
        count = int(np.isin(given, [item.points.index(point) for point in points]).sum())
        tile = next(one for one in tiles if one.low <= count <= one.high)
        figures.append(Figure(name=name, points=points, value=tile.value, low=tile.low, high=tile.high))
    return replace(cell, answered=n // 5 * 5, figures=tuple(figures))


def _passes(
    closed: Closed,
    cells: Sequence[Cell],
    counted: Mapping[Id, Atom],
    end: float,
    decided: Decided,
    progress: Callable[[float], None],
) -> bool:
    """Ask the gate, item by item, about this round and about all rounds of the look-back together."""
    people = _people(counted, closed.past)
    for item in closed.items:
        if item.key in decided.passed:
            continue
        points = len(item.points) + 1
        now = _known(Past(atoms=counted, cells=cells), item.key, people)
        inside = np.array([person in counted for person in people], dtype=np.bool_)
        here = [replace(one, row=one.row[inside]) for one in now]
        given = _points(item, [person for person in people if person in counted], closed.answers)
        if gate.forced(here, given, points, seconds=end - time.monotonic()):
            return False
        before = [one for past in closed.past for one in _known(past, item.key, people)]
        if before and gate.forced_over_rounds([*before, *now], points, seconds=end - time.monotonic()):
            return False
        decided.passed.append(item.key)
        progress(0.5 + len(decided.passed) / len(closed.items) / 2)
    return True


def _known(past: Past, item: str, people: Sequence[Id]) -> list[gate.Published]:
    """Return what anybody can know of *item* in one round."""
    found = []
    cells = _published(past, item)
    for blocks in {cell.blocks for cell in cells}:
        some = [cell for cell in cells if cell.blocks == blocks]
        rows = rows_of([cell.group for cell in some], people, _of_blocks(past.atoms, blocks))
        for cell, row in zip(some, rows, strict=True):
            for figure in cell.figures:
                mask = np.array([point in figure.points for point in (*cell.points, "")], dtype=np.bool_)
                found.append(gate.Published(row, mask, figure.low, figure.high))
    return found
