"""Migrations make exactly the tables that the code works with, once, whole, and never backwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tertulia.errors import Mistake, Unsafe
from tertulia.storage import schema, tables
from tertulia.storage.database import Database


def differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, tables.metadata))


async def test_the_migrations_make_exactly_the_tables(empty_database_url: str) -> None:
    database = Database.open(empty_database_url)
    assert await schema.current(database) is None
    await schema.migrate(database)
    assert await schema.current(database) == schema.newest()
    async with database.write() as tx:
        assert await tx.run_sync(differences) == []
    await database.close()


def definitions(path: Path) -> dict[str, set[str]]:
    """Read what made every table and index, as sets of lines: the order of constraints means nothing."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    engine.dispose()
    return {name: {line.strip(" \t,").replace(" ,", ",") for line in sql.splitlines()} for name, sql in rows}


async def test_the_migrations_write_what_the_tables_would(tmp_path: Path) -> None:
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"
    database = Database.open(f"sqlite:///{migrated}")
    await schema.migrate(database)
    await database.close()
    database = Database.open(f"sqlite:///{made}")
    async with database.write() as tx:
        await tx.run_sync(tables.metadata.create_all)
    await database.close()
    first, second = definitions(migrated), definitions(made)
    first.pop("alembic_version")
    assert first == second


def test_the_chain_is_linear() -> None:
    scripts = list(ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions())
    assert len([script for script in scripts if script.is_head]) == 1
    assert all(isinstance(script.down_revision, str | None) for script in scripts)


async def test_migrating_again_or_from_several_workers_changes_nothing(empty_database_url: str) -> None:
    databases = [Database.open(empty_database_url) for _ in range(3)]
    await asyncio.gather(*(schema.migrate(database) for database in databases))
    async with databases[0].write() as tx:
        await schema.stamp_mode(tx, "production")
    await schema.migrate(databases[1])
    async with databases[2].read() as tx:
        assert await schema.mode(tx) == "production"
    for database in databases:
        await database.close()


async def test_a_newer_schema_is_refused(empty_database_url: str) -> None:
    database = Database.open(empty_database_url)
    await schema.migrate(database)
    async with database.write() as tx:
        await tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Mistake, match="9999, which is newer"):
        await schema.migrate(database)
    assert await schema.current(database) == "9999"
    await database.close()


async def test_a_server_that_does_not_answer_is_a_mistake() -> None:
    database = Database.open("postgresql://127.0.0.1:9/none?connect_timeout=2")
    with pytest.raises(Mistake, match="TERTULIA_DATABASE_URL"):
        await schema.migrate(database)
    await database.close()


@pytest.mark.parametrize(("first", "second"), [("production", "sandbox"), ("sandbox", "production")])
async def test_a_database_serves_one_mode_only(open_database: Any, first: str, second: str) -> None:
    async with open_database() as database:
        async with database.write() as tx:
            assert await schema.mode(tx) is None
            await schema.stamp_mode(tx, first)
            await schema.stamp_mode(tx, first)
        with pytest.raises(Unsafe, match=f"TERTULIA_MODE is {second}"):
            async with database.write() as tx:
                await schema.stamp_mode(tx, second)
        async with database.read() as tx:
            assert await schema.mode(tx) == first


MIGRATE = """
import asyncio, sys
from tertulia.storage import schema
from tertulia.storage.database import Database
print("ready", flush=True)
asyncio.run(schema.migrate(Database.open(sys.argv[1])))
"""


def start_and_kill(url: str, after: float) -> None:
    with subprocess.Popen([sys.executable, "-c", MIGRATE, url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        process.kill()


async def test_a_migration_that_is_killed_starts_over(empty_database_url: str) -> None:
    for after in (0.02, 0.08, 0.14):
        await asyncio.to_thread(start_and_kill, empty_database_url, after)
    database = Database.open(empty_database_url)
    await schema.migrate(database)
    assert await schema.current(database) == schema.newest()
    async with database.write() as tx:
        assert await tx.run_sync(differences) == []
    await database.close()
