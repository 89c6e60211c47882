"""What keeps work from being held by the dead: a process is known before it works, and unknown ones hold nothing."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from tertulia.delivery.engine import Work
from tertulia.storage.database import Database
from tertulia.storage.tables import worker
from tertulia.testing.engine import InlineEngine
from tertulia.testing.world import world


class Watched(InlineEngine):
    """Note who was known at the launch, and hand over what a ghost holds."""

    def __init__(self, database_url: str):
        super().__init__()
        self._database_url = database_url
        self.known: list[str] = []
        self.ghosts = {"ghost"}

    async def launch(self, work: Work, *, executor: str, concurrency: int) -> None:
        database = Database.open(self._database_url, checkpoints=False)
        async with database.read() as tx:
            self.known = list((await tx.execute(sa.select(worker.c.id))).scalars())
        await database.close()
        await super().launch(work, executor=executor, concurrency=concurrency)

    async def holders(self) -> frozenset[str]:
        return frozenset({*self.ghosts, *self.known})

    async def hand_over(self, executors: Collection[str]) -> int:
        self.ghosts -= set(executors)
        return len(executors)


async def test_a_process_is_known_before_it_takes_work(database_url: str, tmp_path: Path) -> None:
    engine = Watched(database_url)
    async with world(database_url, tmp_path, engine=engine) as core:
        assert engine.known == [core.service.executor]


async def test_what_an_unknown_worker_holds_is_handed_over(database_url: str, tmp_path: Path) -> None:
    engine = Watched(database_url)
    async with world(database_url, tmp_path, engine=engine) as core:
        await core.until(lambda: not engine.ghosts)
