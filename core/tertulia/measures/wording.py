"""How a component stands, in sentences: the same on pages, in JSON, on a card and at the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from tertulia.measures.overview import Standing, Status

STATES: tuple[Status, ...] = ("improved", "worsened", "no clear change", "no baseline yet", "not known")


def now(standing: Standing) -> str:
    """Say what is known now, or why nothing is."""
    estimate, shown = standing.now, standing.component.words
    if estimate is None:
        return standing.withheld
    if estimate.low == estimate.high:
        return shown(estimate.value)
    return f"{shown(estimate.value)} (between {shown(estimate.low)} and {shown(estimate.high)})"


def behind(standing: Standing) -> str:
    """Say how many stand behind it."""
    return "" if standing.now is None else f"at least {standing.now.n:,} {standing.component.counted}"


def baseline(standing: Standing) -> str:
    """Say what it is compared with."""
    if standing.baseline is None or not standing.quarters:
        return ""
    first, last = standing.quarters[0], standing.quarters[-1]
    span = first if first == last else f"{first} to {last}"
    parts = ""
    if standing.compared < standing.parts:
        parts = f", on the {standing.compared} of {standing.parts} questions that were asked before, too"
    return f"{standing.component.words(standing.baseline.value)} in {span}{parts}"


def change(standing: Standing) -> str:
    """Say what changed, and how sure that is."""
    if standing.change is None:
        return "no baseline yet: it was not measured in the four quarters before" if standing.now else ""
    return f"{standing.status}: {span(standing)}"


def span(standing: Standing) -> str:
    """Say by how much it changed, with the interval, and of what size that surely is."""
    changed, component = standing.change, standing.component
    if changed is None:
        return ""
    if changed.low == changed.high:
        return component.difference(changed.value)
    ends = f"between {component.signed(changed.low)} and {component.signed(changed.high)}"
    size = "" if changed.direction == "unclear" else _size(standing)
    return f"{component.difference(changed.value)}, {ends}{size}"


def _size(standing: Standing) -> str:
    sure = standing.certainty or 0
    size = standing.component.difference(standing.component.practical).lstrip("+")
    if sure >= 0.95:
        return f"; almost surely by {size} or more"
    return (
        f"; by {size} or more with about {5 * round(20 * sure)} in 100" if sure >= 0.025 else f"; by less than {size}"
    )


def benchmark(standing: Standing, today: date) -> str:
    """Say how it stands beside what others published, and how old that is."""
    mark, compared = standing.benchmark, standing.comparison
    if mark is None or compared is None:
        return ""
    age = mark.age(today)
    old = "this month" if age == 0 else "1 month old" if age == 1 else f"{age} months old"
    higher = standing.component.better == "higher"
    if compared.surely:
        stands = "this is above it with certainty"
    elif standing.now is not None and standing.now.high < mark.value:
        stands = "this is below it with certainty"
    else:
        stands = f"this is {'above' if compared.above else 'not above'} it, but not with certainty"
    better = "" if higher else " (less is better here)"
    return f"{mark.name}: {standing.component.words(mark.value)}, {old}; {stands}{better}"


def chart(standing: Standing) -> str:
    """Say what the control chart shows."""
    charted = standing.charted
    if charted is None:
        return ""
    signals = charted.chart.signals
    kind = {
        "p": "a p chart",
        "np": "an np chart",
        "p′": "Laney's p′ chart",
        "individuals": "a chart of single values",
    }
    said = f"{len(charted.dates)} points of “{charted.label}”, {kind[charted.chart.kind]}: "
    if not signals:
        return f"{said}no signal, it varies as it always did."
    days = ", ".join(f"{charted.dates[place]:%Y-%m-%d}" for place in signals[-3:])
    return f"{said}{len(signals)} of them go beyond what chance explains, the last on {days}."


def summary(standings: Sequence[Standing]) -> str:
    """Count the states in one sentence."""
    counts = Counter(one.status for one in standings)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
