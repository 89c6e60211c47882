"""Surveys at a moment of each person's own: some time after they joined a workspace, or left it.

One round of such a practice is open at a time and takes in each day those whose moment has come. What few people
answer is pooled: a round that fewer people answered than must stand behind a figure stays open for another period, at
most a year. Who was there before the practice's cadence starts is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.planning import Appointment
from tertulia.domain.programs import Moment, Practice
from tertulia.domain.rounds import Step
from tertulia.domain.walltime import instant
from tertulia.runtime import Runtime
from tertulia.services import releasing
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, membership, round_table
from tertulia.surveys import ballots

DAY = timedelta(days=1)
LATE = timedelta(days=14)
"""Who could not be asked for so long after their moment is not asked any more."""
LONGEST = timedelta(days=365)
"""A round pools answers for that long at most."""


async def due(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, moment: Moment) -> list[Person]:
    """Return whose moment has come, and who was not asked by this practice yet."""
    now, asked = runtime.clock.now(), await _asked(tx, round_)
    at = membership.c.joined_at if moment.event == "joined" else membership.c.left_at
    zone = practice.cadence.zone
    start = instant(datetime.fromisoformat(practice.cadence.start), zone)
    query = sa.select(membership.c.person_id).where(
        membership.c.organization_id == round_.organization,
        membership.c.workspace_id == round_.workspace,
        at >= start,
        at <= now - moment.after,
        at > now - moment.after - LATE,
        membership.c.left_at.is_(None) if moment.event == "joined" else sa.true(),
    )
    whom = [person for person in (await tx.execute(query)).scalars() if person not in asked]
    known = await people.persons(tx, round_.organization, whom)
    return [one for _, one in sorted(known.items()) if not one.erased and practice.audience.includes(one)]


def closes(round_: RoundRow, practice: Practice) -> datetime:
    """Return when a round of such a practice closes, unless it goes on."""
    return round_.closes_at or round_.opens_at + practice.open_for


async def pooling(tx: Tx, round_: RoundRow) -> bool:
    """Tell whether an earlier round of the practice is still open and takes in whose moment comes."""
    query = sa.select(round_table.c.id).where(
        round_table.c.organization_id == round_.organization,
        round_table.c.workspace_id == round_.workspace,
        round_table.c.practice == round_.practice,
        round_table.c.state == "open",
        round_table.c.id != round_.id,
    )
    return (await tx.execute(query.limit(1))).first() is not None


def next_look(round_: RoundRow) -> Step:
    """Return when the round next looks whose moment has come: once a day, at the time at which it opened."""
    reached = round_.next_at or round_.opens_at
    days = max(0, (reached - round_.opens_at) // DAY) + 1
    return Step("enrol", round_.opens_at + days * DAY)


async def enrol(runtime: Runtime, tx: Tx, round_: RoundRow, appointments: Sequence[Appointment]) -> None:
    """Write the invitations of those whose moment has come; who cannot be asked today is looked at again tomorrow."""
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    reachable = [one for one in appointments if one.reason is None]
    if reachable:
        budget = program.message_budget if program else 0
        await planning.write_appointments(runtime, tx, round_, "invite", reachable, budget)


async def goes_on(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice) -> datetime | None:
    """Return until when a round that is to close stays open instead, because too few people answered for a figure."""
    later = closes(round_, practice) + practice.open_for
    if practice.moment is None or later - round_.opens_at > LONGEST:
        return None
    opened = await ballots.opened(runtime, tx, round_.id, ())
    answers = {id_: values for id_, _, values in opened if values}
    declined = releasing.declining(releasing.items_of(runtime, round_), answers)
    return later if len(answers) - len(declined) < releasing.fewest(round_) else None


async def left_and_asked(tx: Tx, round_: RoundRow, practice: Practice, person: Id) -> bool:
    """Tell whether *person* left the workspace and was asked by this round, which asks those who leave."""
    if practice.moment is None or practice.moment.event != "left":
        return False
    query = sa.select(delivery.c.seq).where(
        delivery.c.organization_id == round_.organization,
        delivery.c.round_id == round_.id,
        delivery.c.purpose == "invite",
        delivery.c.recipient.in_(await people.selves(tx, round_.organization, person)),
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def _asked(tx: Tx, round_: RoundRow) -> frozenset[Id]:
    query = (
        sa.select(delivery.c.recipient)
        .join(round_table, round_table.c.id == delivery.c.round_id)
        .where(
            round_table.c.organization_id == round_.organization,
            round_table.c.workspace_id == round_.workspace,
            round_table.c.practice == round_.practice,
            delivery.c.purpose == "invite",
            delivery.c.target == "person",
        )
    )
    recipients = frozenset((await tx.execute(query)).scalars())
    # whoever was merged since counts as the person that remains
    now = await people.survivors(tx, round_.organization)
    return recipients | {now[one] for one in recipients if one in now}
