"""Take a round one step further: what the engine's short workflow does."""

from __future__ import annotations

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.extension import Event
from tertulia.runtime import Runtime
from tertulia.services import closing, dealing, hard_weeks, opening, releasing, returning, rounds
from tertulia.services.releasing import Prepared
from tertulia.services.rounds import RoundRow
from tertulia.services.seating import Formed
from tertulia.storage.database import Tx
from tertulia.storage.tables import shard
from tertulia.surveys import ballots


async def advance(runtime: Runtime, round_id: Id, step: int) -> list[Id]:
    """Carry out the step that the round's timer holds as number *step*; return the shards whose work is handed out.

    A step that is no longer the timer's (a double tick, a step repeated after a crash) changes nothing.
    """
    prepared = await releasing.prepare(runtime, round_id, step)
    formed = await dealing.prepare(runtime, round_id, step)
    async with runtime.database.write() as tx:
        round_ = await rounds.find(tx, round_id, lock=True)
        if round_ is None:
            return []
        if round_.step == step and round_.next_action is not None:
            await _step(runtime, tx, round_, round_.next_action, prepared, formed)
        after = await rounds.find(tx, round_id)
        started = (
            await tx.execute(sa.select(shard.c.id).where(shard.c.round_id == round_id, shard.c.state == "started"))
        ).scalars()
        shards = list(started)
    if after is not None:
        await _tell(runtime, round_, after)
    return shards


async def _step(
    runtime: Runtime, tx: Tx, round_: RoundRow, action: str, prepared: Prepared | None, formed: Formed | None
) -> None:
    if action == "open" and round_.state == "planned":
        await opening.open_round(runtime, tx, round_, formed)
    elif action == "deliver":
        await opening.start_shards(runtime, tx, round_)
    elif action == "remind" and round_.state == "open":
        await closing.remind(runtime, tx, round_)
    elif action == "rest" and round_.state == "open":
        await hard_weeks.rest(runtime, tx, round_)
    elif action == "enrol" and round_.state == "open":
        await opening.enrol(runtime, tx, round_)
    elif action == "close" and round_.state == "open":
        await closing.start_close(runtime, tx, round_)
    elif action == "close" and round_.state == "closing":
        await closing.finish_close(runtime, tx, round_, prepared)
    elif action == returning.PURPOSE and round_.state in returning.ENDED:
        await returning.plan(runtime, tx, round_)
        await opening.wait_for_next(tx, round_)
    else:
        await opening.set_timer(tx, round_, None)


async def _tell(runtime: Runtime, before: RoundRow, after: RoundRow) -> None:
    if after.state in ("closed", "released", "withheld", "cancelled") and after.confidential:
        ballots.destroy_keys(runtime, after.id)
    names = {
        "open": "round.opened",
        "closed": "round.closed",
        "released": "round.closed",
        "withheld": "round.closed",
        "cancelled": "round.cancelled",
    }
    if before.state != after.state and after.state in names:
        enabled = {live.plugin for live in runtime.installations.of(after.workspace)}
        event = Event(
            name=names[after.state],  # type: ignore[arg-type]  # the names are an Event's
            workspace=after.workspace,
            subject=after.id,
            at=runtime.clock.now(),
            detail={"practice": after.practice},
        )
        await runtime.plugins.announce(event, enabled)
