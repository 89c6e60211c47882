"""How the deliveries of a round stand, for those who run the program: counts with their reasons, never who.

Why somebody was not written to is told of all such people together, in steps of five: nobody sees who opted out. How
many were written to on a platform is told of shared places only: it is known who has an account where. Of guarded
rounds (see `telling`) there are totals only, in steps of five.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from tertulia.services import telling
from tertulia.services.delivery_reasons import REPLACED, UNREACHABLE, Explained, explain
from tertulia.services.rounds import RoundRow
from tertulia.services.telling import STEP, steps
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery

STATES = ("sent", "sending", "planned", "ambiguous", "failed")
PURPOSES = ("invite", "post", "gather", "remind", "summary", "results")
"""As they are shown; all reminders of a round count as one purpose."""
CLOSED_FIRST = "the round closed first"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Hold deliveries that wait, failed or are of unknown outcome for one reason.

    *count* is in steps of five where people were to be written to, not shared places; 0 then means fewer than five.
    Of people the *platform* is named where the trouble is the whole installation's, or at least five have it.
    """

    platform: str | None
    state: str
    count: int
    explained: Explained
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Part:
    """Hold the deliveries of one purpose: by state, for shared places by platform too, with what is wrong.

    *left* counts who was not written to, in steps of five, `None` where everybody was; *late* whose turn came after
    the close, *places* the shared places without a plugin.
    """

    purpose: str
    states: dict[str, int]
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

    @property
    def lies_with_people(self) -> bool:
        why = self.explained()
        return why is not None and why.personal and self.target != "place"


async def guarded(tx: Tx, round_: RoundRow) -> bool:
    """Tell whether only totals may be told of a round's deliveries."""
    return bool(await telling.guarded(tx, [round_]))


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
        sent=steps(states["sent"]),
        under_way=steps(states["planned"] + states["sending"]),
        not_sent=steps(states["failed"] + states["ambiguous"] + states["skipped"]),
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


def _part(purpose: str, rows: Sequence[_Row]) -> Part:
    written = [row for row in rows if row.state != "skipped"]
    left, personal = Counter[str](), 0
    for row in rows:
        if row.state == "skipped":
            left[_left(row)] += row.count
    states = dict.fromkeys(STATES, 0)
    platforms: dict[str, dict[str, int]] = {}
    for row in written:
        if row.lies_with_people:
            personal += row.count
        else:
            states[row.state] += row.count
        if row.target == "place":
            platforms.setdefault(row.platform or "", dict.fromkeys(STATES, 0))[row.state] += row.count
    states["failed"] += steps(personal)
    return Part(
        purpose=purpose,
        states=states if written else {},
        platforms=dict(sorted(platforms.items())),
        troubles=_troubles(written),
        left=steps(left["person"]) if left["person"] else None,
        late=steps(left["late"]) if left["late"] else None,
        places=left["place"],
    )


def _troubles(rows: Iterable[_Row]) -> tuple[Trouble, ...]:
    """Return what is wrong, the most frequent first; what fewer than five people have without a platform's name."""
    by_platform = Counter[tuple[str | None, str, Explained, bool]]()
    for row in rows:
        if (why := row.explained()) is not None:
            by_platform[row.platform, row.state, why, row.target == "place"] += row.count
    pooled = Counter[tuple[str | None, str, Explained, bool]]()
    for (platform, state, why, place), count in by_platform.items():
        named = place or why.installation or (count >= STEP and not why.personal)
        # a platform's own words would name it, too
        said = UNREACHABLE if why.personal and not place else why
        pooled[platform if named else None, state, said, place] += count
    return tuple(
        Trouble(platform=platform, state=state, count=count if place else steps(count), explained=why, exact=place)
        for (platform, state, why, place), count in pooled.most_common()
    )


def _left(row: _Row) -> str:
    if row.target == "place":
        return "place"
    if row.reason == REPLACED:
        return "replaced"
    return "late" if row.reason == CLOSED_FIRST else "person"


async def _rows(tx: Tx, round_: RoundRow) -> list[_Row]:
    kept = delivery.c
    columns = (kept.purpose, kept.platform, kept.target, kept.state, kept.reason)
    query = sa.select(*columns, sa.func.count()).where(
        kept.organization_id == round_.organization, kept.round_id == round_.id
    )
    found = await tx.execute(query.group_by(*columns))
    return [_Row(row[0].partition(":")[0], *row[1:]) for row in found]
