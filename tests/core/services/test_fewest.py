"""How many people stand behind every figure can be raised, and not lowered for what was collected."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Mistake
from tertulia.services import programs

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=MONTHLY", start="2026-03-02T09:00:00")
PULSE = Practice(key="pulse", kind="pulse", title="Pulse", cadence=CADENCE)
DOCUMENT = """
[[practice]]
key = "pulse"
kind = "pulse"
title = "Pulse"
cadence = { rule = "FREQ=MONTHLY", start = "2026-03-02T09:00" }
"""


def document(fewest: int | None) -> str:
    return DOCUMENT + ("" if fewest is None else f"options = {{ fewest = {fewest} }}\n")


async def apply(stage: Any, fewest: int | None) -> None:
    async with stage.database.write() as tx:
        await programs.apply_agreed(
            stage.runtime,
            tx,
            organization=stage.organization,
            workspace=stage.workspace,
            text=document(fewest),
            actor="test",
        )


async def test_it_is_lowered_only_before_anybody_was_asked_and_a_year_after(open_stage: Open) -> None:
    async with open_stage() as stage:
        await apply(stage, 6)
        await apply(stage, 7)
        round_id = await stage.open_round(PULSE, fewest=7)
        for fewest in (6, 5, None):
            with pytest.raises(Mistake, match="set fewest to 7 or more"):
                await apply(stage, fewest)
        await apply(stage, 8)
        await stage.change_round(round_id, opens_at=stage.clock.now() - timedelta(days=366))
        await apply(stage, 5)


async def test_an_older_version_does_not_bring_it_back(open_stage: Open) -> None:
    async with open_stage() as stage:
        await apply(stage, None)
        await apply(stage, 9)
        await stage.open_round(PULSE, fewest=9)
        where = {"organization": stage.organization, "workspace": stage.workspace, "actor": "test"}
        async with stage.database.write() as tx:
            with pytest.raises(Mistake, match="set fewest to 9 or more"):
                await programs.apply_version(stage.runtime, tx, **where, version=1)


async def test_one_person_alone_changes_it_neither_up_nor_down(open_stage: Open) -> None:
    async with open_stage() as stage:
        await apply(stage, 6)
        where = {"organization": stage.organization, "workspace": stage.workspace, "actor": "test"}
        async with stage.database.write() as tx:
            for fewest in (7, 5, None):
                with pytest.raises(Mistake, match="a second person has to agree; leave it at 6"):
                    await programs.apply(stage.runtime, tx, **where, text=document(fewest))
            # neither by taking the survey out of the program and back in, nor by an older version
            other = document(6).replace('key = "pulse"', 'key = "another"')
            await programs.apply(stage.runtime, tx, **where, text=other)
            with pytest.raises(Mistake, match="leave it at 6"):
                await programs.apply(stage.runtime, tx, **where, text=other + document(9))
            await programs.apply(stage.runtime, tx, **where, text=other + document(6))
