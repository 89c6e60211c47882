"""An export reads many rounds in few statements, and the oldest comes first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.services import exporting, rounds

OpenStation = Callable[[], AbstractAsyncContextManager[Any]]
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def test_many_rounds_take_as_few_statements_as_one(open_station: OpenStation) -> None:
    async with open_station() as station:
        await station.program()
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        async def stood() -> list[str]:
            asked.clear()
            async with station.database.read() as tx:
                return [one.round.id async for one in exporting.stood(tx, station.organization, station.workspace)]

        first = await station.round(opens=MONDAY)
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            assert await stood() == [first]
            few = len(asked)
            more = [await station.round(opens=MONDAY - timedelta(days=day)) for day in range(1, 8)]
            assert await stood() == [*reversed(more), first]
            assert len(asked) == few
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        async with station.database.read() as tx:
            found = [one async for one in exporting.stood(tx, station.organization, station.workspace)]
            assert found == [await rounds.progress(tx, station.organization, one.round.id) for one in found]
            assert [one async for one in exporting.stood(tx, "0" * 32, station.workspace)] == []
