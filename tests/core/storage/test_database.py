"""Transactions, group commits and upserts, on both databases."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import stat
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.tables import rate, stamp


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Database]:
    database = Database.open(url, **options)
    try:
        yield database
    finally:
        await database.close()


async def names(database: Database) -> list[str]:
    async with database.read() as tx:
        return list((await tx.execute(sa.select(stamp.c.name).order_by(stamp.c.name))).scalars())


def put(name: str, *, fail: bool = False) -> Any:
    async def work(tx: Tx) -> str:
        await tx.execute(stamp.insert().values(name=name, value=""))
        if fail:
            raise ValueError(name)
        return name

    return work


async def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_exception(open_database: Any) -> None:
    async with open_database() as database:
        async with database.write() as tx:
            await put("kept")(tx)
        with pytest.raises(ValueError, match="dropped"):
            async with database.write() as tx:
                await put("dropped", fail=True)(tx)
        assert await names(database) == ["kept"]


async def test_a_reader_cannot_write(open_database: Any) -> None:
    async with open_database() as database:
        for opened in (database.read, database.snapshot):
            with pytest.raises(sa.exc.DBAPIError):
                async with opened() as tx:
                    await put("a")(tx)
        async with database.write() as tx:
            await put("b")(tx)
        assert await names(database) == ["b"]


async def test_a_snapshot_does_not_see_later_commits(open_database: Any) -> None:
    async with open_database() as database:
        count = sa.select(sa.func.count()).select_from(stamp)
        async with database.snapshot() as tx:
            assert await tx.scalar(count) == 0
            async with database.write() as other:
                await put("later")(other)
            assert await tx.scalar(count) == 0
        assert await names(database) == ["later"]


async def test_a_writing_transaction_that_reads_first_never_loses_the_lock(open_database: Any) -> None:
    async with open_database() as database:
        async with database.write() as tx:
            await upsert(tx, rate, [{"key": "n", "tat": 0}], keys=["key"])

        async def increase() -> None:
            async with database.write() as tx:
                value = await tx.scalar(sa.select(rate.c.tat).where(rate.c.key == "n").with_for_update())
                await tx.execute(rate.update().values(tat=value + 1))

        await asyncio.gather(*(increase() for _ in range(50)))
        async with database.read() as tx:
            assert await tx.scalar(sa.select(rate.c.tat)) == 50


async def test_two_processes_on_sqlite_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "two.db"
    first, second = Database.open(f"sqlite:///{path}"), Database.open(f"sqlite:///{path}", checkpoints=False)
    async with first.write() as tx:
        await tx.run_sync(stamp.metadata.create_all)
    await asyncio.gather(*(d.group(put(f"{i}-{j}")) for i, d in enumerate((first, second)) for j in range(100)))
    assert len(await names(first)) == 200
    await second.close()
    await first.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(failing=st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_failing_piece_of_a_group_hurts_only_its_owner(tmp_path_factory: Any, failing: list[bool]) -> None:
    async def scenario() -> None:
        database = Database.open(f"sqlite:///{tmp_path_factory.mktemp('group') / 'a.db'}")
        async with database.write() as tx:
            await tx.run_sync(stamp.metadata.create_all)
        works = [put(f"{index:03}", fail=fail) for index, fail in enumerate(failing)]
        outcomes = await asyncio.gather(*(database.group(work) for work in works), return_exceptions=True)
        for index, (fail, outcome) in enumerate(zip(failing, outcomes, strict=True)):
            assert isinstance(outcome, ValueError) if fail else outcome == f"{index:03}"
        assert await names(database) == [f"{index:03}" for index, fail in enumerate(failing) if not fail]
        await database.close()

    asyncio.run(scenario())


async def test_a_failing_statement_hurts_only_its_owner(open_database: Any) -> None:
    async with open_database() as database:
        outcomes = await asyncio.gather(
            *(database.group(put("same" if index % 10 == 0 else str(index))) for index in range(50)),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, sa.exc.IntegrityError) for outcome in outcomes) == 4
        assert len(await names(database)) == 46


async def test_group_returns_after_the_commit(open_database: Any) -> None:
    async with open_database() as database:
        assert await database.group(put("a")) == "a"
        assert await names(database) == ["a"]


async def test_a_cancelled_waiter_leaves_its_work_to_commit_or_fail_quietly(open_database: Any) -> None:
    async with open_database() as database:
        reports: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
        waiters = [
            asyncio.create_task(database.group(put(str(index), fail=index == 3)), name=str(index))
            for index in range(6)
        ]
        await asyncio.sleep(0)
        for waiter in waiters[2:5]:
            waiter.cancel()
        outcomes = await asyncio.gather(*waiters, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [False, False] + [
            True
        ] * 3 + [False]
        del waiters, outcomes
        await database.close()
        assert await names(database) == ["0", "1", "2", "4", "5"]
        assert reports == []


async def test_closing_lets_waiting_work_commit(database_url: str) -> None:
    database = Database.open(database_url)
    async with database.write() as tx:
        await tx.run_sync(stamp.metadata.create_all)
    waiters = [asyncio.create_task(database.group(put(f"{index:03}"))) for index in range(450)]
    await asyncio.sleep(0.02)
    await database.close()
    assert len(await asyncio.gather(*waiters)) == 450
    again = Database.open(database_url)
    assert len(await names(again)) == 450
    await again.close()


async def test_a_cancelled_transaction_leaves_nothing_behind(open_database: Any) -> None:
    async with open_database() as database:
        chance = random.Random(7)
        finished: list[str] = []

        async def two(name: str) -> None:
            async with database.write() as tx:
                await put(f"{name}a")(tx)
                await put(f"{name}b")(tx)
            finished.append(name)

        for index in range(30):
            task = asyncio.create_task(two(f"{index:02}"))
            await asyncio.sleep(chance.random() * 0.006)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(two("zz"), 10)
        kept = await names(database)
        assert {name[:2] for name in kept if name.endswith("a")} == {name[:2] for name in kept if name.endswith("b")}
        assert set(finished) <= {name[:2] for name in kept}


async def test_two_thousand_small_inserts_are_grouped(open_database: Any) -> None:
    async with open_database() as database:
        started = time.monotonic()
        await asyncio.gather(*(database.group(put(str(index))) for index in range(2000)))
        assert time.monotonic() - started < 15
        assert len(await names(database)) == 2000


async def test_only_the_writer_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "wal.db"
    database = Database.open(f"sqlite:///{path}")
    async with database.write() as tx:
        await tx.run_sync(stamp.metadata.create_all)
    async with database.read() as tx:
        assert await tx.scalar(sa.text("PRAGMA wal_autocheckpoint")) == 0
        assert await tx.scalar(sa.text("PRAGMA query_only")) == 1
    async with database.write() as tx:
        assert await tx.scalar(sa.text("PRAGMA wal_autocheckpoint")) == 1000
        assert await tx.scalar(sa.text("PRAGMA synchronous")) == 2
        assert await tx.scalar(sa.text("PRAGMA foreign_keys")) == 1
        assert await tx.scalar(sa.text("PRAGMA journal_mode")) == "wal"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(f"{path}-wal").stat().st_mode) == 0o600
    await database.close()
    assert not Path(f"{path}-wal").exists()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_upsert_inserts_overwrites_or_leaves(open_database: Any) -> None:
    async with open_database() as database:
        async with database.write() as tx:
            assert await upsert(tx, rate, [], keys=["key"]) == 0
            assert await upsert(tx, rate, [{"key": "a", "tat": 1}], keys=["key"]) == 1
            assert await upsert(tx, rate, [{"key": "a", "tat": 2}], keys=["key"]) == 0
            assert await upsert(tx, rate, [{"key": "a", "tat": 3}], keys=["key"], update=["tat"]) == 1
            await upsert(tx, rate, [{"key": "a", "tat": 9}, {"key": "b", "tat": 4}], keys=["key"])
        async with database.read() as tx:
            rows = await tx.execute(sa.select(rate.c.key, rate.c.tat))
            assert {row.key: row.tat for row in rows} == {"a": 3, "b": 4}


@pytest.mark.parametrize("path", ["sqlite://", "sqlite:///:memory:", "sqlite:////nowhere/at/all.db"])
def test_a_database_without_a_file_is_refused(path: str) -> None:
    with pytest.raises(Mistake, match="TERTULIA_DATABASE_URL"):
        Database.open(path)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_worker_that_stands_still_in_a_transaction_does_not_hold_up_the_others(database_url: str) -> None:
    async with opened(database_url, abandoned=0.5) as sleeper, opened(database_url) as other:
        async with other.write() as tx:
            await put("wanted by both")(tx)
        change = sa.update(stamp).where(stamp.c.name == "wanted by both")

        async def sleep_in_a_transaction() -> None:
            async with sleeper.write() as tx:
                await tx.execute(change.values(value="sleeper"))
                async with other.write() as theirs:
                    await theirs.execute(change.values(value="other"))
                await tx.execute(change.values(value="awake too late"))

        with pytest.raises(sa.exc.DBAPIError, match="idle-in-transaction"):
            await sleep_in_a_transaction()
        async with sleeper.read() as tx:
            assert (await tx.execute(sa.select(stamp.c.value))).scalar_one() == "other"


async def test_closing_waits_for_who_still_reads(database_url: str) -> None:
    database = Database.open(database_url)
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def look() -> list[str]:
        async with database.read() as tx:
            begun.set()
            await go_on.wait()
            found = list((await tx.execute(sa.select(stamp.c.name))).scalars())
        ended.set()
        return found

    looking = asyncio.create_task(look())
    await begun.wait()
    closing = asyncio.create_task(database.close())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not closing.done(), "somebody reads"
    go_on.set()
    await closing
    assert ended.is_set()
    assert await looking == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_closing_leaves_no_connection_behind_that_somebody_gave_up(database_url: str) -> None:
    def connections() -> int:
        return sum("_connection_worker_thread" in thread.name for thread in threading.enumerate())

    async def look(database: Database) -> None:
        async with database.read() as tx:
            await tx.execute(sa.select(stamp.c.name))

    before = connections()
    for turns in range(0, 600, 10):
        database = Database.open(database_url)
        # the first connection is taken, so that the second has to be opened
        async with database.read() as tx:
            await tx.execute(sa.select(stamp.c.name))
            looking = asyncio.create_task(look(database))
            for _ in range(turns):
                await asyncio.sleep(0)
            looking.cancel()
        # nobody waits for a request whose browser went away
        await database.close()
    async with asyncio.timeout(60):
        while connections() > before:  # noqa: ASYNC110 - a thread's end has no event
            await asyncio.sleep(0.01)
