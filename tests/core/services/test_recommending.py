"""Recommendations, benchmarks and readers as rows, on both kinds of database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake
from tertulia.measures.figures import week
from tertulia.services import overview, recommending
from tertulia.services import people as staffing
from tertulia.storage import measures, people, tables

OpenWorld = Callable[[], AbstractAsyncContextManager[Any]]
CSV = (
    "component,name,value,n,ended,source,license\n"
    "recommendation,A vendor,27,0,2025-09-30,its summary,context only\n"
    "belonging,A study,61.5,1200,2025-12-31,a journal,CC-BY-4.0\n"
)


async def home_of(world: Any) -> Any:
    async with world.database.read() as tx:
        return await people.workspace(tx, world.organization, world.workspace)


async def tied(world: Any, weeks_ago: int, value: float) -> None:
    """Let ties across teams be published for a week."""
    period = week(world.clock.now() - timedelta(weeks=weeks_ago))
    whose = {"organization_id": world.organization, "workspace_id": world.workspace, "family": "ties"}
    ends = {"period": period.key, "ended_at": period.end, "published_at": period.end}
    figure = {"key": "ei_team", "about": "", "group_key": "[]", "group_family": "company", "position": 0}
    numbers = {"value": value, "low": value - 0.02, "high": value + 0.02, "n": 100, "unit": "index"}
    said = {"withheld": None, "formula": "ties-ei", "source": "test"}
    async with world.database.write() as tx:
        assert await measures.add(tx, {**whose, **ends}, [], [{**figure, **numbers, **said}])


async def fallen(world: Any) -> None:
    for back, value in ((40, 0.1), (28, 0.1), (14, 0.12), (1, -0.2)):
        await tied(world, back, value)


async def test_workers_that_look_over_at_once_make_each_recommendation_once(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await fallen(world)
        await asyncio.gather(*(recommending.look_over(world.runtime, {}) for _ in range(3)))
        home = await home_of(world)
        async with world.database.read() as tx:
            known = await recommending.listed(tx, home)
            count = await tx.scalar(sa.select(sa.func.count()).select_from(tables.recommendation))
        assert [one.rule.key for one in known] == ["cross-team-coffee", "offsite"]
        assert count == 2
        assert known[0].seen["status"] == "worsened"
        assert known[0].expires_at == world.clock.now() + timedelta(days=42)


async def test_what_is_wrong_in_one_workspace_keeps_no_other_waiting(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await fallen(world)
        async with world.database.write() as tx:
            whose = (world.runtime, tx, world.organization)
            broken = [await staffing.create_workspace(*whose, name=f"W{one}", actor="test") for one in range(4)]
            for one in broken:
                row = {"organization_id": world.organization, "workspace_id": one, "component": "reach"}
                said = {"name": "x", "value": 1.0, "n": 0, "ended": "no day", "source": "x", "license": "x"}
                await tx.execute(tables.benchmark.insert().values(**row, **said))
        await recommending.look_over(world.runtime, {})
        home = await home_of(world)
        async with world.database.read() as tx:
            assert len(await recommending.listed(tx, home)) == 2


async def test_each_decision_is_audited_and_made_once(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await fallen(world)
        await recommending.look_over(world.runtime, {})
        home = await home_of(world)
        async with world.database.write() as tx:
            coffee, offsite = await recommending.listed(tx, home)
            who = await world.person(tx, "Ana")
            stranger = await world.person(tx, "Ben", member=False)
            with pytest.raises(Mistake, match="must be a member"):
                await recommending.accept(world.runtime, tx, home, coffee, actor="test", owner=stranger, apply=False)
            done = await recommending.accept(world.runtime, tx, home, coffee, actor="test", owner=who, apply=False)
            assert (done.state, done.owner, done.program_version) == ("accepted", who, None)
            assert done.judge_at == world.clock.now() + timedelta(weeks=13)
            with pytest.raises(Mistake, match="accepted already"):
                await recommending.decline(world.runtime, tx, home, done, actor="test", reason="no")
            with pytest.raises(Mistake, match="504 letters"):
                await recommending.decline(world.runtime, tx, home, offsite, actor="test", reason="a\x00" * 504)
            await recommending.decline(world.runtime, tx, home, offsite, actor="test", reason=" no\nbudget ")
            rows = await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence))
            noted = [(row.verb, row.detail["rule"]) for row in rows if row.verb.startswith("recommendation.")]
            (said,) = [one.reason for one in await recommending.listed(tx, home) if one.state == "declined"]
        assert noted == [
            ("recommendation.accepted", "cross-team-coffee"),
            ("recommendation.declined", "offsite"),
        ]
        assert said == "no budget"
        await tied(world, -26, -0.5)
        world.clock.set(world.clock.now() + timedelta(weeks=27))
        await recommending.look_over(world.runtime, {})
        async with world.database.read() as tx:
            states = [(one.rule.key, one.state) for one in await recommending.listed(tx, home)]
        assert ("offsite", "open") in states  # after half a year it may be said again
        assert ("cross-team-coffee", "judged") in states


async def test_benchmarks_are_kept_whole_or_not_at_all(open_world: OpenWorld) -> None:
    async with open_world() as world:
        home = await home_of(world)

        async def given(text: str) -> int:
            async with world.database.write() as tx:
                return await overview.import_benchmarks(world.runtime, tx, home, text, actor="test")

        assert await given("\ufeff" + CSV) == 2
        wrong = {
            "first line": "component,value\n",
            "no component": CSV + "morale,A,1,1,2026-01-01,b,c\n",
            "like 2026-09-30": CSV + "reach,A,1,1,yesterday,b,c\n",
            "license has 0 letters": CSV + "reach,A,1,1,2026-01-01,b,\n",
            "goes from -100 to 100": CSV + "reach,A,nan,1,2026-01-01,b,c\n",
            "n as a whole one": CSV + "reach,A,1,many,2026-01-01,b,c\n",
        }
        for said, text in wrong.items():
            with pytest.raises(Mistake, match=said):
                await given(text)
        async with world.database.read() as tx:
            kept = (await overview.build(world.runtime, tx, home)).standings
            rows = (await tx.execute(sa.select(tables.benchmark))).all()
        assert {row.component: row.value for row in rows} == {"recommendation": 27, "belonging": 61.5}
        assert all(one.benchmark is None for one in kept)  # nothing of ours to set beside yet


async def test_who_reads_is_one_word_and_audited(open_world: OpenWorld) -> None:
    async with open_world() as world:
        home = await home_of(world)
        async with world.database.write() as tx:
            assert await overview.readers(tx, home.organization, home.id) == "admins"
            await overview.allow(world.runtime, tx, home, "members", actor="test")
            assert await overview.readers(tx, home.organization, home.id) == "members"
            with pytest.raises(Mistake, match="admins, hosts, members"):
                await overview.allow(world.runtime, tx, home, "everybody", actor="test")
        assert overview.may_read("admins", frozenset({"analyst"}))
        assert not overview.may_read("admins", frozenset({"host"}))
        assert overview.may_read("hosts", frozenset({"host"}))
        assert overview.may_read("members", frozenset())
