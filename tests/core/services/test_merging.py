"""Two persons that are one become one, and two again, row by row."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.services import merging, people, preferences
from tertulia.storage import people as stored
from tertulia.storage import tables
from tertulia.storage.database import Tx

OpenWorld = Callable[[], Any]
TRACES = (tables.audit, tables.identity_merge, tables.identity_change)
"""What tells that there was a merge at all."""


async def scene(world: Any, tx: Tx, spaces: int = 2, rounds: int = 2) -> tuple[list[str], list[str]]:
    made = [world.workspace]
    for number in range(spaces - 1):
        of = (world.runtime, tx, world.organization)
        made.append(await people.create_workspace(*of, name=f"W{number}", actor="test"))
    ids = [f"{number:032x}" for number in range(rounds)]
    for one in ids:
        row = {"organization_id": world.organization, "id": one, "workspace_id": world.workspace, "practice": "p"}
        state = {"kind": "k", "program_version": 1, "state": "open", "confidential": False}
        await tx.execute(
            tables.round_table.insert().values(**row, **state, occurrence=one, opens_at=world.clock.now())
        )
    return made, ids


async def give(world: Any, tx: Tx, kind: str, person: str, place: str, number: int) -> None:
    """Give *person* one row of *kind*, unless it has that already."""
    now, of = world.clock.now() + timedelta(seconds=number), {"organization_id": world.organization}
    mine = {**of, "person_id": person}
    rows: dict[str, tuple[sa.Table, dict[str, Any]]] = {
        "member": (tables.membership, {**mine, "workspace_id": place, "joined_at": now}),
        "former": (tables.membership, {**mine, "workspace_id": place, "joined_at": now, "left_at": now}),
        "role": (tables.role, {**mine, "workspace_id": place, "role": "host", "granted_at": now}),
        "opt_out": (tables.opt_out, {**mine, "practice": f"p{number % 2}", "at": now}),
        "response": (
            tables.response,
            {
                **mine,
                "round_id": f"{number % 2:032x}",
                "values": {"text": f"t{number}", "n": [1, None, 2.5]},
                "passed": False,
                "visibility": "team",
                "platform": "web",
                "version": 1,
                "given_at": now,
            },
        ),
        "identity": (
            tables.identity,
            {
                **mine,
                "id": world.runtime.new_id(),
                "platform": "teams",
                "realm": "t",
                "user": f"u{number}",
                "reachable": True,
                "seen_at": now,
            },
        ),
        "participation": (
            tables.participation,
            {
                **mine,
                "id": world.runtime.new_id(),
                "workspace_id": place,
                "kind": "attended",
                "platform": "web",
                "started_at": now,
            },
        ),
    }
    table, row = rows[kind]
    async with tx.begin_nested() as savepoint:
        try:
            await tx.execute(table.insert().values(row))
        except sa.exc.IntegrityError:
            await savepoint.rollback()


KINDS = st.sampled_from(["member", "former", "role", "opt_out", "response", "identity", "participation"])
ROWS = st.lists(st.tuples(KINDS, st.integers(0, 1), st.integers(0, 1)), max_size=14)


async def there_and_back(world: Any, rows: list[tuple[str, int, int]], emails: tuple[bool, bool]) -> None:
    async with world.database.write() as tx:
        spaces, _ = await scene(world, tx)
        both = []
        for name, has in zip(("Ana", "Anna"), emails, strict=True):
            one = await world.person(tx, name, member=False)
            if not has:
                await people.change_person(world.runtime, tx, world.organization, one, {"email": None}, actor="t")
            both.append(one)
        for number, (kind, who, where) in enumerate(rows):
            await give(world, tx, kind, both[who], spaces[where], number)
        before = await world.dump(tx, *TRACES)
        of = (world.runtime, tx, world.organization)
        merged = await merging.merge(*of, kept=both[0], gone=both[1], actor="root")
        assert await stored.workspaces_of(tx, world.organization, both[1]) == []
        assert await stored.identities(tx, world.organization, [both[1]]) == {}
        await merging.undo(*of, merged, actor="root")
        assert await world.dump(tx, *TRACES) == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, emails=st.tuples(st.booleans(), st.booleans()))
def test_merge_then_undo_restores_the_exact_rows(
    rows: list[tuple[str, int, int]], emails: tuple[bool, bool], make_world: Callable[[Path], Any]
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with make_world(Path(folder)) as world:
                await there_and_back(world, rows, emails)

    asyncio.run(run())


async def test_every_kind_of_row_comes_back_on_both_databases(open_world: OpenWorld) -> None:
    kinds = ["member", "former", "role", "opt_out", "response", "identity", "participation"]
    async with open_world() as world:
        await there_and_back(world, list(itertools.product(kinds, (0, 1), (0, 1))), (False, True))


async def test_what_belonged_to_one_belongs_to_the_other(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        (home, away), _ = await scene(world, tx)
        of = (world.runtime, tx, world.organization)
        kept, gone = await world.person(tx, "Ana"), await world.person(tx, "Anna")
        await people.leave(*of, home, kept, actor="test")
        for number, kind in enumerate(["member", "role", "opt_out", "response", "identity", "participation"]):
            await give(world, tx, kind, gone, away, number)
        merged = await merging.merge(*of, kept=kept, gone=gone, actor="root")
        assert await stored.workspaces_of(tx, world.organization, kept) == sorted([home, away])
        assert await stored.roles_of(tx, world.organization, kept) == {away: frozenset({"host"})}
        assert await stored.opt_outs(tx, world.organization, [kept]) == {kept: frozenset({"p0"})}
        assert len((await stored.identities(tx, world.organization, [kept]))[kept]) == 1
        for table in (tables.response, tables.participation):
            assert list((await tx.execute(sa.select(table.c.person_id))).scalars()) == [kept]
        changes = (await tx.execute(sa.select(tables.identity_change))).all()
        assert [(one.from_person, one.to_person, one.method) for one in changes] == [(gone, kept, "merge")]
        row = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(1))).one()
        assert (row.verb, row.actor, row.subject) == ("person.merge", "root", kept)
        sealed = (await tx.execute(sa.select(tables.identity_merge.c.sealed).filter_by(id=merged))).scalar_one()
        assert b"anna@example.org" not in sealed


async def test_both_answers_of_one_round_stay(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        await scene(world, tx)
        kept, gone = await world.person(tx, "Ana"), await world.person(tx, "Anna")
        await give(world, tx, "response", kept, world.workspace, 0)
        await give(world, tx, "response", gone, world.workspace, 2)
        await merging.merge(world.runtime, tx, world.organization, kept=kept, gone=gone, actor="root")
        owners = set((await tx.execute(sa.select(tables.response.c.person_id))).scalars())
        assert owners == {kept, gone}


async def test_undoing_respects_what_people_did_since(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        kept, gone = await world.person(tx, "Ana"), await world.person(tx, "Anna", member=False)
        await preferences.opt_out(*of, gone, "quiz")
        merged = await merging.merge(*of, kept=kept, gone=gone, actor="root")
        await preferences.opt_in(*of, kept, "quiz")
        await preferences.opt_out(*of, kept, "café")
        await merging.undo(*of, merged, actor="root")
        wishes = await stored.opt_outs(tx, world.organization, [kept, gone])
        assert wishes == {kept: frozenset({"café"})}


async def test_merges_are_undone_from_the_last(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        first, second, third = [await world.person(tx, name) for name in ("Ana", "Anna", "Anne")]
        before = await world.dump(tx, *TRACES)
        early = await merging.merge(*of, kept=second, gone=first, actor="root")
        late = await merging.merge(*of, kept=third, gone=second, actor="root")
        with pytest.raises(Mistake, match="later merge first"):
            await merging.undo(*of, early, actor="root")
        await merging.undo(*of, late, actor="root")
        await merging.undo(*of, early, actor="root")
        assert await world.dump(tx, *TRACES) == before
        with pytest.raises(Mistake, match="no such merge"):
            await merging.undo(*of, early, actor="root")


async def test_only_two_present_persons_of_one_organization_merge(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana, anna = await world.person(tx, "Ana"), await world.person(tx, "Anna")
        other = await people.create_organization(world.runtime, tx, name="Other", actor="test")
        eve = await people.add_person(world.runtime, tx, other, {"name": "Eve"}, actor="test")
        for kept, gone in ((ana, ana), (ana, eve), (eve, ana), (ana, "f" * 32)):
            with pytest.raises(Mistake):
                await merging.merge(*of, kept=kept, gone=gone, actor="root")
        await merging.merge(*of, kept=ana, gone=anna, actor="root")
        with pytest.raises(Mistake, match="merged already"):
            await merging.merge(*of, kept=anna, gone=ana, actor="root")
