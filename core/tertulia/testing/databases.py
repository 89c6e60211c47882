"""New databases for tests: an SQLite file starts as a copy of one that was migrated before in the same process."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import sqlalchemy as sa

from tertulia.storage import schema
from tertulia.storage.database import Database

_migrated: list[bytes] = []


async def prepare(database_url: str) -> None:
    """Make the tables of a new SQLite file at *database_url*; an existing file and PostgreSQL are left alone."""
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database)
        if await asyncio.to_thread(path.exists):
            return
        if not _migrated:
            _migrated.append(await _template())
        await asyncio.to_thread(_write, path, _migrated[0])


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


async def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        database = Database.open(f"sqlite:///{path}")
        await schema.migrate(database)
        # the last connection to close brings everything into the one file
        await database.close()
        return await asyncio.to_thread(path.read_bytes)
