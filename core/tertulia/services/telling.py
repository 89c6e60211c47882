"""What may be told of how many: where an exact count would tell what one person did, it is told in steps of five.

Everything that shows counts of a round reads them as they are told here: pages, the API, exports, the command line.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Program
from tertulia.storage import programs
from tertulia.storage.database import Tx
from tertulia.storage.people import chunks
from tertulia.storage.tables import delivery

if TYPE_CHECKING:
    from tertulia.services.rounds import RoundRow

STEP = 5
"""Guarded counts are rounded down to its multiples; of fewer people nothing is told exactly."""
FEW_ASKED = 20
"""Of surveys of fewer people the share that answered is too coarse to tell, or to follow."""


def steps(count: int) -> int:
    """Round *count* down to a multiple of five."""
    return count // STEP * STEP


async def guarded(tx: Tx, found: Collection[RoundRow]) -> frozenset[Id]:
    """Return those of *found* of which every count is told in steps of five, and nothing by platform or reason.

    A survey is confidential. Who is asked in a further stage gave a certain answer before, or none; who is asked in a
    group's round is in the group. And where fewer than five were asked, a count is what single people did.
    """
    known: dict[tuple[Id, Id, int], Program | None] = {}
    told = set[Id]()
    others: list[RoundRow] = []
    for one in found:
        version = (one.organization, one.workspace, one.program_version)
        if version not in known:
            known[version] = await programs.at_version(tx, *version)
        if one.confidential or one.further or _grouped(known[version], one):
            told.add(one.id)
        else:
            others.append(one)
    return frozenset(told | await _few(tx, others))


async def of_group(tx: Tx, round_: RoundRow) -> bool:
    """Tell whether the round is an affinity group's: nothing that is counted may tell who is in one, or how many."""
    version = (round_.organization, round_.workspace, round_.program_version)
    return _grouped(await programs.at_version(tx, *version), round_)


def _grouped(program: Program | None, round_: RoundRow) -> bool:
    practice = program.practice(round_.practice) if program else None
    return practice is not None and bool(practice.audience.groups)


async def _few(tx: Tx, found: Sequence[RoundRow]) -> set[Id]:
    """Return the rounds that asked fewer than five people, unless they only asked in shared places."""
    asked, listed = dict[Id, int](), set[Id]()
    placed = set[Id]()
    for some in chunks([one.id for one in found]):
        for round_id, target, skipped, count in await tx.execute(_ASKED, {"of": some}):
            if target == "place":
                placed.add(round_id)
            else:
                listed.add(round_id)
                asked[round_id] = asked.get(round_id, 0) + (0 if skipped else count)
    # what has not begun has nothing to tell
    begun = {one.id for one in found if one.state not in ("planned", "cancelled")}
    return {
        one.id
        for one in found
        if asked.get(one.id, 0) < STEP and (one.id in listed or (one.id in begun and one.id not in placed))
    }


_OF: sa.BindParameter[list[Id]] = sa.bindparam("of", expanding=True)
_SKIPPED = (delivery.c.state == "skipped").label("skipped")
_ASKED = (
    sa.select(delivery.c.round_id, delivery.c.target, _SKIPPED, sa.func.count())
    .where(delivery.c.round_id.in_(_OF), delivery.c.purpose.in_(("invite", "post")))
    .group_by(delivery.c.round_id, delivery.c.target, sa.literal_column("skipped"))
)
