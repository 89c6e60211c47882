"""One database, SQLite or PostgreSQL: transactions, group commits and upserts.

SQLite: one connection writes, every writing transaction begins IMMEDIATE, WAL with synchronous=FULL; readers use
their own query-only connections and never checkpoint. PostgreSQL: a pool that checks its connections.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tertulia.errors import Mistake
from tertulia.storage import sqlite_driver

Tx: TypeAlias = AsyncConnection
T = TypeVar("T")
Work: TypeAlias = Callable[[Tx], Awaitable[T]]
GROUP = 200
"""At most that many pieces of work share one commit."""
ABANDONED = 30.0
"""After so many idle seconds PostgreSQL ends a transaction: a worker that stands still must not hold up others."""
LONGEST_CLOSE = 10.0
"""Real seconds for which closing waits for transactions that are still open."""

ATTEMPTS = 3
"""How often a piece of work runs that PostgreSQL rolled back to resolve a deadlock."""


class Database:
    """Open transactions on one database; made by `Database.open`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, name: str):
        self._writer, self._reader, self.name = writer, reader, name
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committer: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, url: str, *, checkpoints: bool = True, pool: int = 8, abandoned: float = ABANDONED) -> Database:
        """Open *url*: `sqlite:///path` or `postgresql://…`.

        *checkpoints* is false for a second process beside a service on SQLite: one connection checkpoints only.
        On PostgreSQL the server ends a transaction that stands idle for *abandoned* seconds, and frees its locks; and
        it knows the sessions of this process by a `name` that no other process has (see `cut_off`).
        """
        name = _unique_name()
        if url.startswith("sqlite"):
            _make_private(sa.make_url(url).database)
            asynchronous = url.replace("sqlite", sqlite_driver.DRIVER, 1)
            writer = create_async_engine(
                asynchronous, pool_size=1, max_overflow=0, pool_timeout=120, hide_parameters=True
            )
            reader = create_async_engine(
                asynchronous, pool_size=4, max_overflow=0, pool_timeout=120, hide_parameters=True
            )
            _prepare(writer, query_only=False, checkpoints=checkpoints)
            _prepare(reader, query_only=True, checkpoints=False)
            return cls(writer, reader, name)
        asynchronous = url.replace("postgresql://", "postgresql+psycopg://", 1)
        options = {
            "options": f"-c idle_in_transaction_session_timeout={int(abandoned * 1000)}",
            "application_name": name,
        }
        engine = create_async_engine(
            asynchronous,
            pool_size=pool,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=options,
        )
        return cls(engine, engine.execution_options(postgresql_readonly=True), name)

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

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Tx]:
        """Open a transaction that reads one state of the whole database, however long it takes."""
        engine = self._reader
        if self.dialect == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        async with engine.connect() as tx:
            yield tx

    async def group(self, work: Work[T]) -> T:
        """Run *work* in a transaction shared with whatever else waits, and return after the commit.

        Where the shared transaction fails, its halves run again, down to a single piece, so that a failure stays
        with its owner; *work* must therefore have no effect outside the transaction.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieved)
        self._waiting.append((work, future))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        return await asyncio.shield(future)

    async def _commit_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                await self._commit(batch)
            except BaseException as error:
                # the loop ends: whoever waits must not wait for ever
                for _, future in [*batch, *self._waiting]:
                    if not future.done():
                        future.set_exception(ConnectionAbortedError("the commit was given up"))
                self._waiting.clear()
                raise error

    async def _commit(self, batch: Sequence[tuple[Work[Any], asyncio.Future[Any]]], attempt: int = 1) -> None:
        try:
            async with self.write() as tx:
                results = [await work(tx) for work, _ in batch]
        except Exception as error:
            if len(batch) > 1 and not _lost(error):
                middle = len(batch) // 2
                await self._commit(batch[:middle])
                await self._commit(batch[middle:])
            elif len(batch) == 1 and attempt < ATTEMPTS and _deadlocked(error):
                await self._commit(batch, attempt + 1)
            else:
                for _, future in batch:
                    future.set_exception(error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    async def cut_off(self, names: Collection[str]) -> int:
        """End the transactions of processes that stopped, so that their locks hold up nobody; returns how many.

        A server notices by itself that a client is gone, and that it idles, but not that it stands still while it
        sends: in the middle of a pipeline no timeout of PostgreSQL runs. Elsewhere than there this does nothing.
        """
        if self.dialect != "postgresql":
            return 0
        async with self.read() as tx:
            return len((await tx.execute(_CUT_OFF, {"names": list(names)})).all())

    def raw_writer(self) -> AsyncEngine:
        """Return the writing engine, for migrations."""
        return self._writer

    async def close(self) -> None:
        """Let waiting work commit, and whoever still reads come to an end, and close all connections."""
        while self._committer is not None and not self._committer.done():
            await self._committer
        # a request whose browser went away ends by itself and unawaited; its connection would come back too late
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_CLOSE):
                while _in_use(self._reader) or _in_use(self._writer):  # noqa: ASYNC110 - a pool has no event for it
                    await asyncio.sleep(0.005)
        # the last connection to close checkpoints: on SQLite that must be the writer
        await self._reader.dispose()
        await self._writer.dispose()


async def present(tx: Tx) -> float:
    """Return the seconds since 1970 by one clock for all processes: the server's, or on SQLite our own."""
    if tx.dialect.name != "postgresql":
        return time.time()
    return float((await tx.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one())


_CUT_OFF = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name IN :names AND usename = current_user AND xact_start IS NOT NULL"
).bindparams(sa.bindparam("names", expanding=True))


def _in_use(engine: AsyncEngine) -> bool:
    return isinstance(engine.pool, sa.QueuePool) and engine.pool.checkedout() > 0


def _unique_name() -> str:
    # at most 63 bytes, more PostgreSQL cuts off; never shared: work is recovered by the name of its process
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def _retrieved(future: asyncio.Future[Any]) -> None:
    """Take the outcome of work whose waiter was cancelled, which asyncio would otherwise report as forgotten."""
    if not future.cancelled():
        future.exception()


def _lost(error: Exception) -> bool:
    """Tell whether the connection broke: the commit may have happened, so nothing of it may run again."""
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


def _deadlocked(error: Exception) -> bool:
    return isinstance(error, sa.exc.DBAPIError) and getattr(error.orig, "sqlstate", None) in ("40P01", "40001")


def _make_private(path: str | None) -> None:
    """Create the file of an SQLite database for its owner only; the WAL beside it takes the same mode."""
    if not path or path.startswith(":"):
        raise Mistake("TERTULIA_DATABASE_URL names no file; write sqlite:///path or postgresql://….")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        reason = error.strerror
        raise Mistake(
            f"TERTULIA_DATABASE_URL names {path}, which cannot be opened ({reason}); mend the path."
        ) from None


def _prepare(engine: AsyncEngine, *, query_only: bool, checkpoints: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        try:
            _set_up(connection, query_only=query_only, checkpoints=checkpoints)
        except BaseException:
            # SQLAlchemy forgets a connection whose set-up is cancelled, and its thread would go on
            connection.terminate()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")


def _set_up(connection: Any, *, query_only: bool, checkpoints: bool) -> None:
    # the driver must not begin transactions by itself: `begin` above does, in the mode we want
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
    statement = _upsert(tx.dialect.name, table, tuple(keys), tuple(update))
    result = await tx.execute(statement, [dict(row) for row in rows] if len(rows) > 1 else dict(rows[0]))
    return int(result.rowcount)


@lru_cache(maxsize=256)
def _upsert(dialect: str, table: sa.Table, keys: tuple[str, ...], update: tuple[str, ...]) -> sa.Executable:
    statement: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    if update:
        statement = statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in update}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    # for an INSERT the driver's count is gone with its cursor, unless it is asked for
    made: sa.Executable = statement.execution_options(preserve_rowcount=True)
    return made
