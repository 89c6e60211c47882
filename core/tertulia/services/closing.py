"""The later steps of a round's life: remind who did not answer, close, and show what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id
from tertulia.domain.planning import Appointment, Channel, appoint
from tertulia.domain.programs import Practice
from tertulia.domain.rounds import Step
from tertulia.runtime import Runtime
from tertulia.services import (
    arrivals,
    live_board,
    live_seats,
    opening,
    releasing,
    resting,
    rounds,
    staging,
    summaries,
)
from tertulia.services.releasing import Prepared
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, response, shard
from tertulia.surveys import ballots


async def remind(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Plan the reminders that are due, for those who were asked and have not answered."""
    practice = await rounds.practice_of(tx, round_)
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    now, closes = runtime.clock.now(), round_.closes_at
    if closes is None:
        return
    shards = (await tx.execute(_shards(round_))).all()
    # invitations of one moment are due at several where it is night for some
    invited = {row.due for row in shards if row.purpose == "invite"}
    known = {(row.purpose, row.origin) for row in shards}
    for due in sorted(invited):
        for number, pause in enumerate(practice.reminders, start=1):
            origin, purpose = due + pause, f"remind:{number}"
            if origin <= now and (purpose, origin) not in known and origin < closes:
                appointments = await _reminders(runtime, tx, round_, practice, due=due, origin=origin, closes=closes)
                budgets = program.message_budget if program else 0
                if appointments:
                    await planning.write_appointments(runtime, tx, round_, purpose, appointments, budgets)
                else:
                    await planning.write_shards(runtime, tx, round_, purpose, origin=origin, due=origin, rows=())
    await opening.wait_for_next(tx, round_)


def _shards(round_: RoundRow) -> sa.Select[tuple[str, datetime, datetime]]:
    return sa.select(shard.c.purpose, shard.c.origin, shard.c.due).where(shard.c.round_id == round_.id).distinct()


async def _reminders(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    practice: Practice,
    *,
    due: datetime,
    origin: datetime,
    closes: datetime,
) -> list[Appointment]:
    asked = await _asked(tx, round_, due)
    answered = await who_answered(runtime, tx, round_, list(asked))
    persons = await people.persons(tx, round_.organization, [person for person in asked if person not in answered])
    opt_outs = await people.opt_outs(tx, round_.organization, list(persons))
    awake = await resting.awake(runtime, tx, round_, list(persons.values()))
    return [
        appoint(
            person,
            practice=practice.key,
            origin=origin,
            closes=closes,
            now=runtime.clock.now(),
            channels=[asked[person.id]],
            opt_outs=opt_outs.get(person.id, frozenset()),
        )
        for person in sorted(awake, key=lambda person: person.id)
        if not person.erased
    ]


async def _asked(tx: Tx, round_: RoundRow, due: datetime) -> dict[Id, Channel]:
    query = (
        sa.select(delivery.c.recipient, delivery.c.platform, delivery.c.installation_id, delivery.c.identity_id)
        .join(shard, shard.c.id == delivery.c.shard_id)
        .where(
            shard.c.round_id == round_.id,
            shard.c.purpose == "invite",
            shard.c.due == due,
            delivery.c.state.in_(("sent", "ambiguous")),
        )
    )
    return {
        row.recipient: Channel(row.platform, row.installation_id, row.identity_id) for row in await tx.execute(query)
    }


async def who_answered(runtime: Runtime, tx: Tx, round_: RoundRow, persons: Sequence[Id]) -> frozenset[Id]:
    """Return who of *persons* answered or passed; for the system's own reminders, never shown."""
    if round_.confidential:
        return await ballots.answered(runtime, tx, round_.id, persons)
    query = sa.select(response.c.person_id).where(response.c.round_id == round_.id)
    return frozenset((await tx.execute(query)).scalars())


async def start_close(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """Take no more answers, and send nothing more but what is under way; what too few answered goes on instead."""
    later = await arrivals.goes_on(runtime, tx, round_, await rounds.practice_of(tx, round_))
    if later is not None:
        await rounds.change_state(tx, round_, "open", closes_at=later)
        await opening.wait_for_next(tx, replace(round_, closes_at=later))
        return
    await rounds.change_state(tx, round_, "closing")
    await _send_no_more(tx, round_)
    await opening.set_timer(tx, round_, Step("close", runtime.clock.now()))


async def _send_no_more(tx: Tx, round_: RoundRow) -> None:
    await tx.execute(
        delivery.update()
        .where(delivery.c.round_id == round_.id, delivery.c.state == "planned")
        .values(state="skipped", reason="the round closed first")
    )
    await tx.execute(
        shard.update().where(shard.c.round_id == round_.id, shard.c.state == "planned").values(state="done")
    )


async def finish_close(runtime: Runtime, tx: Tx, round_: RoundRow, prepared: Prepared | None = None) -> None:
    """Count what was given, keep the figures, and plan the summary for the places.

    What a survey of items publishes is computed beforehand, as *prepared*; where that is missing, or a ballot was
    erased meanwhile, the step is taken again.
    """
    # a sender may have postponed some of its recipients to a new shard just when the close began
    await _send_no_more(tx, round_)
    practice = await rounds.practice_of(tx, round_)
    items = releasing.items_of(runtime, round_)
    if items:
        if prepared is None or not await releasing.keep(tx, round_, prepared):
            await opening.set_timer(tx, round_, Step("close", runtime.clock.now()))
            return
        figures, draft = await summaries.summarise_release(runtime, tx, round_, items, releasing.figures(prepared))
    else:
        await live_board.settle(runtime, tx, round_)
        figures, draft = await summaries.summarise(runtime, tx, round_, practice)
    await live_seats.clear(tx, round_.organization, round_.id)
    await staging.conclude(runtime, tx, round_)
    summary = {"figures": dict(figures), "shown": draft is not None}
    await rounds.change_state(tx, round_, "closed", summary=summary, next_action=None, next_at=None)
    if prepared is not None:
        await rounds.change_state(tx, replace(round_, state="closed"), prepared.release.state)
    if draft is not None and practice.places:
        now = runtime.clock.now()
        await planning.write_postings(runtime, tx, round_, practice, "summary", now)
        await opening.set_timer(tx, round_, Step("deliver", now))
    elif ended := await rounds.find(tx, round_.id):
        await opening.wait_for_next(tx, ended)
