"""The schema of a database: its version, the way to the newest, and the mode that it is stamped with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tertulia.errors import Mistake, Unavailable, Unsafe
from tertulia.storage import tables
from tertulia.storage.database import Database, Tx, upsert

MIGRATIONS = Path(__file__).parent / "migrations"
MODE = "mode"


async def migrate(database: Database) -> None:
    """Bring the schema to the newest version in one transaction; a kill leaves it as it was."""
    try:
        async with database.write() as tx:
            if tx.dialect.name == "postgresql":
                # several workers may start at once
                await tx.execute(sa.text("SELECT pg_advisory_xact_lock(842300)"))
            await tx.run_sync(_upgrade)
    except sa.exc.OperationalError as error:
        raise Unavailable(
            f"TERTULIA_DATABASE_URL names a database that does not answer ({_first_line(error)}); start it, or mend "
            "the URL."
        ) from error


async def current(database: Database) -> str | None:
    """Return the version of the schema; `None` for an empty database."""
    async with database.read() as tx:
        return await tx.run_sync(_revision)


@cache
def newest() -> str:
    """Return the version of the schema that this code works with."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        raise Mistake("The package holds no migrations; install Tertulia again.")
    return head


async def mode(tx: Tx) -> str | None:
    """Return the mode that the database is stamped with."""
    value: str | None = await tx.scalar(sa.select(tables.stamp.c.value).where(tables.stamp.c.name == MODE))
    return value


async def stamp_mode(tx: Tx, wanted: str) -> None:
    """Stamp a new database with its mode; raises `Unsafe` where it was used in the other one."""
    stamped = await mode(tx)
    if stamped is None:
        used = await tx.scalar(sa.select(tables.organization.c.id).limit(1)) is not None
        if used and wanted != "production":
            raise Unsafe("TERTULIA_MODE is sandbox, but the database holds an organization; name an empty database.")
        await upsert(tx, tables.stamp, [{"name": MODE, "value": wanted}], keys=["name"])
        stamped = await mode(tx)
    if stamped != wanted:
        raise Unsafe(
            f"TERTULIA_MODE is {wanted}, but the database is stamped {stamped}; give each mode a database of its own."
        )


def _upgrade(connection: sa.Connection) -> None:
    revision = _revision(connection)
    if revision == newest():
        return
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if revision is not None and revision not in known:
        raise Unsafe(
            f"The database has schema {revision}, which is newer than this version of Tertulia knows ({newest()}); "
            "install the version that last used the database."
        )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _first_line(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0][:200]
