"""Employment comes from a file: what is odd in it is told before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tertulia.errors import Mistake
from tertulia.services import employing, merging
from tertulia.storage import tables

OpenWorld = Callable[[], Any]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the database does not matter."""
FILE = """email;start_date;end_date;end_reason;worker_type;fte
ana@example.org;2024-01-01;2024-06-30;contract_end;freelancer;0.5
ana@example.org;2024-06-15;;;employee;1
ana@example.org;2024-08-01;;;employee;1
bob@example.org;2023-01-01;2023-12-31;voluntary;;
bob@example.org;2024-09-01;;;;
eve@example.org;2024-01-01;;;;
bob@example.org;2022-01-01;2021-01-01;;;
bob@example.org;2022-01-01;;voluntary;;
bob@example.org;2022-13-01;;;;
bob@example.org;2020-01-01;2020-02-01;bored;;
bob@example.org;2020-01-01;2020-02-01;other;;9
"""


@ON_SQLITE
async def test_a_dry_run_tells_what_is_odd_and_writes_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        await world.person(tx, "Ana")
        await world.person(tx, "Bob", worker_type="contractor")
        before = await world.dump(tx)
        found = await employing.plan(tx, world.organization, FILE)
        assert await world.dump(tx) == before
        assert [line.number for line, _ in found.added] == [2, 4, 5, 6]
        assert found.notices == [(4, "gap", 31), (6, "rehire", 244)]
        reasons = dict(found.rejected)
        assert list(reasons) == [3, 7, 8, 9, 10, 11, 12]
        assert "line 2" in reasons[3]
        assert "import the person first" in reasons[7]
        assert "before start_date" in reasons[8]
        assert "2026-03-31" in reasons[10]


async def test_an_import_is_kept_and_a_second_one_changes_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await world.person(tx, "Ana")
        await world.person(tx, "Bob", worker_type="contractor")
        of = (world.runtime, tx, world.organization)
        await employing.apply(*of, FILE, actor="test")
        spells = await employing.spells(tx, world.organization, world.workspace)
        assert {(one.start, one.end, one.worker_type) for one in spells if one.person == ana} == {
            (date(2024, 1, 1), date(2024, 6, 30), "freelancer"),
            (date(2024, 8, 1), None, "employee"),
        }
        assert {one.worker_type for one in spells if one.person != ana} == {"contractor"}
        again = await employing.apply(*of, FILE, actor="test")
        assert (len(again.added), len(again.changed), again.unchanged) == (0, 0, 4)
        ended = "email,start_date,end_date,end_reason\nana@example.org,2024-08-01,2024-12-31,voluntary\n"
        assert len((await employing.apply(*of, ended, actor="test")).changed) == 1
        overlap = "email,start_date\nana@example.org,2024-12-01\n"
        assert "imported before" in (await employing.plan(tx, world.organization, overlap)).rejected[0][1]
        verbs = [row["verb"] for row in (await world.dump(tx))["audit"]]
        assert verbs.count("employment.import") == 3


@ON_SQLITE
async def test_memberships_stand_in_and_merged_persons_are_one(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, twin = await world.person(tx, "Ana"), await world.person(tx, "Twin")
        table = tables.membership
        await tx.execute(table.update().where(table.c.person_id == twin).values(left_at=world.clock.now()))
        today = world.clock.now().date()
        found = await employing.spells(tx, world.organization, world.workspace)
        assert {(one.person, one.start, one.end) for one in found} == {(ana, today, None), (twin, today, today)}
        file = "email,start_date\ntwin@example.org,2020-01-01\n"
        await employing.apply(world.runtime, tx, world.organization, file, actor="test")
        await merging.merge(world.runtime, tx, world.organization, kept=ana, gone=twin, actor="test")
        found = await employing.spells(tx, world.organization, world.workspace)
        assert [(one.person, one.start, one.end) for one in found] == [(ana, date(2020, 1, 1), None)]


@pytest.mark.parametrize("text", ["", "email\na@b.c", "email,start_date,salary\n", "email,start_date,start_date\n"])
@ON_SQLITE
async def test_a_file_that_is_none_is_a_mistake(open_world: OpenWorld, text: str) -> None:
    async with open_world() as world, world.database.write() as tx:
        with pytest.raises(Mistake):
            await employing.plan(tx, world.organization, text)
