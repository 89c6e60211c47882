"""Ask the colleagues who were not at a live round the same question, on their own platform."""

from __future__ import annotations

from datetime import timedelta

from tertulia.delivery import planning
from tertulia.domain.planning import appoint
from tertulia.runtime import Runtime
from tertulia.services import live_seats, opening, resting, rounds, sign_ups
from tertulia.services.live_sessions import Session
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

OPEN_FOR = timedelta(hours=24)
"""Colleagues who were not there can answer that long."""


async def ask(runtime: Runtime, tx: Tx, session: Session) -> None:
    """Plan one invitation for each member whom the practice addresses and who was not there; then the round waits.

    What holds for every invitation holds for these: channel, quiet hours, wishes and budget; nobody is asked twice,
    and nobody who has hard weeks.
    """
    round_ = await rounds.find(tx, session.round, session.organization, lock=True)
    if round_ is None or round_.state != "open":
        return
    practice = await rounds.practice_of(tx, round_)
    program = await programs.at_version(tx, round_.organization, round_.workspace, round_.program_version)
    now = runtime.clock.now()
    closes = now + OPEN_FOR
    there = await live_seats.persons(tx, session)
    members = await people.members(tx, round_.organization, round_.workspace)
    absent = [one for one in members if practice.audience.includes(one) and one.id not in there]
    if practice.join == "opt-in":
        joined = await sign_ups.signed_up(tx, round_.organization, round_.workspace, practice.key)
        absent = [one for one in absent if one.id in joined]
    absent = [] if await resting.rests(runtime, tx, round_) else await resting.awake(runtime, tx, round_, absent)
    channels = await planning.channels_of(runtime, tx, round_, absent)
    opt_outs = await people.opt_outs(tx, round_.organization, [one.id for one in absent])
    appointments = [
        appoint(
            one,
            practice=practice.key,
            origin=now,
            closes=closes,
            now=now,
            channels=channels[one.id],
            opt_outs=opt_outs.get(one.id, frozenset()),
        )
        for one in absent
    ]
    await tx.execute(round_table.update().where(round_table.c.id == round_.id).values(closes_at=closes))
    if appointments:
        budgets = program.message_budget if program else 0
        await planning.write_appointments(runtime, tx, round_, "invite", appointments, budgets)
    await opening.set_timer(tx, round_, await opening.next_step_of(tx, round_, practice, closes))


async def call_off(tx: Tx, session: Session) -> None:
    """Cancel a round whose question was never asked."""
    round_ = await rounds.find(tx, session.round, session.organization, lock=True)
    if round_ is not None and round_.state == "open":
        reason = "the meeting ended before it began"
        await rounds.change_state(tx, round_, "cancelled", reason=reason, next_action=None, next_at=None)
