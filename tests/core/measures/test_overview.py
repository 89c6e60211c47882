"""The profile: each component beside its own past, told as changed only where that is sure."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.components import Benchmark, Component
from tertulia.measures.overview import Seen, Standing, profile, quarter_of, quarters_before
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Estimate

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BELONGING = Component(
    key="belonging",
    title="Belonging",
    about="…",
    shown="percent",
    better="higher",
    practical=5,
    formula="belonging",
    charted=True,
)
BURDEN = Component(
    key="burden", title="Burden", about="…", shown="percent", better="lower", practical=5, formula="burden"
)


def seen(key: str, at: datetime, count: int | None, n: int = 200, link: str = "/cells") -> Seen:
    estimate = None if count is None else scoring.share(count, n)
    return Seen(
        key=key,
        label=f"Question {key}",
        at=at,
        estimate=estimate,
        link=link,
        withheld="" if estimate else "too few people",
        counted=None if count is None else (count, n),
    )


def quarterly(key: str, *counts: int | None, n: int = 200) -> list[Seen]:
    """Return a figure a quarter, the last one in the quarter of NOW."""
    months = [datetime(2026, 11, 10, tzinfo=UTC) - timedelta(days=91 * back) for back in range(len(counts))]
    return [seen(key, at, count, n) for at, count in zip(reversed(months), counts, strict=True)]


def one(*found: Seen, component: Component = BELONGING, benchmark: Benchmark | None = None) -> Standing:
    marks = {component.key: benchmark} if benchmark else {}
    return profile([component], {component.key: found}, marks, NOW)[0]


def test_a_figure_stands_beside_the_mean_of_the_four_quarters_before() -> None:
    found = one(*quarterly("a", 10, 100, 110, 120, 110, 150))
    assert found.quarter == "2026-Q4"
    assert found.quarters == ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx((50 + 55 + 60 + 55) / 4)
    assert found.now is not None
    assert found.now.value == 75
    assert found.change is not None
    assert found.change.value == pytest.approx(20)
    assert found.status == "improved"
    assert [quarter for quarter, _ in found.series] == quarters_before("2027-Q1", 6)
    assert (found.certainty or 0) > 0.99


def test_down_is_worse_but_where_less_is_better() -> None:
    assert one(*quarterly("a", 150, 90)).status == "worsened"
    assert one(*quarterly("a", 150, 90), component=BURDEN).status == "improved"
    assert one(*quarterly("a", 100, 104)).status == "no clear change"
    assert one(*quarterly("a", 100)).status == "no baseline yet"


def test_what_may_not_be_told_is_not_guessed() -> None:
    hidden = one(*quarterly("a", 100, 110, None))
    assert (hidden.now, hidden.withheld, hidden.status) == (None, "too few people", "not known")
    assert len(hidden.series) == 2
    assert one().withheld == "not measured yet"
    old = one(seen("a", NOW - timedelta(days=400), 100))
    assert (old.now, old.withheld) == (None, "not measured since 2025-Q4")
    ahead = one(seen("a", NOW + timedelta(days=1), 100))
    assert ahead.withheld == "not measured yet"


def test_only_questions_that_were_asked_before_are_compared() -> None:
    before, now = datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    found = one(
        seen("a", before, 100), seen("c", before, 20), seen("a", now, 100), seen("b", now, 180, link="/other")
    )
    assert (found.parts, found.compared) == (2, 1)
    assert found.now is not None
    assert found.now.value == pytest.approx((50 + 90) / 2)
    assert found.change is not None
    assert found.change.value == 0  # the easier question that is new counts in the figure, and not in its change
    assert found.links == (("/cells", "Question a, 2026-11-01"), ("/other", "Question b, 2026-11-01"))
    assert one(seen("a", before, 100), seen("b", now, 180)).status == "no baseline yet"


def test_the_newest_published_figure_of_a_quarter_counts() -> None:
    days = [datetime(2026, 10, day, tzinfo=UTC) for day in (3, 10, 17)]
    found = one(seen("a", days[0], 20), seen("a", days[1], 100), seen("a", days[2], None))
    assert found.now is not None
    assert found.now.value == 50


def test_of_many_components_one_chance_change_is_no_news() -> None:
    alone = quarterly("a", 100, 121)
    assert one(*alone).status == "improved"
    many = [
        Component(
            key=str(number),
            title="x",
            about="…",
            shown="percent",
            better="higher",
            practical=5,
            formula="x",
        )
        for number in range(8)
    ]
    others = {component.key: quarterly("a", 100, 101) for component in many}
    settled = profile([BELONGING, *many], {"belonging": alone, **others}, {}, NOW)
    assert settled[0].status == "no clear change"
    assert {standing.status for standing in settled} == {"no clear change"}


def test_a_benchmark_stands_beside_with_its_age() -> None:
    mark = Benchmark(component="belonging", name="Others", value=60, ended=date(2025, 9, 30), source="a", license="b")
    assert mark.age(NOW.date()) == 13
    found = one(*quarterly("a", 150), benchmark=mark)
    assert found.comparison is not None
    assert found.comparison.surely
    close = one(*quarterly("a", 122), benchmark=mark)
    assert close.comparison is not None
    assert (close.comparison.above, close.comparison.surely) == (True, False)


def test_from_twelve_points_on_there_is_a_control_chart() -> None:
    drawn = random.Random(8)
    start = NOW - timedelta(weeks=12)
    weekly = [seen("a", start + timedelta(weeks=week), 90 + drawn.randrange(20)) for week in range(11)]
    assert one(*weekly).charted is None
    charted = one(*weekly, seen("a", NOW - timedelta(days=1), 190), seen("b", NOW, 10)).charted
    assert charted is not None
    assert (charted.label, charted.chart.kind, len(charted.dates)) == ("Question a", "p", 12)
    assert [place for place, each in enumerate(charted.chart.points) if each.beyond] == [11]
    assert one(*weekly, seen("a", NOW, 100), component=BURDEN).charted is None


def test_quarters_have_names_in_order() -> None:
    assert quarter_of(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-Q1"
    assert quarters_before("2026-Q2", 4) == ["2025-Q2", "2025-Q3", "2025-Q4", "2026-Q1"]
    assert seen("a", datetime(2026, 10, 1, tzinfo=UTC), 1).quarter == "2026-Q3"  # the instant at which it ended


counts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.none() | st.integers(0, 200)), max_size=14)


@settings(max_examples=50)
@given(counts, st.randoms(use_true_random=False))
def test_the_order_in_which_figures_come_changes_nothing(
    made: list[tuple[int, int, int | None]], shuffled: random.Random
) -> None:
    unique = {(key, day): count for key, day, count in made}
    found = [seen(str(key), NOW - timedelta(days=day), count) for (key, day), count in unique.items()]
    other = list(found)
    shuffled.shuffle(other)
    first, second = (profile([BELONGING], {"belonging": each}, {}, NOW)[0] for each in (found, other))
    assert first == second
    if first.now is not None:
        assert first.now.low <= first.now.value <= first.now.high
        published = {one.estimate for one in found if one.estimate}
        assert min(one.value for one in published) - 1e-9 <= first.now.value
        assert first.now.value <= max(one.value for one in published) + 1e-9


def test_an_estimate_tells_how_many_stand_behind_it() -> None:
    found = one(seen("a", NOW, 50, 100), seen("b", NOW, 50, 80))
    assert isinstance(found.now, Estimate)
    assert found.now.n == 80
