"""SQLAlchemy's dialect for aiosqlite with one journey to the connection's thread for each statement.

The stock dialect goes there four times: for the cursor, the execution, the rows and the end of the cursor. Each
journey costs more than the short statements that an answer is made of.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)

DRIVER = "sqlite+journey"


class Outcome(NamedTuple):
    """Hold what a statement left behind once its cursor is closed."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


def run(connection: sqlite3.Connection, statement: str, parameters: Any, *, many: bool = False) -> Outcome:
    """Execute *statement* and fetch all its rows, in the connection's own thread."""
    cursor = connection.cursor()
    try:
        if many:
            cursor.executemany(statement, parameters)
        else:
            cursor.execute(statement, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return Outcome(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """Make the journey when something is executed; opening and closing are free."""

    __slots__ = ("_outcome", "arraysize")
    _awaitable_cursor_close = False

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection):
        self._adapt_connection, self._connection = adapt_connection, adapt_connection._connection
        self._outcome, self._rows, self.arraysize = Outcome(), deque(), 1

    @property
    def description(self) -> Any:
        """Describe the columns; `None` where the statement has none."""
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        """Return how many rows were changed."""
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> Any:
        """Return the number of the row that was added last."""
        return self._outcome.lastrowid

    def close(self) -> None:
        """Forget the rows; the cursor of SQLite is closed already."""
        self._rows.clear()

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._journey(operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._journey(operation, seq_of_parameters, many=True)

    async def _journey(self, statement: str, parameters: Any, *, many: bool = False) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._outcome = await connection._execute(run, connection._conn, statement, parameters, many=many)
        self._rows = deque(self._outcome.rows)


class Connection(AsyncAdapt_aiosqlite_connection):
    """Hand out such cursors."""

    __slots__ = ()
    _cursor_cls = Cursor  # type: ignore[assignment]  # the stock annotation names the class, not its kind


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """Open such connections."""

    def connect(self, *arg: Any, **kw: Any) -> Connection:
        """Connect as the stock driver does."""
        return Connection(self, super().connect(*arg, **kw)._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """Be the stock dialect but for the journeys."""

    driver = "journey"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Driver:
        """Return the driver."""
        return Driver(__import__("aiosqlite"), sqlite3)


registry.register(DRIVER.replace("+", "."), __name__, "Dialect")
