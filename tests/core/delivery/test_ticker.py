"""What keeps work from being held by the dead: a process is known before it works, and unknown ones hold nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tertulia.delivery.engine import Work
from tertulia.storage.database import Database
from tertulia.storage.tables import lease, worker
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


@asynccontextmanager
async def standing_still(database_url: str, name: str, statement: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Be a worker that stopped in the middle of a pipeline: the server waits for the rest, without a timeout."""
    async with await psycopg.AsyncConnection.connect(database_url, application_name=name) as connection:
        sent = connection.pgconn
        sent.enter_pipeline_mode()
        for one in ("BEGIN", statement):
            sent.send_query_params(one.encode(), None)
        sent.send_flush_request()
        sent.flush()
        yield connection
        sent.finish()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_worker_that_stopped_in_the_middle_of_a_pipeline_holds_up_nobody(
    database_url: str, tmp_path: Path
) -> None:
    watch = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sleeper' AND state = 'active'")
    gone = sa.select(worker.c.id).where(worker.c.id == "sleeper")
    lock = "UPDATE lease SET until = until"
    async with world(database_url, tmp_path) as core:
        database = core.runtime.database
        async with database.write() as tx:
            await tx.execute(lease.insert().values(name="sweep", owner="sleeper", until=0.0))
        async with standing_still(database_url, "sleeper", lock):

            async def holds() -> bool:
                async with database.read() as tx:
                    return bool((await tx.execute(watch)).scalar_one())

            await core.until(holds)
            async with database.write() as tx:
                await tx.execute(worker.insert().values(id="sleeper", beat=0.0))

            async def taken_over() -> bool:
                async with database.read() as tx:
                    return (await tx.execute(gone)).first() is None

            await core.until(taken_over)
            assert not await holds()
