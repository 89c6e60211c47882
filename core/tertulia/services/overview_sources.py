"""What the overview is made of, read from what is published: cells of surveys, figures of measures, benchmarks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.surveys import Item
from tertulia.measures.components import COMPONENTS, Benchmark, Component
from tertulia.measures.figures import Figure
from tertulia.measures.overview import Seen
from tertulia.services import figures, indexes, measuring, releasing
from tertulia.services.telling import FEW_ASKED
from tertulia.storage.database import Tx
from tertulia.storage.tables import benchmark, round_table
from tertulia.surveys import scoring
from tertulia.surveys.confidentiality.release import Cell
from tertulia.surveys.instruments import instruments
from tertulia.surveys.reading import FLOOR, read
from tertulia.surveys.scoring import Estimate

LOOK = timedelta(weeks=79)
"""So far back is looked: a quarter, the four before it, and a chart of weekly points of a year."""
PERIODS = 79


@dataclass(frozen=True, kw_only=True)
class _Round:
    """Hold a survey round that ended, as far as the overview needs it."""

    id: Id
    practice: str
    closed: datetime
    summary: Json


async def surveys(tx: Tx, organization: Id, workspace: Id, now: datetime) -> dict[str, list[Seen]]:
    """Return what surveys published of everybody, by component."""
    ended = await _ended(tx, organization, workspace, now - LOOK)
    asked = _asked()
    items = [item.key for known in asked.values() for item in known]
    told = await releasing.told_of_everybody(tx, organization, list(ended), items) if ended else {}
    found: dict[str, list[Seen]] = defaultdict(list)
    for round_ in ended.values():
        here = {one.item: one for one in told.get(round_.id, ())}
        link = f"/workspaces/{workspace}/surveys/{round_.id}"
        for component in COMPONENTS:
            known = asked.get(component.instrument, ())
            if component.shown == "index":
                found[component.key] += _index(component.instrument, known, here, round_, link)
            else:
                found[component.key] += [_seen(one, here[one.key], round_, link) for one in known if one.key in here]
        found["response"] += _response(round_, link)
    return dict(found)


@cache
def _asked() -> Mapping[str, Sequence[Item]]:
    """Return the questions of the instruments that components are made of."""
    known = {one.instrument: instruments().get(one.instrument) for one in COMPONENTS if one.instrument}
    return {name: one.items() for name, one in known.items() if one is not None and one.wording_shipped}


async def _ended(tx: Tx, organization: Id, workspace: Id, since: datetime) -> dict[Id, _Round]:
    rounds = round_table.c
    closed = sa.func.coalesce(rounds.closes_at, rounds.opens_at)
    query = (
        sa.select(rounds.id, rounds.practice, rounds.closes_at, rounds.opens_at, rounds.summary)
        .where(
            rounds.organization_id == organization,
            rounds.workspace_id == workspace,
            rounds.confidential.is_(True),
            rounds.state.in_(figures.ENDED),
            closed >= since,
        )
        .order_by(closed, rounds.id)
    )
    return {
        row.id: _Round(
            id=row.id, practice=row.practice, closed=row.closes_at or row.opens_at, summary=row.summary or {}
        )
        for row in await tx.execute(query)
    }


def _seen(item: Item, one: Cell, round_: _Round, link: str) -> Seen:
    seen = Seen(key=item.key, label=item.text, at=round_.closed, estimate=None, link=link, withheld=figures.TOO_FEW)
    if one.outcome != "published":
        return seen
    counts = {each.name: each.value for each in one.figures}
    reading = read(item, one.answered, counts, {each.name: (each.low, each.high) for each in one.figures})
    if reading.estimate is None:
        return replace(seen, withheld=f"too few answers for a number: {reading.words}")
    if reading.unit != "percent":
        return replace(seen, estimate=reading.estimate, withheld="")
    best, points = item.levels[0]
    count = sum(counts[name] for name in ([best] if best in counts else points) if name in counts)
    counted = (float(count), max(1, reading.estimate.n))
    return replace(seen, estimate=reading.estimate, withheld="", counted=counted)


def _index(instrument: str, items: Sequence[Item], here: Mapping[str, Cell], round_: _Round, link: str) -> list[Seen]:
    title = instruments()[instrument].title
    lines = [figures.line_of(item, here[item.key]) for item in items if item.key in here]
    return [
        Seen(key=instrument, label=title, at=round_.closed, estimate=one.estimate, link=link)
        for one in (indexes.indexes(lines, round_.closed.year) if lines else ())
        if one.title == title
    ]


def _response(round_: _Round, link: str) -> list[Seen]:
    kept: Json = round_.summary.get("figures", {})
    invited, answered = int(kept.get("invited", 0)), int(kept.get("answered", 0))
    if invited < FEW_ASKED or not answered:
        return []
    low, high = (scoring.share(count, invited) for count in (answered, min(answered + FLOOR, invited)))
    if low is None or high is None:
        return []
    estimate = Estimate(low.value, low.low, high.high, answered)
    return [Seen(key=round_.practice, label=round_.practice, at=round_.closed, estimate=estimate, link=link)]


async def measures(tx: Tx, organization: Id, workspace: Id) -> dict[str, list[Seen]]:
    """Return what measures published of everybody, by component."""
    found: dict[str, list[Seen]] = {}
    for component in COMPONENTS:
        if component.family is not None:
            published = await measuring.published(
                tx,
                organization,
                workspace,
                families=[component.family],
                key=component.figure,
                last=PERIODS,
                whole=component.narrowed,
            )
            link = f"/workspaces/{workspace}/overview/{component.key}#groups"
            found[component.key] = [_measured(component, one, link) for one in published]
    return found


def _measured(component: Component, figure: Figure, link: str) -> Seen:
    estimate = None
    if figure.value is not None:
        # what is counted from the program's calendar is exact, and has no interval
        low = figure.value if figure.low is None else figure.low
        high = figure.value if figure.high is None else figure.high
        estimate = Estimate(figure.value, low, high, figure.n)
    return Seen(
        key=figure.key,
        label=component.title,
        at=ended(figure.period),
        estimate=estimate,
        link=link,
        withheld=figure.withheld or ("" if estimate else figures.TOO_FEW),
    )


def ended(period: str) -> datetime:
    """Return the instant at which a period ended that is called like 2026-W47 or 2026-Q4."""
    year, _, number = period.partition("-")
    if number.startswith("W"):
        day = date.fromisocalendar(int(year), int(number[1:]), 7) + timedelta(days=1)
    else:
        months = int(year) * 12 + int(number[1:]) * 3
        day = date(months // 12, months % 12 + 1, 1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def benchmarks(tx: Tx, organization: Id, workspace: Id, now: datetime) -> dict[str, Benchmark]:
    """Return what others published, by component: what was imported, else the series that ship with instruments."""
    found = {}
    for component in COMPONENTS:
        instrument = instruments().get(component.instrument)
        if instrument is not None and instrument.benchmark is not None:
            nearest = scoring.nearest_year(instrument.benchmark.series, now.year)
            if nearest is not None:
                found[component.key] = Benchmark(
                    component=component.key,
                    name=f"{instrument.benchmark.name} {nearest[0]}",
                    value=nearest[1],
                    ended=date(nearest[0], 12, 31),
                    source=instrument.benchmark.source,
                    license=instrument.benchmark.license,
                )
    query = sa.select(benchmark).where(
        benchmark.c.organization_id == organization, benchmark.c.workspace_id == workspace
    )
    for row in await tx.execute(query):
        found[row.component] = Benchmark(
            component=row.component,
            name=row.name,
            value=row.value,
            ended=date.fromisoformat(row.ended),
            source=row.source,
            license=row.license,
            n=row.n,
        )
    return found
