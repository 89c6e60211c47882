"""How the deliveries of a round stand, for those who run the program: counts with their reasons, never who.

Why somebody was not written to is told of all such people together, in steps of five: nobody sees who opted out. Of
surveys, of further stages and of groups' rounds there are totals only, in steps of five.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from tertulia.services import rounds
from tertulia.services.delivery_reasons import Explained, explain
from tertulia.services.rounds import STAGE, RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery

STEP = 5
STATES = ("sent", "sending", "planned", "ambiguous", "failed")
PURPOSES = ("invite", "post", "gather", "remind", "summary", "results")
"""As they are shown; all reminders of a round count as one purpose."""
CLOSED_FIRST = "the round closed first"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Hold deliveries that wait, failed or are of unknown outcome for one reason.

    *count* is in steps of five where the reason lies with single people; 0 then means fewer than five.
    """

    platform: str | None
    state: str
    count: int
    explained: Explained


@dataclass(frozen=True, kw_only=True)
class Part:
    """Hold the deliveries of one purpose: by platform and state, with what is wrong.

    *left* counts who was not written to, in steps of five, `None` where everybody was; *late* whose turn came after
    the close, *places* the shared places without a plugin.
    """

    purpose: str
    platforms: dict[str, dict[str, int]] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    left: int | None = None
    late: int | None = None
    places: int = 0


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Hold all that is told of a guarded round, in steps of five; *hints* are what keeps at least five waiting."""

    sent: int
    under_way: int
    not_sent: int
    hints: tuple[Explained, ...] = ()


@dataclass(frozen=True)
class _Row:
    purpose: str
    platform: str | None
    target: str
    state: str
    reason: str | None
    count: int

    def explained(self) -> Explained | None:
        return explain(self.purpose, self.state, self.reason)


async def guarded(tx: Tx, round_: RoundRow) -> bool:
    """Tell whether only totals may be told of a round's deliveries."""
    return round_.confidential or round_.occurrence.startswith(STAGE) or await rounds.of_group(tx, round_)


async def totals(tx: Tx, round_: RoundRow) -> Totals:
    """Return the totals of a guarded round: of its invitations and postings, not of who was reminded."""
    found = [row for row in await _rows(tx, round_) if row.purpose in ("invite", "post")]
    states = Counter[str]()
    hints = Counter[Explained]()
    for row in found:
        states[row.state] += row.count
        if (why := row.explained()) is not None and not why.personal:
            hints[why] += row.count
    return Totals(
        sent=_steps(states["sent"]),
        under_way=_steps(states["planned"] + states["sending"]),
        not_sent=_steps(states["failed"] + states["ambiguous"] + states["skipped"]),
        hints=tuple(why for why, count in hints.items() if count >= STEP),
    )


async def parts(tx: Tx, round_: RoundRow) -> tuple[Part, ...]:
    """Return how the deliveries of a round stand that is not guarded, purpose by purpose."""
    found = await _rows(tx, round_)
    by_purpose = ((purpose, [row for row in found if row.purpose == purpose]) for purpose in PURPOSES)
    return tuple(_part(purpose, rows) for purpose, rows in by_purpose if rows)


def failed(found: Iterable[Part]) -> bool:
    """Tell whether anything failed in these parts."""
    return any(trouble.state == "failed" for part in found for trouble in part.troubles)


def _part(purpose: str, rows: Iterable[_Row]) -> Part:
    platforms: dict[str, dict[str, int]] = {}
    troubles, personal, left = Counter[tuple[str | None, str, Explained]](), Counter[str](), Counter[str]()
    for row in rows:
        if row.state == "skipped":
            left[_left(row)] += row.count
            continue
        states = platforms.setdefault(row.platform or "", dict.fromkeys(STATES, 0))
        if (why := row.explained()) is not None:
            troubles[row.platform, row.state, why] += row.count
        if why is not None and why.personal:
            personal[row.platform or ""] += row.count
        else:
            states[row.state] += row.count
    for platform, count in personal.items():
        platforms[platform]["failed"] += _steps(count)
    return Part(
        purpose=purpose,
        platforms=dict(sorted(platforms.items())),
        troubles=tuple(_trouble(*key, count) for key, count in troubles.most_common()),
        left=_steps(left["person"]) if left["person"] else None,
        late=_steps(left["late"]) if left["late"] else None,
        places=left["place"],
    )


def _left(row: _Row) -> str:
    if row.target == "place":
        return "place"
    return "late" if row.reason == CLOSED_FIRST else "person"


def _trouble(platform: str | None, state: str, why: Explained, count: int) -> Trouble:
    told = _steps(count) if why.personal else count
    return Trouble(platform=platform, state=state, count=told, explained=why)


def _steps(count: int) -> int:
    return count // STEP * STEP


async def _rows(tx: Tx, round_: RoundRow) -> list[_Row]:
    kept = delivery.c
    columns = (kept.purpose, kept.platform, kept.target, kept.state, kept.reason)
    query = sa.select(*columns, sa.func.count()).where(
        kept.organization_id == round_.organization, kept.round_id == round_.id
    )
    found = await tx.execute(query.group_by(*columns))
    return [_Row(row[0].partition(":")[0], *row[1:]) for row in found]
