"""The groups whose figures may be asked for, in one fixed order, and their rows over people.

Nothing outside this list is ever computed: a filter on a screen chooses among what was published.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tertulia.domain.identifiers import Id

Family: TypeAlias = Literal["company", "department", "attribute", "team", "cross"]
Atom: TypeAlias = Mapping[str, str]
"""What is known of a respondent when the round closes: department, team, worker type, location, tenure."""
Rows: TypeAlias = NDArray[np.bool_]
Weights: TypeAlias = NDArray[np.int64]

DEPARTMENT, TEAM = "department", "team"
ATTRIBUTES = ("worker_type", "location", "tenure")
CROSSES = (
    (DEPARTMENT, "worker_type"),
    (DEPARTMENT, "location"),
    (DEPARTMENT, "tenure"),
    ("worker_type", "location"),
    ("worker_type", "tenure"),
    ("location", "tenure"),
    (TEAM, "worker_type"),
)
"""The pairs of attributes that may be crossed."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Name the people who have all *terms*, pairs of an attribute and its value; no term names everybody."""

    family: Family
    terms: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The group's name in tables and addresses."""
        return json.dumps(self.terms, ensure_ascii=False, separators=(",", ":"))

    def includes(self, atom: Atom) -> bool:
        """Tell whether a person with *atom* belongs to the group."""
        return all(atom.get(name) == value for name, value in self.terms)


def group_of(family: Family, key: str) -> Group:
    """Read a group's name back."""
    return Group(family=family, terms=tuple((name, value) for name, value in json.loads(key)))


def candidates(
    atoms: Collection[Atom],
    crosses: Sequence[tuple[str, str]] = CROSSES,
    attributes: Sequence[str] = ATTRIBUTES,
) -> list[Group]:
    """List the groups of those who were asked: company, departments, attributes, teams by size, then crosses.

    What comes first is published first, so the order says what matters most where not everything can be.
    """
    found = [Group(family="company")]
    found += [Group(family="department", terms=((DEPARTMENT, value),)) for value in _by_size(atoms, DEPARTMENT)]
    for name in attributes:
        found += [Group(family="attribute", terms=((name, value),)) for value in _by_size(atoms, name)]
    found += [Group(family="team", terms=((TEAM, value),)) for value in _by_size(atoms, TEAM)]
    for first, second in crosses:
        pairs = Counter((atom[first], atom[second]) for atom in atoms if first in atom and second in atom)
        found += [
            Group(family="cross", terms=((first, one), (second, other)))
            for (one, other), _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        ]
    return found


def _by_size(atoms: Collection[Atom], name: str) -> list[str]:
    sizes = Counter(atom[name] for atom in atoms if name in atom)
    return sorted(sizes, key=lambda value: (-sizes[value], value))


def rows_of(groups: Sequence[Group], people: Sequence[Id], atoms: Mapping[Id, Atom]) -> Rows:
    """Return one row per group with a one for each of *people* who belongs to it and has an atom."""
    rows = np.zeros((len(groups), len(people)), dtype=np.bool_)
    present = np.array([person in atoms for person in people], dtype=np.bool_)
    columns: dict[str, NDArray[np.str_]] = {}
    for number, group in enumerate(groups):
        row = present.copy()
        for name, value in group.terms:
            if name not in columns:
                columns[name] = np.array([_tagged(atoms.get(person, {}).get(name)) for person in people])
            row &= columns[name] == _tagged(value)
        rows[number] = row
    return rows


def _tagged(value: str | None) -> str:
    # a missing value equals none; the mark at the end keeps what numpy would strip
    return "" if value is None else f"={value}|"


def merge(rows: Rows) -> tuple[NDArray[np.int64], Weights]:
    """Merge people whose columns are alike into classes: return each person's class, and the classes' sizes."""
    if rows.shape[1] == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    packed = np.ascontiguousarray(np.packbits(rows, axis=0).T)
    if packed.shape[1] == 0:
        return np.zeros(rows.shape[1], dtype=np.int64), np.array([rows.shape[1]], dtype=np.int64)
    signatures = packed.view([("", f"V{packed.shape[1]}")]).ravel()
    _, classes, sizes = np.unique(_sortable(signatures), return_inverse=True, return_counts=True)
    return classes.astype(np.int64), sizes.astype(np.int64)


def _sortable(signatures: NDArray[np.void]) -> NDArray[np.int64]:
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(one.tobytes(), len(known)) for one in signatures], dtype=np.int64)
