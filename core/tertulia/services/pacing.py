"""Ask nobody too often: one survey of a paced kind in its pause, over all practices, workspaces and platforms.

What counts is what was asked, not whether it was answered. It is read from the deliveries, so nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.planning import Appointment
from tertulia.extension import Paced
from tertulia.runtime import Runtime
from tertulia.services import shares
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, organization, round_table, shard

NOT_ASKED = ("skipped", "failed")
TOO_SOON = "asked another survey shortly before"
NOT_IN_TURN = "not in turn"


async def paced(
    runtime: Runtime, tx: Tx, round_: RoundRow, appointments: Sequence[Appointment]
) -> tuple[Appointment, ...]:
    """Leave out who is not in turn, or was or will be asked too shortly before or after; their reason says why."""
    kind = runtime.plugins.ritual(round_.kind)
    due = {one.person.id: one.due for one in appointments if one.reason is None}
    if not isinstance(kind, Paced) or not due:
        return tuple(appointments)
    week = round_.opens_at.isocalendar().week
    reasons = {
        person: NOT_IN_TURN
        for person in due
        if not kind.in_turn(round_.content, shares.draw(runtime.vault, round_, person), week)
    }
    for person, then in await _asked(
        runtime, tx, round_, min(due.values()) - kind.pause, max(due.values()) + kind.pause
    ):
        if person in due and abs(then - due[person]) < kind.pause:
            reasons.setdefault(person, TOO_SOON)
    return tuple(
        replace(one, channel=None, reason=reasons[one.person.id])
        if one.reason is None and one.person.id in reasons
        else one
        for one in appointments
    )


async def _asked(
    runtime: Runtime, tx: Tx, round_: RoundRow, first: datetime, last: datetime
) -> list[tuple[Id, datetime]]:
    """Return who was or will be asked by another round of a paced kind between the two instants, and when."""
    # two rounds that open at once must see each other
    mine = organization.c.id == round_.organization
    await tx.execute(sa.select(organization.c.id).where(mine).with_for_update())
    paced = [name for name, kind in runtime.plugins.rituals().items() if isinstance(kind, Paced)]
    query = (
        sa.select(delivery.c.recipient, shard.c.due)
        .join(shard, shard.c.id == delivery.c.shard_id)
        .join(round_table, round_table.c.id == delivery.c.round_id)
        .where(
            round_table.c.organization_id == round_.organization,
            round_table.c.id != round_.id,
            round_table.c.kind.in_(paced),
            sa.func.coalesce(round_table.c.closes_at, round_table.c.opens_at) >= first,
            delivery.c.organization_id == round_.organization,
            delivery.c.purpose == "invite",
            delivery.c.target == "person",
            delivery.c.state.not_in(NOT_ASKED),
            shard.c.due > first,
            shard.c.due < last,
        )
    )
    # whoever was merged since counts as the person that remains
    now = await people.survivors(tx, round_.organization)
    return [(now.get(row.recipient, str(row.recipient)), row.due) for row in await tx.execute(query)]
