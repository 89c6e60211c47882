"""The auditor accepts what is safe by the definition, and nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

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


def light_sets(weights: NDArray[np.int64], k: int) -> list[NDArray[np.intp]]:
    """List all sets of classes that are too light, by size."""
    found = []
    for size in range(1, k):
        sets = np.array(list(combinations(range(len(weights)), size)), dtype=np.intp).reshape(-1, size)
        found.append(sets[weights[sets].sum(axis=1) < k])
    return found


def holds(rows: list[NDArray[np.bool_]], weights: NDArray[np.int64], sets: list[NDArray[np.intp]]) -> bool:
    """Tell whether no set carries a combination of *rows*, by each set's corner of the projector."""
    _, sizes, span = np.linalg.svd(np.array(rows) * np.sqrt(weights), full_matrices=False)
    span = span[sizes > 1e-9 * sizes[0]]
    projector = span.T @ span
    corners = (projector[some[:, :, None], some[:, None, :]] for some in sets if len(some))
    return all(bool((np.linalg.eigvalsh(one)[:, -1] < 1 - 1e-8).all()) for one in corners)


def check_a_larger_family(seed: int) -> Counter[str]:
    """Decide on 40 rows over 16 classes: rounds of partitions and of their crosses, so that much is watched long."""
    drawn = np.random.default_rng(seed)
    weights = drawn.integers(1, 3, 16) if seed % 2 else np.ones(16, dtype=np.int64)
    k = int(drawn.integers(3, 7))
    sets = light_sets(weights, k)
    auditor, published, counts = Auditor(weights, k), list[NDArray[np.bool_]](), Counter[str]()
    for _ in range(5):
        answered = drawn.random(16) < 0.8
        parts = [drawn.integers(0, 3, 16) for _ in range(2)]
        rows = [answered & (part == value) for part in parts for value in range(3)]
        for row in [answered, *rows, rows[0] | rows[4]]:
            if weights[row].sum() < k:
                continue
            safe = holds([*published, row], weights, sets)
            verdict = auditor.decide(row)
            assert (verdict in ("published", "derivable")) == safe, (seed, verdict)
            counts[verdict] += 1
            if safe:
                published.append(row)
    return counts


@pytest.mark.parametrize("seed", range(20))
def test_decisions_in_larger_families_are_those_of_all_sets(seed: int) -> None:
    counts = check_a_larger_family(seed)
    assert counts["published"] > 2
    assert counts["refused"] > 2


@pytest.mark.campaign
def test_decisions_in_thousands_of_larger_families_are_those_of_all_sets() -> None:
    assert sum((check_a_larger_family(seed) for seed in range(20, 2_020)), Counter[str]()).total() > 40_000
