"""Charts: every mark lies on the canvas, higher figures lie higher, and a flat series stays flat."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.measures.components import COMPONENTS
from tertulia.measures.control_chart import p_chart
from tertulia.measures.overview import Standing
from tertulia.surveys.scoring import Estimate
from tertulia.web import charts
from tertulia.web.formulas import anchor

estimates = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 30)).map(
        lambda one: Estimate(one[0], max(0, one[0] - one[1]), min(100, one[0] + one[1]), 50)
    ),
    min_size=2,
    max_size=9,
)


@settings(max_examples=40)
@given(estimates, st.booleans())
def test_a_trend_keeps_its_order_and_its_edges(values: list[Estimate], compared: bool) -> None:
    series = tuple((f"q{place}", one) for place, one in enumerate(values))
    standing = Standing(component=COMPONENTS[0], series=series, baseline=values[0] if compared else None)
    chart = charts.trend(standing)
    assert chart is not None
    shown = values[-6:]
    for mark, one in zip(chart.marks, shown, strict=True):
        assert 0 <= mark.x <= chart.width
        assert 0 <= mark.top <= mark.y <= mark.bottom <= chart.height
        for other, another in zip(chart.marks, shown, strict=True):
            if one.value > another.value:
                assert mark.y <= other.y
    assert (chart.band is not None) == compared


def test_one_quarter_is_no_trend() -> None:
    one = Estimate(50, 40, 60, 50)
    assert charts.trend(Standing(component=COMPONENTS[0], series=(("q", one),))) is None
    flat = charts.trend(Standing(component=COMPONENTS[0], series=(("a", one), ("b", one))))
    assert flat is not None
    assert flat.marks[0].y == flat.marks[1].y == flat.height / 2


def test_a_control_chart_marks_its_signals() -> None:
    chart = charts.control(p_chart([10] * 12 + [40], [50] * 13))
    assert [mark.signal for mark in chart.marks].index(True) >= 7
    assert chart.marks[-1].signal
    assert chart.marks[-1].y < chart.marks[-1].top  # above its limit
    assert len(chart.upper.split()) == len(chart.lower.split()) == 13


def test_headings_are_named_as_hosts_of_repositories_do() -> None:
    assert anchor("Baseline and change") == "baseline-and-change"
    assert anchor("E–I index: teams (weekly)") == "ei-index-teams-weekly"


@settings(max_examples=40)
@given(estimates)
def test_a_course_rises_where_its_figures_do(values: list[Estimate]) -> None:
    chart = charts.course(values, "percent")
    assert chart is not None
    assert charts.course(values[:1], "percent") is None
    for (before, left), (after, right) in pairwise(zip(values, chart.marks, strict=True)):
        assert left.x < right.x
        assert (right.y <= left.y) if after.value > before.value else (right.y >= left.y)
    assert all(0 <= mark.top <= mark.bottom <= chart.height for mark in chart.marks)
