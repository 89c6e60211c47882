"""The circles that the café is told."""

from __future__ import annotations

from itertools import combinations

from tertulia.measures.ties.bridges import circles


def test_cliques_with_a_weak_tie_between_them_are_two_circles() -> None:
    ties = {frozenset(pair): 2.0 for group in ("abcd", "wxyz") for pair in combinations(group, 2)}
    found = circles({**ties, frozenset("aw"): 0.5})
    assert len({found[one] for one in "abcd"}) == len({found[one] for one in "wxyz"}) == 1
    assert found["a"] != found["w"]
    assert circles(dict(reversed(ties.items()))) == circles(ties)
    assert circles({}) == {}
