"""One database, SQLite or PostgreSQL: transactions, group commits and upserts.

SQLite: one connection writes, every writing transaction begins IMMEDIATE, WAL with synchronous=FULL; readers use
their own query-only connections and never checkpoint. PostgreSQL: a pool that checks its connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Tx: TypeAlias = AsyncConnection
T = TypeVar("T")
Work: TypeAlias = Callable[[Tx], Awaitable[T]]
GROUP = 200
"""At most that many pieces of work share one commit."""


class Database:
    """Open transactions on one database; made by `Database.open`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine):
        self._writer, self._reader = writer, reader
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committer: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, url: str, *, checkpoints: bool = True, pool: int = 8) -> Database:
        """Open *url*: `sqlite:///path` or `postgresql://…`.

        *checkpoints* is false for a second process beside a service on SQLite: one connection checkpoints only.
        """
        if url.startswith("sqlite"):
            asynchronous = url.replace("sqlite://", "sqlite+aiosqlite://", 1)
            writer = create_async_engine(asynchronous, pool_size=1, max_overflow=0, pool_timeout=120)
            reader = create_async_engine(asynchronous, pool_size=4, max_overflow=0, pool_timeout=120)
            _prepare(writer, query_only=False, checkpoints=checkpoints)
            _prepare(reader, query_only=True, checkpoints=False)
            return cls(writer, reader)
        asynchronous = url.replace("postgresql://", "postgresql+psycopg://", 1)
        engine = create_async_engine(asynchronous, pool_size=pool, max_overflow=4, pool_pre_ping=True)
        return cls(engine, engine)

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._writer.dialect.name

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """Open the one transaction of a request or task; it commits at the end, or rolls back on an exception."""
        async with self._writer.begin() as tx:
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Open a transaction that only reads."""
        async with self._reader.connect() as tx:
            yield tx

    async def group(self, work: Work[T]) -> T:
        """Run *work* in a transaction shared with whatever else waits, and return after the commit.

        Where the shared transaction fails, each piece runs again in one of its own, so that a failure stays with
        its owner; *work* must therefore have no effect outside the transaction.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        return await asyncio.shield(future)

    async def _commit_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                async with self.write() as tx:
                    results = [await work(tx) for work, _ in batch]
            except Exception:
                for work, future in batch:
                    await self._commit_one(work, future)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    future.set_result(result)

    async def _commit_one(self, work: Work[Any], future: asyncio.Future[Any]) -> None:
        try:
            async with self.write() as tx:
                result = await work(tx)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def raw_writer(self) -> AsyncEngine:
        """Return the writing engine, for migrations and backups."""
        return self._writer

    async def close(self) -> None:
        """Let waiting work commit and close all connections."""
        if self._committer is not None:
            await self._committer
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def _prepare(engine: AsyncEngine, *, query_only: bool, checkpoints: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # the driver must not begin transactions by itself: `begin` below does, in the mode we want
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=30000")
        if not query_only:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
        if not checkpoints:
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        if query_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")


async def upsert(
    tx: Tx,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str] = (),
) -> int:
    """Insert *rows*; where *keys* are taken, overwrite the columns *update*, or leave the row if there are none.

    Returns how many rows were inserted or changed (for a single row; for several the driver may not say: -1).
    """
    if not rows:
        return 0
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(table)
    if update:
        statement = statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    result = await tx.execute(statement, [dict(row) for row in rows] if len(rows) > 1 else dict(rows[0]))
    return int(result.rowcount)
