"""Groups are formed from what is stored, kept for the next round, and a plugin may form them instead."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake
from tertulia.hookspecs import hookimpl
from tertulia.matching import Policy, Seating
from tertulia.plugins import Plugins
from tertulia.services import matching, merging, my_data
from tertulia.services.matching import Occasion
from tertulia.storage import matching as stored
from tertulia.storage import tables

WEEK = date(2026, 3, 9)


def occasion(world: Any, practice: str = "café", week: date = WEEK) -> Occasion:
    where = {"organization": world.organization, "workspace": world.workspace}
    return Occasion(**where, practice=practice, kind="café", round=secrets.token_hex(16), week=week)


def with_plugins(world: Any, **plugins: object) -> Any:
    return replace(world.runtime, plugins=Plugins.load(plugins, builtin=False, allowed=frozenset()))


async def people(world: Any, *names: str, **fields: str) -> list[str]:
    async with world.database.write() as tx:
        return [await world.person(tx, name, **fields) for name in names]


async def play(world: Any, runtime: Any, invited: Sequence[str], policy: Policy, **more: Any) -> Seating:
    """Hold one round: read, form, keep."""
    this = occasion(world, **more)
    async with world.database.read() as tx:
        company = await matching.read(runtime, tx, this, invited, policy)
    seating = await matching.form(runtime, this, company, policy, enabled=runtime.plugins.names)
    async with world.database.write() as tx:
        await matching.keep(runtime, tx, this, seating)
        await matching.keep(runtime, tx, this, seating)  # a step that is repeated changes nothing
    world.clock.advance(timedelta(weeks=1))
    return seating


async def test_rounds_remember_each_other(open_world: Any) -> None:
    async with open_world() as world:
        everybody = await people(world, "Ana", "Bea", "Cleo", "Dan", "Eva", "Finn")
        runtime = with_plugins(world)
        met: list[frozenset[str]] = []
        for _ in range(3):
            seating = await play(world, runtime, everybody, Policy())
            assert seating.yielded == ()
            met += [frozenset(table.people) for table in seating.tables]
        assert len(set(met)) == 9
        other = await play(world, runtime, everybody, Policy(), practice="lunch")
        assert other.yielded == ()
        async with world.database.read() as tx:
            where = (tx, world.organization, world.workspace, "café")
            history = await stored.history(*where, rounds=52)
            assert sorted(history.met.values()) == [1] * 3 + [2] * 3 + [3] * 3
            assert history.met[met[0]] == 3
            assert set(history.served) == set(everybody)
            assert sorted((await stored.history(*where, rounds=1)).met.values()) == [1] * 3


async def test_only_members_who_are_invited_are_seated(open_world: Any) -> None:
    async with open_world() as world:
        ana, bea, cleo = await people(world, "Ana", "Bea", "Cleo")
        async with world.database.write() as tx:
            outside = await world.person(tx, "Outis", member=False)
        seating = await play(world, with_plugins(world), [ana, cleo, outside], Policy())
        assert [set(table.people) for table in seating.tables] == [{ana, cleo}]
        assert bea not in seating.served


async def test_a_private_list_holds_both_ways_and_can_be_taken_back(open_world: Any) -> None:
    async with open_world() as world:
        ana, bea = await people(world, "Ana", "Bea")
        runtime = with_plugins(world)
        for one, other in ((ana, bea), (bea, ana)):
            async with world.database.write() as tx:
                await matching.avoid(runtime, tx, world.organization, one, other)
                await matching.avoid(runtime, tx, world.organization, one, other)
            assert (await play(world, runtime, [ana, bea], Policy())).tables == ()
            async with world.database.write() as tx:
                await matching.stop_avoiding(tx, world.organization, one, other)
        assert len((await play(world, runtime, [ana, bea], Policy())).tables) == 1


async def test_a_list_names_colleagues_of_the_same_organization(open_world: Any) -> None:
    async with open_world() as world:
        (ana,) = await people(world, "Ana")
        async with world.database.write() as tx:
            for nobody in (ana, "0" * 32):
                with pytest.raises(Mistake, match="no such colleague"):
                    await matching.avoid(world.runtime, tx, world.organization, ana, nobody)


async def test_lists_and_rounds_follow_a_merge(open_world: Any) -> None:
    async with open_world() as world:
        ana, twin, bea, cleo = await people(world, "Ana", "Anna", "Bea", "Cleo")
        runtime = with_plugins(world)
        await play(world, runtime, [twin, cleo], Policy())
        async with world.database.write() as tx:
            await matching.avoid(runtime, tx, world.organization, twin, bea)
            await merging.merge(runtime, tx, world.organization, kept=ana, gone=twin, actor="root")
        async with world.database.read() as tx:
            assert await stored.avoided(tx, world.organization) == {ana: frozenset({bea})}
            history = await stored.history(tx, world.organization, world.workspace, "café", 52)
            assert history.met == {frozenset({ana, cleo}): 1}


async def test_a_person_sees_the_own_list_only_and_erasing_takes_it_along(open_world: Any) -> None:
    async with open_world() as world:
        ana, bea = await people(world, "Ana", "Bea")
        runtime = with_plugins(world)
        async with world.database.write() as tx:
            await matching.avoid(runtime, tx, world.organization, ana, bea)
        await play(world, runtime, [ana, bea], Policy())
        async with world.database.write() as tx:
            hers = await my_data.collect(runtime, tx, world.organization, ana)
            theirs = await my_data.collect(runtime, tx, world.organization, bea)
            assert [row["name"] for row in hers["not_to_be_introduced_to"]] == ["Bea"]
            assert theirs["not_to_be_introduced_to"] == []
            assert len(theirs["introductions"]) == 1
            await my_data.erase(runtime, tx, world.organization, bea, actor="root")
            assert (await tx.execute(sa.select(tables.avoidance))).all() == []
            rows = (await tx.execute(sa.select(tables.match_history.c.person_id))).scalars().all()
            assert rows == [ana]


async def test_ties_are_summed_in_both_directions_within_a_quarter(open_world: Any) -> None:
    async with open_world() as world:
        ana, bea = await people(world, "Ana", "Bea")
        async with world.database.write() as tx:
            for week, one, other in (("2026-W10", ana, bea), ("2026-W09", bea, ana), ("2025-W20", ana, bea)):
                tie = {"organization_id": world.organization, "workspace_id": world.workspace, "week": week}
                ends = {"source_id": one, "target_id": other, "kind": "comment", "platform": "board", "weight": 2.0}
                await tx.execute(tables.interaction.insert().values(**tie, **ends))
        async with world.database.read() as tx:
            company = await matching.read(
                world.runtime, tx, occasion(world), [ana, bea], Policy(), asynchronous=[bea]
            )
        assert company.past.ties == {frozenset({ana, bea}): 4.0}
        assert {guest.id: guest.asynchronous for guest in company.guests} == {ana: False, bea: True}
        assert all(guest.joined == date(2026, 3, 2) for guest in company.guests)


async def test_a_reaction_is_no_tie_and_circles_are_bridged(open_world: Any) -> None:
    async with open_world() as world:
        names = [f"{ring}{number}" for ring in "ab" for number in range(4)]
        ids = dict(zip(names, await people(world, *names), strict=True))
        tie = {"organization_id": world.organization, "workspace_id": world.workspace, "week": "2026-W09"}
        async with world.database.write() as tx:
            for one, other in combinations(names, 2):
                kind = "reply" if one[0] == other[0] else "reaction"
                ends = {"source_id": ids[one], "target_id": ids[other], "kind": kind, "platform": "board"}
                await tx.execute(tables.interaction.insert().values(**tie, **ends, weight=1.0))
        seating = await play(world, with_plugins(world), list(ids.values()), Policy())
        ring = {ids[name]: name[0] for name in names}
        assert all(ring[one] != ring[other] for one, other in (table.people for table in seating.tables))
        assert all(name not in table.why for table in seating.tables for name in names)


class Pairing:
    """A plugin that puts neighbours together, and notes what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    @hookimpl
    def match_groups(
        self, ritual: str, people: Sequence[str], history: Mapping[frozenset[str], int]
    ) -> tuple[tuple[str, ...], ...]:
        self.given.append((ritual, list(people), dict(history)))
        return tuple(tuple(people[start : start + 2]) for start in range(0, len(people), 2))


async def test_a_plugin_may_form_the_groups(open_world: Any) -> None:
    async with open_world() as world:
        everybody = sorted(await people(world, "Ana", "Bea", "Cleo", "Dan"))
        plugin = Pairing()
        runtime = with_plugins(world, pairing=plugin)
        for turn in range(2):
            seating = await play(world, runtime, everybody, Policy())
            assert {table.people for table in seating.tables} == {tuple(everybody[:2]), tuple(everybody[2:])}
            assert seating.figures.yielded == ({"again": 2} if turn else {})
            assert 0 <= seating.figures.share_of_bound <= 1
        assert plugin.given[0] == ("café", everybody, {})
        assert plugin.given[1][2] == {frozenset(everybody[:2]): 1, frozenset(everybody[2:]): 1}


async def test_a_plugin_that_breaks_a_list_is_not_followed(open_world: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with open_world() as world:
        everybody = sorted(await people(world, "Ana", "Bea", "Cleo", "Dan"))
        runtime = with_plugins(world, pairing=Pairing())
        async with world.database.write() as tx:
            await matching.avoid(runtime, tx, world.organization, *everybody[:2])
        seating = await play(world, runtime, everybody, Policy())
        pairs = {frozenset(pair) for table in seating.tables for pair in combinations(table.people, 2)}
        assert frozenset(everybody[:2]) not in pairs
        assert "never yields" in caplog.text
        assert not any(person in caplog.text for person in everybody)


async def test_a_dry_run_writes_nothing_and_tells_what_the_round_will_be(open_world: Any) -> None:
    async with open_world() as world:
        everybody = await people(world, "Ana", "Bea", "Cleo", "Dan", "Eva")
        runtime, this = with_plugins(world), occasion(world)
        for _ in range(2):
            async with world.database.read() as tx:
                before = await world.dump(tx)
                company = await matching.read(runtime, tx, this, everybody, Policy())
            seating = await matching.form(runtime, this, company, Policy(), enabled=())
            assert seating.figures.sizes == {2: 1, 3: 1}
            async with world.database.read() as tx:
                assert await world.dump(tx) == before
        again = await matching.form(runtime, this, company, Policy(), enabled=())
        assert again == seating


def test_a_seed_is_the_rounds_own() -> None:
    one = Occasion(organization="o", workspace="w", practice="p", kind="k", round="0" * 31 + "f", week=WEEK)
    assert one.seed == 15
