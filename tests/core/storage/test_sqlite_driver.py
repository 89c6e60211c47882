"""The dialect does what SQLAlchemy's own for aiosqlite does, statement by statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tertulia.storage import sqlite_driver

DRIVERS = (sqlite_driver.DRIVER, "sqlite+aiosqlite")
METADATA = sa.MetaData()
THING = sa.Table(
    "thing",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20), nullable=False, unique=True),
    sa.Column("data", sa.JSON),
)


@asynccontextmanager
async def connected(driver: str, folder: Path) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(f"{driver}:///{folder / driver.replace('+', '-')}.db")
    try:
        async with engine.begin() as tx:
            await tx.run_sync(METADATA.create_all)
        async with engine.connect() as tx:
            yield tx
    finally:
        await engine.dispose()


async def trace(tx: AsyncConnection) -> list[Any]:
    """Do one of everything, and note what comes back."""
    seen: list[Any] = []
    rows = [{"name": f"n{number}", "data": {"number": number}} for number in range(5)]
    added = await tx.execute(THING.insert(), rows[0])
    seen += [added.inserted_primary_key, added.rowcount]
    seen.append((await tx.execute(THING.insert().execution_options(preserve_rowcount=True), rows[1:])).rowcount)
    returning = THING.insert().values(name="new").returning(THING.c.id, THING.c.name)
    seen.append((await tx.execute(returning)).all())
    seen.append([tuple(row) for row in await tx.execute(sa.select(THING).order_by(THING.c.id))])
    seen.append((await tx.execute(sa.select(THING.c.name).where(THING.c.id == 99))).one_or_none())
    result = await tx.execute(sa.select(THING.c.id, THING.c.data))
    seen += [list(result.keys()), result.fetchmany(2), result.first()]
    seen.append((await tx.execute(THING.update().where(THING.c.id < 3).values(data=None))).rowcount)
    streamed = await tx.stream(sa.select(THING.c.name).order_by(THING.c.name))
    seen.append([row.name async for row in streamed])
    await tx.rollback()
    seen.append(await tx.scalar(sa.select(sa.func.count()).select_from(THING)))
    return seen


async def test_statements_leave_behind_what_they_do_with_the_stock_dialect(tmp_path: Path) -> None:
    traces = []
    for driver in DRIVERS:
        async with connected(driver, tmp_path) as tx:
            traces.append(await trace(tx))
    assert traces[0] == traces[1]
    assert traces[0][-1] == 0


@pytest.mark.parametrize("driver", DRIVERS)
async def test_errors_keep_their_kind_and_the_connection_goes_on(tmp_path: Path, driver: str) -> None:
    async with connected(driver, tmp_path) as tx:
        await tx.execute(THING.insert().values(name="one"))
        with pytest.raises(sa.exc.IntegrityError):
            await tx.execute(THING.insert().values(name="one"))
        with pytest.raises(sa.exc.OperationalError):
            await tx.execute(sa.text("SELECT nothing FROM nowhere"))
        assert await tx.scalar(sa.select(THING.c.name)) == "one"
