"""The auditor accepts what is safe by the definition, and nothing else."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from families import Matrix, families, is_safe
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from tertulia.surveys.confidentiality.auditor import Auditor

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def decisions(rows: Matrix, weights: list[int], k: int, loaded: int = 0) -> Counter[str]:
    """Decide row by row, each decision beside the definition; return how often each outcome came."""
    auditor = Auditor(np.array(weights), k)
    published: list[NDArray[np.bool_]] = list(rows[:loaded])
    if not is_safe(published, weights, k):
        return Counter(unsafe_before=1)
    auditor.load(rows[:loaded])
    counts: Counter[str] = Counter()
    for row in rows[loaded:]:
        verdict = auditor.decide(row)
        safe = is_safe([*published, row], weights, k)
        if verdict in ("published", "derivable"):
            counts["accepted" if safe else "UNSAFE"] += 1
            published.append(row)
        else:
            counts["needless" if safe and row.any() else "refused"] += 1
    return counts


def check(family: tuple[Matrix, list[int], int]) -> None:
    rows, weights, k = family
    counts = decisions(rows, weights, k) + decisions(rows, weights, k, loaded=len(rows) // 2)
    assert counts["UNSAFE"] == 0
    assert counts["needless"] == 0


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(families())
def test_decisions_are_those_of_the_definition(family: tuple[Matrix, list[int], int]) -> None:
    check(family)


@pytest.mark.campaign
@settings(max_examples=2500, deadline=None, suppress_health_check=QUIET)
@given(families())
def test_decisions_are_those_of_the_definition_in_thousands_of_families(
    family: tuple[Matrix, list[int], int],
) -> None:
    check(family)


def row(text: str) -> NDArray[np.bool_]:
    return np.array([letter == "1" for letter in text])


def test_a_team_whose_neighbour_is_hidden_is_not_shown_beside_the_sum() -> None:
    """Marketing 8 and content 5 and community 3: showing two of them tells the third."""
    auditor = Auditor(np.array([5, 3]), 5)
    assert auditor.decide(row("11")) == "published"
    assert auditor.decide(row("10")) == "refused"
    assert auditor.decide(row("01")) == "too_few"


def test_the_same_group_with_the_same_answers_again_costs_nothing() -> None:
    auditor = Auditor(np.array([6, 1, 7]), 5)
    assert [auditor.decide(row(one)) for one in ("111", "110", "001")] == ["published", "published", "derivable"]
    assert auditor.rank == 2


def test_one_leaver_between_two_rounds_refuses_the_second() -> None:
    later = Auditor(np.array([8, 1, 9]), 5)
    later.load(np.array([row("111"), row("110")]))
    assert later.decide(row("100")) == "refused"
    assert later.decide(row("101")) == "refused"


def test_five_changes_between_two_rounds_are_enough() -> None:
    later = Auditor(np.array([8, 3, 2, 9]), 5)
    later.load(np.array([row("1101")]))
    assert later.decide(row("1011")) == "published"


def test_a_search_without_end_is_refused() -> None:
    rows = np.random.default_rng(1).random((40, 16)) < 0.5
    patient, eager = (Auditor(np.ones(16, dtype=np.int64), 5, budget=budget) for budget in (60_000, 3))
    assert [patient.decide(one) for one in rows].count("over_budget") == 0
    assert [eager.decide(one) for one in rows].count("over_budget") > 0
    assert eager.rank < patient.rank


def test_raising_k_refuses_new_cells_but_not_for_what_is_out_already() -> None:
    auditor = Auditor(np.array([5, 9, 12]), 8)
    auditor.load(np.array([row("100")]))  # published when k was 5
    assert auditor.decide(row("010")) == "published"
    assert auditor.decide(row("001")) == "published"
