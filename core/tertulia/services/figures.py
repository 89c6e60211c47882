"""A survey's published cells, read for people: on pages, as JSON and as CSV, always the same cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Practice
from tertulia.domain.surveys import Item
from tertulia.runtime import Runtime
from tertulia.services import releasing, returning, rounds, telling
from tertulia.services.rounds import RoundRow
from tertulia.services.tabular import plain_cell
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import membership, round_table
from tertulia.surveys import scoring
from tertulia.surveys.confidentiality.candidates import DEPARTMENT, Family, Group
from tertulia.surveys.confidentiality.release import Cell
from tertulia.surveys.reading import FLOOR, Reading, read
from tertulia.surveys.scoring import Estimate

ENDED = returning.ENDED
TOO_FEW = "too few people"
EVERYBODY = "Everybody"
FAMILIES: tuple[Family, ...] = ("department", "team", "attribute", "cross")
"""The kinds of groups besides everybody, as they are shown."""
STEPS = 5
"""In so many shades a table shows how high a figure is; the figure stands beside it."""
COLUMNS = (
    "item", "text", "family", "group", "published", "answered_at_least", "unit", "value", "low", "high", "level",
    "about", "at_least", "at_most",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Line:
    """Hold one cell as people read it; *reading* is `None` where nothing may be told.

    *instead* is the line of its department, or of everybody, for a team of which too few answers changed since it
    was shown: the team's own figure returns when enough of them differ.
    """

    item: Item
    cell: Cell
    reading: Reading | None
    instead: Line | None = None

    @property
    def family(self) -> Family:
        """The kind of group."""
        return self.cell.group.family

    @property
    def group(self) -> str:
        """The group's name."""
        return name_of(self.cell.group)

    @property
    def words(self) -> str:
        """What a person reads."""
        return TOO_FEW if self.reading is None else self.reading.words

    @property
    def shade(self) -> int | None:
        """How high the figure is, from 0 to 4; `None` where there is no number."""
        if self.reading is None or self.reading.estimate is None:
            return None
        value = self.reading.estimate.value
        share = (value + 100) / 200 if self.reading.unit == "score" else value / 100
        return min(STEPS - 1, int(share * STEPS))


@dataclass(frozen=True, kw_only=True)
class Related:
    """Hold what goes together with the item *of*: texts with shares of *explained*, in percent, largest first."""

    of: str
    explained: int
    answered: int
    clear: bool
    shares: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Results:
    """Hold what may be known of a survey round that ended.

    *answered* is rounded down to five. *done* is what those who run the program say they will do. *by_lot* is whether
    some answers were drawn by lot and are in no figure, *grouped* whether it was an affinity group's: how many were
    asked would then tell how many are in the group.
    """

    round: RoundRow
    practice: Practice
    invited: int
    answered: int
    fewest: int
    lines: tuple[Line, ...]
    done: tuple[str, ...]
    related: tuple[Related, ...] = ()
    by_lot: bool = False
    grouped: bool = False

    @property
    def asked(self) -> int | None:
        """How many were asked, if that may be told."""
        return None if self.grouped else self.invited

    @property
    def rate(self) -> Estimate | None:
        """The share of those who were asked that answered, in percent; its interval holds what rounding took away."""
        if not self.asked or not self.answered:
            return None
        most = min(self.answered + FLOOR, self.invited)
        low, high = scoring.share(self.answered, self.invited), scoring.share(most, self.invited)
        return None if low is None or high is None else replace(low, high=high.high)

    def bracket(self, line: Line) -> tuple[float, float] | None:
        """Return where a share would lie had all who did not answer thought one way, or the other; in percent.

        `None` where there is no share, and where not everybody was asked.
        """
        estimate = line.reading.estimate if line.reading and line.reading.unit == "percent" else None
        if estimate is None or self.rate is None or line.family != "company" or line.cell.answered < self.answered:
            return None
        return scoring.nonresponse_bracket(estimate.value, self.rate.value / 100)

    def of(self, family: Family) -> tuple[Line, ...]:
        """Return the lines of groups of one kind."""
        return tuple(line for line in self.lines if line.family == family)


async def results(runtime: Runtime, tx: Tx, round_: RoundRow) -> Results | None:
    """Return what may be known of a survey round; `None` of one that has not ended or is no survey."""
    if not round_.confidential or round_.state not in ENDED or round_.summary is None:
        return None
    kept: Json = round_.summary.get("figures", {})
    items = {item.key: item for item in releasing.items_of(runtime, round_)}
    told = await releasing.told(tx, round_.organization, round_.id)
    return Results(
        round=round_,
        practice=await rounds.practice_of(tx, round_),
        invited=int(kept.get("invited", 0)),
        answered=int(kept.get("answered", 0)),
        fewest=releasing.fewest(round_),
        lines=_rolled_up(
            [line_of(items[cell.item], cell) for cell in told if cell.item in items],
            await releasing.waiting(tx, round_, told),
        ),
        done=tuple(text for _, text in await returning.said(tx, round_.organization, round_.id)),
        related=tuple(_related(items, one) for one in kept.get("drivers", ()) if one["of"] in items),
        by_lot=bool(kept.get("left_out")),
        grouped=await telling.of_group(tx, round_),
    )


def _rolled_up(lines: Sequence[Line], waiting: Collection[tuple[str, str]]) -> tuple[Line, ...]:
    """Give each team's line that waits the line of its department, or of everybody, instead."""
    by_group = {(line.item.key, line.cell.group.key): line for line in lines if line.reading is not None}
    found = []
    for line in lines:
        if line.family == "team" and (line.item.key, line.cell.group.key) in waiting:
            places = [(line.item.key, one.key) for one in _around(line.cell.group)]
            found.append(replace(line, instead=next((by_group[one] for one in places if one in by_group), None)))
        else:
            found.append(line)
    return tuple(found)


def _around(team: Group) -> Sequence[Group]:
    """Return the groups that hold a whole team, the smallest first."""
    department = releasing.department_of(team.terms[0][1])
    own = [Group(family="department", terms=((DEPARTMENT, department),))] if department else []
    return [*own, Group(family="company")]


def _related(items: Mapping[str, Item], kept: Json) -> Related:
    shares = [(items[key].text, int(share)) for key, share in kept["shares"] if key in items]
    return Related(
        of=items[kept["of"]].text,
        explained=int(kept["explained"]),
        answered=int(kept["answered"]),
        clear=bool(kept["clear"]),
        shares=tuple(sorted(shares, key=lambda one: -one[1])),
    )


def line_of(item: Item, cell: Cell) -> Line:
    """Read one cell for people."""
    if cell.outcome != "published":
        return Line(item=item, cell=cell, reading=None)
    counts = {one.name: one.value for one in cell.figures}
    bounds = {one.name: (one.low, one.high) for one in cell.figures}
    return Line(item=item, cell=cell, reading=read(item, cell.answered, counts, bounds))


def name_of(group: Group) -> str:
    """Name a group for people."""
    return " · ".join(value for _, value in group.terms) or EVERYBODY


async def own_groups(runtime: Runtime, tx: Tx, results_: Results, person_id: Id) -> tuple[Line, ...]:
    """Return the lines of everybody and of the groups that a person belongs to, but for crosses."""
    person = await people.person(tx, results_.round.organization, person_id)
    query = sa.select(membership.c.joined_at).where(
        membership.c.organization_id == results_.round.organization,
        membership.c.workspace_id == results_.round.workspace,
        membership.c.person_id == person_id,
    )
    joined: datetime | None = (await tx.execute(query)).scalar_one_or_none()
    if person is None:
        return ()
    atom = releasing.atom_of(person, (runtime.clock.now() - joined).days if joined else None)
    return tuple(line for line in results_.lines if line.family != "cross" and line.cell.group.includes(atom))


async def ended(tx: Tx, organization: Id, workspaces: Collection[Id], most: int = 50) -> list[RoundRow]:
    """Return the newest survey rounds of some workspaces that ended."""
    query = (
        sa.select(round_table)
        .where(
            round_table.c.organization_id == organization,
            round_table.c.workspace_id.in_(workspaces),
            round_table.c.confidential.is_(True),
            round_table.c.state.in_(ENDED),
        )
        .order_by(round_table.c.opens_at.desc(), round_table.c.id)
        .limit(most)
    )
    return [rounds.row_of(record) for record in await tx.execute(query)]


def as_json(results_: Results) -> Json:
    """Return the results as a document."""
    return {
        "round": results_.round.id,
        "practice": results_.practice.key,
        "title": results_.practice.title,
        "state": results_.round.state,
        "opened": results_.round.opens_at.isoformat(),
        "closed": results_.round.closes_at.isoformat() if results_.round.closes_at else None,
        "asked": results_.asked,
        "answered_at_least": results_.answered,
        "response_rate": asdict(results_.rate) if results_.rate else None,
        "fewest": results_.fewest,
        "what_will_be_done": list(results_.done),
        "cells": [_cell(line) for line in results_.lines],
        "related": [asdict(one) for one in results_.related],
    }


def _cell(line: Line) -> dict[str, Any]:
    estimate = line.reading.estimate if line.reading else None
    return {
        "item": line.item.key,
        "text": line.item.text,
        "family": line.family,
        "group": line.group,
        "published": line.reading is not None,
        "answered_at_least": line.cell.answered,
        "unit": line.reading.unit if line.reading else None,
        "value": None if estimate is None else round(estimate.value, 1),
        "low": None if estimate is None else round(estimate.low, 1),
        "high": None if estimate is None else round(estimate.high, 1),
        "levels": [
            {"level": one.name, "about": one.value, "at_least": one.low, "at_most": one.high}
            for one in line.cell.figures
        ],
    }


def rows(results_: Results) -> Iterator[dict[str, Any]]:
    """Yield one row for each level of a published cell, and one for each cell that is not."""
    for line in results_.lines:
        whole = _cell(line)
        for level in whole["levels"] or [{}]:
            row = {**whole, **level}
            yield {column: row.get(column) for column in COLUMNS}


def as_csv(results_: Results) -> str:
    """Write the results as CSV, none of whose cells a spreadsheet takes for a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows(results_):
        writer.writerow([plain_cell(cell) if isinstance(cell, str) else cell for cell in row.values()])
    return file.getvalue()


def table(lines: Iterable[Line]) -> tuple[Sequence[Item], Mapping[tuple[Family, str], Mapping[str, Line]]]:
    """Arrange lines by group and item: return the items in their order, and for each group its lines by item."""
    items: dict[str, Item] = {}
    rows: dict[tuple[Family, str], dict[str, Line]] = {}
    for line in lines:
        items.setdefault(line.item.key, line.item)
        rows.setdefault((line.family, line.group), {})[line.item.key] = line
    return list(items.values()), rows
