"""The overview of cohesion: a profile of published figures, each beside its own past; never one score."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from tertulia.measures import change as changing
from tertulia.measures import control_chart
from tertulia.measures.change import Change
from tertulia.measures.components import Benchmark, Component
from tertulia.measures.control_chart import ControlChart
from tertulia.surveys import scoring
from tertulia.surveys.scoring import Comparison, Estimate

BASELINE = 4
"""A figure is compared with its own past of so many quarters."""
STALE = 2
"""A figure that is older than so many quarters is not what is now."""
Status: TypeAlias = Literal["improved", "worsened", "no clear change", "no baseline yet", "not known"]
NOT_MEASURED = "not measured yet"
LONG_AGO = "not measured since {quarter}"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Hold one published figure of everybody at the end of its period; *estimate* is `None` where it was withheld.

    *key* tells apart what a component is made of (the questions of an instrument); *counted* is how many of how many,
    where the figure is a share; *link* leads to the cells.
    """

    key: str
    label: str
    at: datetime
    estimate: Estimate | None
    link: str
    withheld: str = ""
    counted: tuple[float, int] | None = None

    @property
    def quarter(self) -> str:
        """The quarter of a year in which the period ended."""
        return quarter_of(self.at - timedelta(seconds=1))


@dataclass(frozen=True, kw_only=True)
class Charted:
    """Hold the control chart of one of the figures of a component, and when each of its points was."""

    label: str
    dates: tuple[datetime, ...]
    chart: ControlChart


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Hold how a component stands: now, beside its own past and beside a benchmark.

    *now* is `None` where nothing may or can be told, *withheld* says why. *baseline* is the mean of the *quarters*
    before; *compared* counts the questions that both have, of *parts*. *series* are the figures of the quarters.
    """

    component: Component
    quarter: str = ""
    now: Estimate | None = None
    withheld: str = ""
    links: tuple[tuple[str, str], ...] = ()
    parts: int = 0
    compared: int = 0
    baseline: Estimate | None = None
    quarters: tuple[str, ...] = ()
    change: Change | None = None
    benchmark: Benchmark | None = None
    comparison: Comparison | None = None
    series: tuple[tuple[str, Estimate], ...] = ()
    charted: Charted | None = None

    @property
    def status(self) -> Status:
        """Say in a word what became of it."""
        if self.now is None:
            return "not known"
        if self.change is None:
            return "no baseline yet"
        if self.change.direction == "unclear":
            return "no clear change"
        return "improved" if (self.change.direction == "risen") == (self.component.better == "higher") else "worsened"

    @property
    def certainty(self) -> float | None:
        """How probable it is that the change is as large as makes a difference in practice."""
        return None if self.change is None else changing.beyond(self.change, self.component.practical)


def quarter_of(at: datetime) -> str:
    """Name the quarter of a year that holds an instant, like 2026-Q4."""
    return f"{at.year}-Q{(at.month - 1) // 3 + 1}"


def quarters_before(quarter: str, count: int) -> list[str]:
    """Return the *count* quarters before one, oldest first."""
    year, _, number = quarter.partition("-Q")
    ends = [int(year) * 4 + int(number) - 1 - back for back in range(count, 0, -1)]
    return [f"{one // 4}-Q{one % 4 + 1}" for one in ends]


def profile(
    components: Sequence[Component],
    seen: Mapping[str, Sequence[Seen]],
    benchmarks: Mapping[str, Benchmark],
    now: datetime,
) -> tuple[Standing, ...]:
    """Return how every component stands, by what was *seen* of each by its key, in any order.

    What changed is settled over all of them at once, so that one change in many is not taken for news.
    """
    found = [_standing(one, seen.get(one.key, ()), benchmarks.get(one.key), now) for one in components]
    changed = [one for one in found if one.change is not None]
    settled = changing.settle([one.change for one in changed if one.change is not None])
    by_key = {one.component.key: each for one, each in zip(changed, settled, strict=True)}
    return tuple(replace(one, change=by_key.get(one.component.key)) for one in found)


def _standing(component: Component, seen: Sequence[Seen], benchmark: Benchmark | None, now: datetime) -> Standing:
    known = [one for one in sorted(seen, key=lambda one: (one.at, one.key)) if one.at <= now]
    if not known:
        return Standing(component=component, withheld=NOT_MEASURED)
    quarter = known[-1].quarter
    by_quarter = _newest(known)
    series = _series(by_quarter)
    held = Standing(component=component, quarter=quarter, series=series, charted=_charted(component, known))
    links = _links(by_quarter[quarter].values())
    told = {key: one.estimate for key, one in by_quarter[quarter].items() if one.estimate is not None}
    if quarter not in [*quarters_before(quarter_of(now), STALE), quarter_of(now)]:
        return replace(held, withheld=LONG_AGO.format(quarter=quarter), links=links)
    if not told:
        reasons = [one.withheld for one in by_quarter[quarter].values() if one.withheld]
        return replace(held, withheld=reasons[0] if reasons else NOT_MEASURED, links=links)
    estimate = scoring.mean_of(list(told.values()))
    standing = replace(held, now=estimate, links=links, parts=len(told))
    if benchmark is not None and estimate is not None:
        standing = replace(standing, benchmark=benchmark, comparison=scoring.compare(estimate, benchmark.value))
    return _compared(standing, told, by_quarter)


def _links(parts: Collection[Seen]) -> tuple[tuple[str, str], ...]:
    """Return where the cells are, each with what they are of and when its period ended."""
    labels: dict[str, list[str]] = defaultdict(list)
    for one in parts:
        labels[one.link].append(one.label)
    days = {one.link: f"{one.at:%Y-%m-%d}" for one in parts}
    return tuple(
        (link, f"{said[0] if len(said) == 1 else f'{len(said)} questions'}, {days[link]}")
        for link, said in labels.items()
    )


def _newest(known: Sequence[Seen]) -> Mapping[str, Mapping[str, Seen]]:
    """Return the newest of each key, published ones before withheld ones, by quarter."""
    found: dict[str, dict[str, Seen]] = defaultdict(dict)
    for one in known:
        before = found[one.quarter].get(one.key)
        if before is None or one.estimate is not None or before.estimate is None:
            found[one.quarter][one.key] = one
    return found


def _series(by_quarter: Mapping[str, Mapping[str, Seen]]) -> tuple[tuple[str, Estimate], ...]:
    means = {
        quarter: scoring.mean_of([one.estimate for one in parts.values() if one.estimate is not None])
        for quarter, parts in by_quarter.items()
    }
    return tuple((quarter, mean) for quarter, mean in sorted(means.items()) if mean is not None)


def _compared(
    standing: Standing, told: Mapping[str, Estimate], by_quarter: Mapping[str, Mapping[str, Seen]]
) -> Standing:
    """Compare the parts that were measured before too: another set of questions is another figure."""
    quarters = [one for one in quarters_before(standing.quarter, BASELINE) if one in by_quarter]
    past = {
        key: [one.estimate for quarter in quarters if (one := by_quarter[quarter].get(key)) and one.estimate]
        for key in told
    }
    means = {key: mean for key, values in past.items() if (mean := changing.baseline(values)) is not None}
    before = scoring.mean_of(list(means.values()))
    after = scoring.mean_of([told[key] for key in means])
    if before is None or after is None:
        return standing
    used = [one for one in quarters if any(by_quarter[one][key].estimate for key in means if key in by_quarter[one])]
    return replace(
        standing,
        baseline=before,
        compared=len(means),
        quarters=tuple(used),
        change=changing.change(before, after),
    )


def _charted(component: Component, known: Sequence[Seen]) -> Charted | None:
    """Chart the part of a component that was published most often."""
    told = [one for one in known if one.estimate is not None]
    if not component.charted or not told:
        return None
    key, _ = max(sorted(Counter(one.key for one in told).items()), key=lambda item: item[1])
    points = [one for one in told if one.key == key]
    counted = [one.counted for one in points if one.counted is not None]
    made: ControlChart | None = None
    if len(counted) == len(points):
        made = control_chart.chart([count for count, _ in counted], [size for _, size in counted])
    elif len(points) >= control_chart.FEWEST:
        made = control_chart.individuals_chart([one.estimate.value for one in points if one.estimate is not None])
    if made is None:
        return None
    return Charted(label=points[-1].label, dates=tuple(one.at for one in points), chart=made)
