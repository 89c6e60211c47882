"""Who leads whom comes from the import's column `manager`, shown before it is done and kept apart from the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tertulia.services import importing, my_data
from tertulia.storage import tables
from tertulia.surveys.candle import responders

OpenWorld = Callable[[], Any]
FILE = """\
name,email,manager
Ana,ana@example.org,lea@example.org
Lea,lea@example.org,tom@example.org
Tom,tom@example.org,
Eve,eve@example.org,nobody@example.org
Sam,sam@example.org,SAM@example.org
"""


async def applied(world: Any, text: str) -> Any:
    async with world.database.write() as tx:
        return await importing.apply(world.runtime, tx, world.organization, world.workspace, text, actor="test")


async def ids(world: Any) -> dict[str, str]:
    async with world.database.read() as tx:
        return {row.email: row.id for row in await tx.execute(tables.person.select())}


async def managers(world: Any) -> dict[str, str]:
    named = {identifier: email for email, identifier in (await ids(world)).items()}
    async with world.database.read() as tx:
        found = await responders.managers_of(tx, world.organization)
    return {named[led].split("@")[0]: named[leader].split("@")[0] for led, leader in found.items()}


async def test_a_file_s_managers_are_kept_and_strangers_are_rejected(open_world: OpenWorld) -> None:
    async with open_world() as world:
        done = await applied(world, FILE)
        assert [line.email for line in done.added] == ["ana@example.org", "lea@example.org", "tom@example.org"]
        assert [(number, reason.split(";")[0]) for number, reason in done.rejected] == [
            (5, "manager is nobody here and on no line of the file"),
            (6, "manager is the person's own address"),
        ]
        assert await managers(world) == {"ana": "lea", "lea": "tom"}


async def test_a_change_is_planned_and_an_empty_cell_changes_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await applied(world, FILE)
        again = "name,email,manager\nAna,ana@example.org,tom@example.org\nLea,lea@example.org,\n"
        async with world.database.read() as tx:
            plan = await importing.plan(tx, world.organization, world.workspace, again)
        (change,) = plan.changed
        assert dict(change.fields) == {"manager": ("lea@example.org", "tom@example.org")}
        assert [line.email for line in plan.unchanged] == ["lea@example.org"]
        await applied(world, again)
        assert await managers(world) == {"ana": "tom", "lea": "tom"}
        assert (await applied(world, again)).changed == []


async def test_everybody_sees_by_whom_they_are_led(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await applied(world, FILE)
        ana = (await ids(world))["ana@example.org"]
        async with world.database.read() as tx:
            held = await my_data.collect(world.runtime, tx, world.organization, ana)
        assert held["reporting_line"] == [{"led_by": "Lea"}]
        assert held["candles"] == held["candle_keys"] == []
        assert "receipt" in held["anonymous_feedback"]
