"""When a moment has settled, so that the clock may go on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tertulia.delivery.outbox import NOT_NOW
from tertulia.sandbox.drive import settled
from tertulia.storage import tables
from tertulia.testing.world import world

LATER = 3600.0


async def test_a_message_that_waits_for_the_morning_holds_nothing_up(tmp_path: Path) -> None:
    async with world(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path) as core:
        home = await core.workspace()
        await settled(core.runtime, 60)
        waiting = {
            "organization_id": home.organization,
            "id": core.runtime.new_id(),
            "installation_id": core.runtime.new_id(),
            "purpose": "message",
            "sealed": b"sealed",
            "state": "planned",
            "attempts": 0,
            "next_at": time.time() + LATER,
        }
        async with core.runtime.database.write() as tx:
            await tx.execute(tables.outbox.insert().values(**waiting, reason=NOT_NOW))
        await settled(core.runtime, 60)
        async with core.runtime.database.write() as tx:
            await tx.execute(tables.outbox.update().values(reason="tried again"))
        with pytest.raises(TimeoutError):
            await settled(core.runtime, 0.2)
