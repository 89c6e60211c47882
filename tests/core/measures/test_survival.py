"""Survival against the best known worked example, and against statsmodels on generated data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from tertulia.measures import survival
from tertulia.measures.survival import Lifetime

TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"
SHARES = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}


def weeks(text: str, kind: str = "") -> list[Lifetime]:
    return [
        Lifetime(entry=0, exit=float(one.rstrip("+")), ended=not one.endswith("+"), kind=kind) for one in text.split()
    ]


@pytest.mark.parametrize(("week", "share"), SHARES.items())
def test_remission_under_mercaptopurine(week: int, share: float) -> None:
    """Freireich et al., Blood 21 (1963); the table of Kleinbaum and Klein, "Survival Analysis", chapter 2."""
    found = survival.staying(weeks(TREATED), week)
    assert found is not None
    assert found.value / 100 == pytest.approx(share, abs=0.00006)


def test_the_log_rank_statistic_of_the_same_trial() -> None:
    """Kleinbaum and Klein, chapter 2: 16.79 with one degree of freedom."""
    found = survival.log_rank({"treated": weeks(TREATED), "placebo": weeks(PLACEBO)})
    assert found is not None
    assert found[0] == pytest.approx(16.79, abs=0.005)
    assert found[1] < 0.0001


def test_the_interval_is_that_of_the_scale_of_log_minus_log() -> None:
    """At week 10 as R's survfit gives it with conf.type = "log-log": 0.7529 (0.503, 0.889)."""
    found = survival.staying(weeks(TREATED), 10)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((50.3, 88.9), abs=0.05)


SEEN = st.lists(st.tuples(st.integers(0, 10), st.integers(1, 30), st.booleans()), min_size=6, max_size=40)


def lives(drawn: list[tuple[int, int, bool]], kind: str = "") -> list[Lifetime]:
    return [Lifetime(entry=entry, exit=entry + stay, ended=ended, kind=kind) for entry, stay, ended in drawn]


@settings(deadline=None, max_examples=40)
@given(drawn=SEEN, after=st.integers(1, 40))
def test_survival_agrees_with_statsmodels_with_late_entry(drawn: list[tuple[int, int, bool]], after: int) -> None:
    some = lives(drawn)
    found = survival.staying(some, after)
    if max(one.exit for one in some) < after:
        assert found is None
        return
    assert found is not None
    if not any(one.ended for one in some):
        assert found.value == 100
        return
    theirs = SurvfuncRight(
        np.array([one.exit for one in some]),
        np.array([int(one.ended) for one in some]),
        entry=np.array([one.entry for one in some]),
    )
    before = theirs.surv_times <= after
    expected = theirs.surv_prob[before][-1] if before.any() else 1.0
    assert found.value / 100 == pytest.approx(expected, abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 100


@settings(deadline=None, max_examples=30)
@given(first=SEEN, second=SEEN, third=SEEN)
def test_the_log_rank_test_agrees_with_statsmodels(
    first: list[tuple[int, int, bool]], second: list[tuple[int, int, bool]], third: list[tuple[int, int, bool]]
) -> None:
    groups = {
        name: [Lifetime(entry=0, exit=stay, ended=ended) for _, stay, ended in some]
        for name, some in (("a", first), ("b", second), ("c", third))
    }
    every = [(name, one) for name, some in groups.items() for one in some]
    times = np.array([one.exit for _, one in every])
    ended = np.array([int(one.ended) for _, one in every])
    found = survival.log_rank(groups)
    last = max((one.exit for _, one in every if one.ended), default=0)
    at_risk = [sum(one.exit >= last for one in some) for some in groups.values()]
    if found is None or min(at_risk) == 0:
        return  # statsmodels divides by nothing where a group is gone before the last end
    statistic, p = survdiff(times, ended, np.array([name for name, _ in every]))
    assert found == pytest.approx((statistic, p), abs=1e-6)


def test_nothing_is_said_of_what_nobody_was_seen_for() -> None:
    assert survival.staying([], 5) is None
    assert survival.staying(weeks("3 4+"), 5) is None
    assert survival.log_rank({"a": weeks("3 4"), "b": []}) is None
    assert survival.log_rank({"a": weeks("3+ 4+"), "b": weeks("5+")}) is None
    gone = survival.staying(weeks("3 4"), 4)
    assert gone is not None
    assert (gone.value, gone.low, gone.high) == (0, 0, 0)
