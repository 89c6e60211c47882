"""Small charts as places on a canvas: templates draw them as SVG in the page's own colours, each with a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tertulia.measures.control_chart import ControlChart
from tertulia.measures.overview import Standing
from tertulia.surveys.scoring import Estimate

WIDTH, HEIGHT, EDGE = 240.0, 48.0, 6.0
LARGE = (640.0, 180.0)
LIMITS = {"percent": (0.0, 100.0), "score": (-100.0, 100.0), "index": (0.0, 100.0), "signed": (-1.0, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Hold one figure's place: *x* and *y* of its value, *top* and *bottom* of its interval."""

    x: float
    y: float
    top: float
    bottom: float
    signal: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Hold a chart of figures over time: *line* joins them, *band* is what they are compared with."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    band: tuple[float, float] | None = None
    middle: float | None = None
    upper: str = ""
    lower: str = ""

    @property
    def line(self) -> str:
        """The points of the line through all marks."""
        return " ".join(f"{mark.x:g},{mark.y:g}" for mark in self.marks)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    height: float

    def __call__(self, value: float) -> float:
        """Return how far down a value lies."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.height - EDGE - part * (self.height - 2 * EDGE), 1)


def trend(standing: Standing, most: int = 6) -> Chart | None:
    """Draw the last quarters with their intervals, over the band of the baseline; `None` of a single one."""
    shown = [estimate for _, estimate in standing.series[-most:]]
    return over(shown, standing.baseline, LIMITS[standing.component.shown])


def over(shown: Sequence[Estimate], base: Estimate | None, limits: tuple[float, float]) -> Chart | None:
    """Draw estimates with their intervals over the band of *base*; `None` of a single one."""
    if len(shown) < 2:
        return None
    ends = [*shown, *([base] if base else [])]
    scale = _scale([end for one in ends for end in (one.low, one.high)], limits, HEIGHT)
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        marks=tuple(_mark(one, x, scale) for one, x in zip(shown, _along(len(shown), WIDTH), strict=True)),
        band=None if base is None else (scale(base.high), round(scale(base.low) - scale(base.high), 1)),
        middle=None if base is None else scale(base.value),
    )


def course(estimates: Sequence[Estimate], unit: str) -> Chart | None:
    """Draw numbers round by round with their intervals, in the unit of a survey's item; `None` of a single one."""
    if len(estimates) < 2:
        return None
    scale = _scale([end for one in estimates for end in (one.low, one.high)], LIMITS[unit], HEIGHT)
    places = zip(estimates, _along(len(estimates), WIDTH), strict=True)
    return Chart(width=WIDTH, height=HEIGHT, marks=tuple(_mark(one, x, scale) for one, x in places))


def control(chart: ControlChart) -> Chart:
    """Draw a control chart: its points, its limits, and which points are signals."""
    width, height = LARGE
    ends = [end for one in chart.points for end in (one.low, one.high, one.value)]
    whole = (0.0, 1.0) if chart.kind in ("p", "p′") else (min(ends), max(ends))
    scale, steps = _scale(ends, whole, height), _along(len(chart.points), width)
    pairs = list(zip(chart.points, steps, strict=True))
    return Chart(
        width=width,
        height=height,
        marks=tuple(
            Mark(x=x, y=scale(one.value), top=scale(one.high), bottom=scale(one.low), signal=one.beyond or one.run)
            for one, x in pairs
        ),
        middle=scale(chart.centre),
        upper=" ".join(f"{x:g},{scale(one.high):g}" for one, x in pairs),
        lower=" ".join(f"{x:g},{scale(one.low):g}" for one, x in pairs),
    )


def _mark(one: Estimate, x: float, scale: _Scale) -> Mark:
    return Mark(x=x, y=scale(one.value), top=scale(one.high), bottom=scale(one.low))


def _along(count: int, width: float) -> list[float]:
    step = (width - 2 * EDGE) / max(1, count - 1)
    return [round(EDGE + place * step, 1) for place in range(count)]


def _scale(values: Sequence[float], limits: tuple[float, float], height: float) -> _Scale:
    """Return a scale that holds all values, and never less than a tenth of all that there could be."""
    low, high = min(values), max(values)
    least = (limits[1] - limits[0]) / 10 or 1.0
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    return _Scale(low, high, height)
