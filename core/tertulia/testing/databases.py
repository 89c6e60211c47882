"""New databases for tests: an SQLite file starts as a copy of one that was migrated before in the same process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sqlalchemy as sa

from tertulia.storage import schema
from tertulia.storage.database import Database

_migrated: list[bytes] = []


async def prepare(database_url: str) -> None:
    """Make the tables of a new SQLite file at *database_url*; an existing file and PostgreSQL are left alone."""
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or Path(url.database).exists():
        return
    if not _migrated:
        _migrated.append(await _template())
    path = Path(url.database)
    path.touch(mode=0o600)
    path.write_bytes(_migrated[0])


async def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        database = Database.open(f"sqlite:///{path}")
        await schema.migrate(database)
        # the last connection to close brings everything into the one file
        await database.close()
        return path.read_bytes()
