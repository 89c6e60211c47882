"""The index of an instrument of which a survey asked every item, beside the series that its owner publishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tertulia.runtime import Runtime
from tertulia.services import figures
from tertulia.services.figures import Line, Results
from tertulia.storage.database import Tx
from tertulia.surveys import scoring
from tertulia.surveys.confidentiality.release import Figure
from tertulia.surveys.instruments import Instrument, instruments
from tertulia.surveys.scoring import Comparison, Estimate

MOST = 12
"""So many surveys are looked back on: three years of quarters."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """Hold an instrument's index of everybody, from 0 to 100, and the newest published value of its *series*.

    *compared* is `None` where none was published by then. *surely* and *above* count the last surveys in a row, this
    one among them, that were above what was published by their year: with certainty, and by the figure.
    """

    title: str
    estimate: Estimate
    series: str = ""
    source: str = ""
    year: int = 0
    compared: Comparison | None = None
    surely: int = 0
    above: int = 0


def indexes(lines: Iterable[Line], year: int) -> list[Index]:
    """Return the indexes that the published figures of everybody in *lines* allow, in a round of *year*."""
    company = {line.item.key: line for line in lines if line.family == "company" and line.reading is not None}
    found = (_index(instrument, company, year) for instrument in instruments().values())
    return [one for one in found if one is not None]


async def in_a_row(runtime: Runtime, tx: Tx, results: Results) -> list[Index]:
    """Return the indexes of a survey, each with how often in a row it was above its series.

    Of the practice's last `MOST` surveys; one that did not publish the index neither counts nor ends the row.
    """
    present, compared = _of(results), dict[str, list[Comparison]]()
    if not present:
        return []
    now = results.round
    ended = await figures.ended(tx, now.organization, [now.workspace])
    before = [one for one in ended if one.practice == now.practice and one.opens_at < now.opens_at][: MOST - 1]
    earlier = [await figures.results(runtime, tx, one) for one in reversed(before)]
    for index in (index for one in [*earlier, results] if one is not None for index in _of(one)):
        if index.compared is not None:
            compared.setdefault(index.title, []).append(index.compared)
    rows = {title: scoring.consecutive(row) for title, row in compared.items()}
    nothing = (0, 0)
    return [
        replace(one, surely=rows.get(one.title, nothing)[0], above=rows.get(one.title, nothing)[1]) for one in present
    ]


def _of(results: Results) -> list[Index]:
    return indexes(results.lines, (results.round.closes_at or results.round.opens_at).year)


def _index(instrument: Instrument, company: Mapping[str, Line], year: int) -> Index | None:
    if instrument.benchmark is None or not instrument.item:
        return None
    asked = [company.get(f"{instrument.key}.{one.key}") for one in instrument.item]
    parts = [_part(instrument, line) for line in asked]
    estimates = [part for part in parts if part is not None]
    estimate = scoring.mean_of(estimates) if len(estimates) == len(parts) else None
    if estimate is None:
        return None
    mark = instrument.benchmark
    nearest = scoring.nearest_year(mark.series, year)
    if nearest is None:
        return Index(title=instrument.title, estimate=estimate)
    return Index(
        title=instrument.title,
        estimate=estimate,
        series=mark.name,
        source=mark.source,
        year=nearest[0],
        compared=scoring.compare(estimate, nearest[1]),
    )


def _part(instrument: Instrument, line: Line | None) -> Estimate | None:
    if line is None or line.reading is None:
        return None
    if instrument.scoring == "favourable":
        return line.reading.estimate
    by_point = {one.name: one for one in line.cell.figures}
    if instrument.scoring != "mean" or set(by_point) != set(line.item.points):
        return None  # a mean needs every point, which is published of many answers only
    return _mean([by_point[point] for point in line.item.points])


def _mean(points: Sequence[Figure]) -> Estimate | None:
    """Return the mean of the points' counts, its interval widened by what rounding took away."""
    middle = len(points) // 2
    plain = scoring.index([one.value for one in points])
    low = scoring.index([one.high if place < middle else one.low for place, one in enumerate(points)])
    high = scoring.index([one.low if place <= middle else one.high for place, one in enumerate(points)])
    if plain is None or low is None or high is None:
        return None
    return Estimate(plain.value, min(plain.low, low.low), max(plain.high, high.high), plain.n)
