"""The surveys of a workspace over time: what runs, what was published of everybody, and why something was not.

Only published cells and rounded counts are read, never a ballot, nor who answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.surveys import Item
from tertulia.runtime import Runtime
from tertulia.services import figures, release_progress, releasing, rounds, telling
from tertulia.services.figures import Line, Results
from tertulia.services.release_progress import Standing
from tertulia.services.rounds import RoundRow
from tertulia.services.telling import FEW_ASKED
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table
from tertulia.surveys.instruments import instruments
from tertulia.surveys.scoring import Estimate

LAST = 6
"""So many rounds of a practice are shown side by side."""
READ = 60
"""So many rounds that ended are looked through, of all practices."""
GATES = {
    "no_crosses": "Groups by two things together were left out: with them, somebody's answer could be worked out.",
    "base_10": "Figures are in wider bands than usual: in narrow ones somebody's answer could be worked out.",
    "withheld": "Even in wide bands somebody's answer could be worked out from all figures, so none is told.",
}
"""What the last check before publishing led to, in plain words."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """Hold one round that ended: of how many asked at least how many answered, and what limits what is told.

    *asked* and *rate* are `None` where they would tell something of few people, or of who is in a group.
    """

    round: RoundRow
    closed: datetime
    asked: int | None
    answered: int
    rate: Estimate | None
    why: str | None


@dataclass(frozen=True, kw_only=True)
class Course:
    """Hold what everybody answered to one item, round by round, oldest first; `None` where nothing is told.

    *asked* tells of each round whether it asked the item at all.
    """

    item: Item
    lines: tuple[Line | None, ...]
    asked: tuple[bool, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The numbers that were published, without the gaps."""
        found = (line.reading.estimate if line and line.reading else None for line in self.lines)
        return tuple(one for one in found if one is not None)

    @property
    def unit(self) -> str:
        """What the numbers are in: a `score` or a `percent`."""
        return next((line.reading.unit for line in self.lines if line and line.reading), "percent")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Hold a practice's last rounds, oldest first, and its items' courses by instrument."""

    practice: str
    title: str
    ended: tuple[Ended, ...]
    courses: Mapping[str, Sequence[Course]]


@dataclass(frozen=True, kw_only=True)
class Running:
    """Hold a survey that takes answers, or whose figures are being computed; *answered* as of *counted_day*."""

    round: RoundRow
    title: str
    release: Standing | None


async def running(tx: Tx, organization: Id, workspace: Id) -> list[Running]:
    """Return the surveys that are open or closing; how many answered was counted today at the latest, in fives."""
    query = _mine(organization, workspace).where(round_table.c.state.in_(("open", "closing")))
    found = [rounds.row_of(row) for row in await tx.execute(query.order_by(round_table.c.opens_at, round_table.c.id))]
    return [
        Running(
            round=one,
            title=(await rounds.practice_of(tx, one)).title,
            release=await release_progress.standing(tx, organization, one.id),
        )
        for one in found
    ]


async def series(runtime: Runtime, tx: Tx, organization: Id, workspace: Id) -> list[Series]:
    """Return what was published of everybody, by practice, the one that ended last first."""
    by_practice: dict[str, list[RoundRow]] = defaultdict(list)
    for row in await figures.ended(tx, organization, [workspace], READ):
        if len(by_practice[row.practice]) < LAST:
            by_practice[row.practice].append(row)
    return [await _series(runtime, tx, list(reversed(rows))) for rows in by_practice.values()]


async def _series(runtime: Runtime, tx: Tx, rows: Sequence[RoundRow]) -> Series:
    items = {row.id: {item.key: item for item in releasing.items_of(runtime, row)} for row in rows}
    newest = {key: item for row in rows for key, item in items[row.id].items()}
    told = await releasing.told_of_everybody(tx, rows[0].organization, list(items), list(newest)) if newest else {}
    lines = {
        (row.id, cell.item): figures.line_of(items[row.id][cell.item], cell)
        for row in rows
        for cell in told.get(row.id, ())
        if cell.item in items[row.id]
    }
    courses: dict[str, list[Course]] = defaultdict(list)
    for key, item in newest.items():
        asked = tuple(key in items[row.id] for row in rows)
        course = Course(item=item, lines=tuple(lines.get((row.id, key)) for row in rows), asked=asked)
        if any(course.lines):
            courses[_instrument(item)].append(course)
    return Series(
        practice=rows[-1].practice,
        title=(await rounds.practice_of(tx, rows[-1])).title,
        ended=tuple([await _ended(tx, row) for row in rows]),
        courses=courses,
    )


def _instrument(item: Item) -> str:
    known = instruments().get(item.instrument)
    return known.title if known else ""


async def _ended(tx: Tx, row: RoundRow) -> Ended:
    kept: Json = (row.summary or {}).get("figures", {})
    asked, answered = int(kept.get("invited", 0)), int(kept.get("answered", 0))
    # how many were asked by a group's survey tells how many are in the group
    told = asked >= FEW_ASKED and not await telling.of_group(tx, row)
    of_all = Results(
        round=row,
        practice=await rounds.practice_of(tx, row),
        invited=asked,
        answered=answered,
        fewest=releasing.fewest(row),
        lines=(),
        done=(),
    )
    return Ended(
        round=row,
        closed=row.closes_at or row.opens_at,
        asked=asked if told else None,
        answered=answered,
        rate=of_all.rate if told else None,
        why=_why(row, answered, str(kept.get("gate", ""))),
    )


def _why(row: RoundRow, answered: int, gate: str) -> str | None:
    """Say in plain words what of a round is not told, and why."""
    if not answered:
        return f"Fewer than {releasing.fewest(row)} people answered, so nothing is told."
    if row.state == "closed":
        return "It asked nothing that is counted."
    return GATES.get(gate)


def _mine(organization: Id, workspace: Id) -> sa.Select[tuple[object, ...]]:
    return sa.select(round_table).where(
        round_table.c.organization_id == organization,
        round_table.c.workspace_id == workspace,
        round_table.c.confidential.is_(True),
    )
