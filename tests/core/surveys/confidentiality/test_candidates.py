"""The groups that may be shown: a fixed list in a fixed order, and who is in them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tertulia.surveys.confidentiality.candidates import Group, candidates, group_of, merge, rows_of

ATOMS = {
    "ada": {"department": "Sales", "team": "North", "worker_type": "employee", "location": "Rome"},
    "bo": {"department": "Sales", "team": "North", "worker_type": "freelancer", "location": "Rome"},
    "cyd": {"department": "Sales", "team": "South", "worker_type": "employee"},
    "dee": {"team": "Lab", "worker_type": "employee", "location": "Oslo"},
}


def test_the_order_is_company_departments_attributes_teams_by_size_crosses() -> None:
    groups = candidates(list(ATOMS.values()))
    families = [group.family for group in groups]
    assert families == sorted(families, key=["company", "department", "attribute", "team", "cross"].index)
    assert [group.terms[0][1] for group in groups if group.family == "team"] == ["North", "Lab", "South"]
    assert groups == candidates(list(reversed(ATOMS.values())))


def test_rows_are_those_whom_the_terms_describe() -> None:
    people = [*ATOMS, "gone"]
    groups = candidates(list(ATOMS.values()))
    for group, row in zip(groups, rows_of(groups, people, ATOMS), strict=True):
        assert list(row) == [person in ATOMS and group.includes(ATOMS[person]) for person in people]


def test_missing_and_odd_values_are_not_mixed_up() -> None:
    atoms = {"a": {"team": ""}, "b": {}, "c": {"team": "x\0"}, "d": {"team": "x"}}
    groups = [Group(family="team", terms=(("team", value),)) for value in ("", "x\0", "x")]
    assert rows_of(groups, list(atoms), atoms).astype(int).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_group_is_read_back_from_its_key() -> None:
    for group in candidates(list(ATOMS.values())):
        assert group_of(group.family, group.key) == group


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), max_size=12))
def test_merged_people_have_the_same_cells(rows: list[list[bool]]) -> None:
    matrix = np.array(rows, dtype=np.bool_).reshape(len(rows), 7)
    classes, weights = merge(matrix)
    assert weights.sum() == 7
    assert list(np.bincount(classes)) == list(weights)
    for one in range(7):
        for other in range(7):
            assert (classes[one] == classes[other]) == bool((matrix[:, one] == matrix[:, other]).all())
