"""A period of measures is computed once, kept whole, and beside what was published before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.delivery import holding
from tertulia.domain.identifiers import Id
from tertulia.measures.figures import COMPANY, Figure, Period, week
from tertulia.measures.populations import Gathered, Population, Share, Statistic
from tertulia.runtime import Runtime
from tertulia.services import erasing, measuring
from tertulia.services import people as staffing
from tertulia.services.measuring import Kind
from tertulia.storage import tables
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.surveys.confidentiality.candidates import Atom
from tertulia.surveys.scoring import Estimate

OpenWorld = Callable[[], Any]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Where the database does not matter."""
WEEK = timedelta(weeks=1)
WHOLE = {
    "[]": (15, 35),
    '[["worker_type","employee"]]': (15, 35),
    '[["zone","Europe/Madrid"]]': (15, 35),
    '[["team","Sales"]]': (15, 20),
}


async def people(world: Any, teams: Mapping[str, int]) -> list[Id]:
    async with world.database.write() as tx:
        return [
            await world.person(tx, f"{team}{number}", team=team)
            for team, size in teams.items()
            for number in range(size)
        ]


def kind_of(true_of: Callable[[Id], bool]) -> Kind:
    async def gather(
        runtime: Runtime, tx: Tx, home: Workspace, period: Period, roster: Mapping[Id, Atom]
    ) -> Gathered:
        those = frozenset(one for one in roster if true_of(one))
        share = Share(key="took_part", formula="share", source="invented", those=those)
        count = Statistic(
            key="headcount",
            formula="count",
            source="invented",
            unit="count",
            step=5,
            of=lambda inside: Estimate(len(inside), len(inside), len(inside), len(inside)),
        )
        everybody = Population(
            key="members", series="members", lot=period.month, atoms=roster, shares=[share], statistics=[count]
        )
        plain = Figure(
            family="participation",
            key="weeks",
            group=COMPANY,
            period=period.key,
            unit="count",
            formula="weeks",
            source="invented",
            value=1,
        )
        return Gathered(
            family="participation",
            period=period.key,
            populations=[everybody],
            plain=[plain],
            derive=lambda published: [replace(plain, key="how_many", value=len(published))],
        )

    return Kind(family="participation", period=week, gather=gather)


async def read(world: Any, **more: Any) -> list[Figure]:
    async with world.database.read() as tx:
        return await measuring.published(tx, world.organization, world.workspace, **more)


def shown(figures: list[Figure], key: str = "took_part") -> dict[str, tuple[int | None, int]]:
    return {one.group.key: (one.numerator, one.n) for one in figures if one.key == key and one.withheld is None}


async def test_a_period_is_published_once_and_read_back(open_world: OpenWorld) -> None:
    async with open_world() as world:
        ids = await people(world, {"Sales": 23, "Support": 12, "Legal": 4})
        kind = kind_of(lambda one: one in ids[:13])
        assert await measuring.publish_due(world.runtime, [kind]) == 0
        assert await read(world) == []  # the workspace did not stand when the last week ended
        world.clock.advance(WEEK)
        assert await measuring.publish_due(world.runtime, [kind]) == 0
        figures = await read(world)
        assert {one.period for one in figures} == {"2026-W10"}
        assert shown(figures) == WHOLE
        sales = next(one for one in figures if one.group.key == '[["team","Sales"]]' and one.key == "took_part")
        assert (sales.unit, sales.least, sales.most) == ("percent", 13, 17)
        assert sales.low is not None
        assert sales.high is not None
        assert sales.low < 100 * 13 / 23 < sales.high
        legal = [one for one in figures if one.group.key == '[["team","Legal"]]']
        assert {(one.value, one.n, one.numerator, one.withheld) for one in legal} == {
            (None, 0, None, "too few people")
        }
        (support,) = (one for one in figures if "Support" in one.group.key and one.key == "took_part")
        assert support.withheld is not None  # Sales and Support together would tell about the four of Legal
        assert "fewer than 5 people" in support.withheld
        assert shown(figures, "headcount").keys() == shown(figures).keys()
        assert [(one.value, one.group) for one in figures if one.key == "how_many"] == [(13.0, COMPANY)]
        assert await measuring.publish_due(world.runtime, [kind_of(lambda one: True)]) == 0
        assert await read(world) == figures


async def test_two_workers_publish_one_period(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await people(world, {"Sales": 12})
        world.clock.advance(WEEK)
        kind, period, gathered = kind_of(lambda one: True), week(world.clock.now()), []

        async def gather(*given: Any) -> Gathered:
            gathered.append(given)
            # not before the others have tried
            await asyncio.wait_for(tried.wait(), 60)
            return await kind.gather(*given)

        async def publish() -> bool:
            done = await measuring.publish_period(*of, replace(kind, gather=gather), period)
            tries.append(done)
            if len(tries) == 2:
                tried.set()
            return done

        of = (world.runtime, world.organization, world.workspace)
        tries, tried = list[bool](), asyncio.Event()
        done = await asyncio.gather(*(publish() for _ in range(3)))
        assert sorted(done) == [False, False, True]
        assert len(gathered) == 1, "the others computed nothing"
        assert (await read(world))[0].period == period.key


async def test_another_worker_computes_what_a_dead_one_left(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await people(world, {"Sales": 12})
        world.clock.advance(WEEK)
        kind, period = kind_of(lambda one: True), week(world.clock.now())
        of = (world.runtime, world.organization, world.workspace, kind, period)
        name = f"measures:{kind.family}:{world.workspace}"
        async with world.database.write() as tx:
            assert await holding.take(tx, name, "dead", 60)
        assert not await measuring.publish_period(*of)
        async with world.database.write() as tx:
            await tx.execute(tables.lease.update().values(until=0.0))
        assert await measuring.publish_period(*of)
        async with world.database.read() as tx:
            assert (await tx.execute(sa.select(tables.lease))).all() == []


@ON_SQLITE
async def test_who_is_counted_is_settled_for_a_month(open_world: OpenWorld) -> None:
    """One joiner and one leaver change no group of the month, and of the next one only with others left out."""
    async with open_world() as world:
        ids = await people(world, {"Sales": 60, "Support": 60})
        kind = kind_of(lambda one: True)
        world.clock.advance(WEEK)
        await measuring.publish_due(world.runtime, [kind])
        async with world.database.write() as tx:
            await world.person(tx, "Joiner", team="Sales")
            leaves = sa.update(tables.membership).where(tables.membership.c.person_id == ids[-1])
            await tx.execute(leaves.values(left_at=world.clock.now()))
        counted = [await rosters(world)]
        for _ in range(6):
            world.clock.advance(WEEK)
            assert await measuring.publish_due(world.runtime, [kind]) == 0
            counted.append(await rosters(world))
        figures = await read(world, last=10)
        assert len({one.period for one in figures}) == 7
        assert counted[0] == counted[1] == counted[2]
        first, later = counted[0], counted[-1]
        assert len(later) == 2
        for before, after in [(one, other) for one in first for other in later if one != other]:
            teams = {
                name: {one for one, team in group.items() if team == name} for group in (before,) for name in TEAMS
            }
            now = {name: {one for one, team in after.items() if team == name} for name in TEAMS}
            assert all(len(teams[name] ^ now[name]) == 0 or len(teams[name] ^ now[name]) >= 5 for name in TEAMS)


@ON_SQLITE
async def test_other_workspaces_do_not_push_one_out_of_its_own_look_back(open_world: OpenWorld) -> None:
    """Turnover is one series in all of an organization: one joiner still changes no group by one."""
    async with open_world() as world:
        await people(world, {"Sales": 60, "Support": 60})
        async with world.database.write() as tx:
            whose = (world.runtime, tx, world.organization)
            for number in range(measuring.VERSIONS + 1):
                home = await staffing.create_workspace(*whose, name=f"W{number}", actor="test")
                for one in range(5):
                    given = {"name": f"P{number}{one}", "email": f"p{number}{one}@example.org", "team": "Elsewhere"}
                    await staffing.add_person(*whose, given, workspace=home, actor="test")
        kind, of = kind_of(lambda one: True), (world.runtime, world.organization, world.workspace)
        world.clock.advance(WEEK)
        assert await measuring.publish_period(*of, kind, week(world.clock.now()))
        world.clock.advance(timedelta(minutes=1))
        assert await measuring.publish_due(world.runtime, [kind]) == 0
        async with world.database.write() as tx:
            await world.person(tx, "Joiner", team="Sales")
        world.clock.advance(5 * WEEK)
        assert await measuring.publish_period(*of, kind, week(world.clock.now()))
        before, *_, after = await rosters(world)
        assert before.keys() != after.keys()
        for name in TEAMS:
            then, now = ({one for one, team in group.items() if team == name} for group in (before, after))
            assert len(then ^ now) == 0 or len(then ^ now) >= 5


@ON_SQLITE
async def test_what_was_interrupted_is_computed_anew(open_world: OpenWorld) -> None:
    async with open_world() as world:
        await people(world, {"Sales": 12})
        world.clock.advance(WEEK)

        def crashes(one: Id) -> bool:
            raise RuntimeError("a crash")

        assert await measuring.publish_due(world.runtime, [kind_of(crashes)]) == 1
        async with world.database.read() as tx:
            dump = await world.dump(tx)
        assert not [name for name, rows in dump.items() if name.startswith("measure_") and rows]
        assert await measuring.publish_due(world.runtime, [kind_of(lambda one: True)]) == 0
        assert len(await read(world)) > 1


@ON_SQLITE
async def test_an_erased_member_is_counted_as_nobody(open_world: OpenWorld) -> None:
    async with open_world() as world:
        ids = await people(world, {"Sales": 30, "Support": 30})
        world.clock.advance(WEEK)
        assert await measuring.publish_due(world.runtime, [kind_of(lambda one: True)]) == 0
        async with world.database.write() as tx:
            await erasing.erase(world.runtime, tx, world.organization, ids[0], actor="test")
        for _ in range(6):
            world.clock.advance(WEEK)
            assert await measuring.publish_due(world.runtime, [kind_of(lambda one: True)]) == 0
        async with world.database.read() as tx:
            dump = await world.dump(tx, tables.audit, tables.tombstone, tables.person)
        assert ids[0] not in repr(dump)
        assert len({one.period for one in await read(world, last=9) if one.withheld is None}) == 7


TEAMS = ("Sales", "Support")


async def rosters(world: Any) -> list[dict[Id, str]]:
    """Return who was counted in each release so far, each once."""
    async with world.database.read() as tx:
        table = tables.measure_release.c
        ids = (await tx.execute(sa.select(table.roster_id).order_by(table.published_at))).scalars()
        found: list[dict[Id, str]] = []
        for one in dict.fromkeys(ids):
            rows = await tx.execute(sa.select(tables.measure_roster).filter_by(id=one))
            found.append({row.person_id: row.atom["team"] for row in rows})
        return found
