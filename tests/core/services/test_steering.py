"""Rounds steered by hand: one closes early, one is left out, and that is taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.programs import Cadence, Practice, Program
from tertulia.errors import Mistake
from tertulia.services import rounds, steering
from tertulia.storage.tables import audit, round_table

OpenStage = Callable[[], AbstractAsyncContextManager[Any]]
DAILY = Practice(
    key="daily",
    kind="check-in",
    title="Daily",
    cadence=Cadence(rule="FREQ=DAILY", start="2026-03-01T10:00", time="common"),
)


async def plan(stage: Any) -> None:
    await stage.apply(DAILY)
    async with stage.database.write() as tx:
        program = Program(version=1, practices=(DAILY,))
        await rounds.schedule(stage.runtime, tx, stage.organization, stage.workspace, program)


async def do(stage: Any, step: Any, round_id: str) -> None:
    async with stage.database.write() as tx:
        await step(stage.runtime, tx, organization=stage.organization, round_id=round_id, actor="ana")


async def standing(stage: Any) -> dict[str, str]:
    """Return the state of each round by its day."""
    return {row["occurrence"][:10]: row["state"] for row in await stage.rows(round_table)}


async def one(stage: Any, day: str) -> str:
    return str(next(row["id"] for row in await stage.rows(round_table) if row["occurrence"].startswith(day)))


async def test_a_round_is_left_out_and_taken_back(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await plan(stage)
        first = await one(stage, "2026-03-02")
        await do(stage, steering.leave_out, first)
        await do(stage, steering.leave_out, first)
        assert await standing(stage) == {"2026-03-02": "cancelled", "2026-03-03": "planned"}
        await do(stage, steering.leave_out, await one(stage, "2026-03-03"))
        await do(stage, steering.take_back, first)
        assert await standing(stage) == {"2026-03-02": "planned", "2026-03-03": "cancelled"}
        with pytest.raises(Mistake, match="gone"):
            await do(stage, steering.take_back, first)
        verbs = [row["verb"] for row in await stage.rows(audit)]
        assert [verb for verb in verbs if verb.startswith("round.")] == [
            "round.leave_out", "round.leave_out", "round.take_back"
        ]  # fmt: skip


async def test_what_has_passed_cannot_be_taken_back(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await plan(stage)
        first = await one(stage, "2026-03-02")
        await do(stage, steering.leave_out, first)
        stage.clock.advance(timedelta(hours=1))
        with pytest.raises(Mistake, match="moment has passed"):
            await do(stage, steering.take_back, first)


async def test_an_open_round_closes_at_once_and_one_that_others_end_does_not(open_stage: OpenStage) -> None:
    async with open_stage() as stage:
        await stage.apply(DAILY)
        opened = await stage.open_round(DAILY)
        await do(stage, steering.close_early, opened)
        async with stage.database.read() as tx:
            row = await rounds.find(tx, opened)
            assert row is not None
            held = replace(row, closes_at=None, occurrence="host:1", next_action=None)
            assert not await steering.closable(stage.runtime, tx, held)
            (entry,) = (await tx.execute(sa.select(audit).where(audit.c.verb == "round.close_early"))).all()
        assert (row.next_action, row.next_at, row.closes_at) == ("close", stage.clock.now(), stage.clock.now())
        assert entry.actor == "ana"
        with pytest.raises(Mistake, match="cannot be closed by hand"):
            await do(stage, steering.close_early, opened)
        with pytest.raises(Mistake, match="cannot be left out"):
            await do(stage, steering.leave_out, opened)
