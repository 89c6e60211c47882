"""Steer single rounds by hand: close one early, leave the next one out, and take that back while there is time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.rounds import Step
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import opening, rounds
from tertulia.services.rounds import APART, STAGE, RoundRow
from tertulia.storage import audit, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

LEFT_OUT = "left out by those who run the program"
"""Why a round was cancelled that was to come."""
HELD = "host:"
"""What the occurrence of a round begins with that a host holds in a meeting."""


async def closable(runtime: Runtime, tx: Tx, round_: RoundRow) -> bool:
    """Tell whether the round can be closed early: it is open, and neither a host, hard weeks nor arrivals end it."""
    if round_.state != "open" or round_.occurrence.startswith((HELD, APART)) or round_.next_action == "rest":
        return False
    ended = round_.closes_at is not None and round_.closes_at <= runtime.clock.now()
    return not ended and (await rounds.practice_of(tx, round_)).moment is None


def avoidable(round_: RoundRow) -> bool:
    """Tell whether a round that is to come can be left out: a program planned it, not what came before it."""
    return round_.state == "planned" and not round_.occurrence.startswith((STAGE, APART, HELD))


def returnable(runtime: Runtime, round_: RoundRow) -> bool:
    """Tell whether a round that was left out can be planned again: its moment lies ahead."""
    return (round_.state, round_.reason) == ("cancelled", LEFT_OUT) and round_.opens_at > runtime.clock.now()


async def close_early(runtime: Runtime, tx: Tx, *, organization: Id, round_id: Id, actor: Id) -> None:
    """Let an open round close now as it would have later; what is not sent yet is not sent any more."""
    round_ = await _found(tx, organization, round_id)
    if not await closable(runtime, tx, round_):
        raise Mistake("This round cannot be closed by hand: a host, hard weeks or arrivals end it.")
    now = runtime.clock.now()
    planned = round_.closes_at.isoformat() if round_.closes_at else None
    await rounds.change_state(tx, round_, "open", closes_at=now)
    await opening.set_timer(tx, round_, Step("close", now))
    await _audit(runtime, tx, round_, actor, "round.close_early", {"planned": planned})


async def leave_out(runtime: Runtime, tx: Tx, *, organization: Id, round_id: Id, actor: Id) -> None:
    """Cancel a round that is to come, and plan the one after it; repeating that changes nothing."""
    round_ = await _found(tx, organization, round_id)
    if (round_.state, round_.reason) == ("cancelled", LEFT_OUT):
        return
    if not avoidable(round_):
        raise Mistake("This round cannot be left out: it has opened already, or follows another round.")
    await rounds.change_state(tx, round_, "cancelled", reason=LEFT_OUT, next_action=None, next_at=None)
    program = await programs.current(tx, organization, round_.workspace)
    practice = program.practice(round_.practice) if program else None
    if program and practice:
        after = datetime.fromisoformat(round_.occurrence)
        await rounds.plan_next(runtime, tx, organization, round_.workspace, program, practice, after=after)
    await _audit(runtime, tx, round_, actor, "round.leave_out", {"occurrence": round_.occurrence})


async def take_back(runtime: Runtime, tx: Tx, *, organization: Id, round_id: Id, actor: Id) -> None:
    """Plan a round again that was left out, by the program of today, as long as its moment lies ahead."""
    round_ = await _found(tx, organization, round_id)
    program = await programs.current(tx, organization, round_.workspace)
    practice = program.practice(round_.practice) if program else None
    if not returnable(runtime, round_) or program is None or practice is None:
        raise Mistake("This round cannot be planned again: its moment has passed, or the program has it no more.")
    # nothing hangs on either: the one never opened, the others have not yet
    later = (
        round_table.c.organization_id == organization,
        round_table.c.workspace_id == round_.workspace,
        round_table.c.practice == round_.practice,
        round_table.c.state == "planned",
        round_table.c.next_at > runtime.clock.now(),
        *(round_table.c.occurrence.not_like(f"{prefix}%") for prefix in (STAGE, APART, HELD)),
    )
    await tx.execute(round_table.delete().where(sa.or_(round_table.c.id == round_.id, sa.and_(*later))))
    await rounds.plan_next(runtime, tx, organization, round_.workspace, program, practice, after=None)
    await _audit(runtime, tx, round_, actor, "round.take_back", {"occurrence": round_.occurrence})


async def _found(tx: Tx, organization: Id, round_id: Id) -> RoundRow:
    round_ = await rounds.find(tx, round_id, organization, lock=True)
    if round_ is None:
        raise Mistake("This round is gone: the program was changed since. The list shows what is planned.")
    return round_


async def _audit(
    runtime: Runtime, tx: Tx, round_: RoundRow, actor: Id, verb: str, detail: dict[str, str | None]
) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=round_.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=round_.id,
        detail={"workspace": round_.workspace, "practice": round_.practice, **detail},
    )
