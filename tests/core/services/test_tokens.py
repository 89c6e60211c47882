"""Tokens on each kind of database: whose they are, what a merge does to them, and that a change is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.services import merging, my_data, people, replies, tokens
from tertulia.services.replies import Asked, Reused
from tertulia.services.tokens import Token
from tertulia.storage import tables
from tertulia.storage.database import Tx

OpenWorld = Callable[[], Any]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def make(world: Any, tx: Tx, person: Id, *scopes: str) -> tuple[Token, str]:
    return await tokens.create(
        world.runtime,
        tx,
        organization=world.organization,
        workspace=world.workspace,
        person=person,
        name="  night   job ",
        scopes=scopes or ("read:rounds",),
        days=7,
        now=NOW,
        actor="test",
    )


async def admin(world: Any, tx: Tx, name: str) -> Id:
    person: Id = await world.person(tx, name)
    await people.grant(world.runtime, tx, world.organization, world.workspace, person, "admin", actor="test")
    return person


async def test_a_token_is_found_by_its_text_alone_until_it_expires(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana = await admin(world, tx, "Ana")
        token, text = await make(world, tx, ana, "read:rounds", "read:program")
        assert (token.name, token.scopes) == ("night job", ("read:program", "read:rounds"))
        found = await tokens.find(tx, text, NOW)
        assert found is not None
        assert (found.token, found.roles) == (token, {"admin"})
        assert await tokens.find(tx, text, NOW + timedelta(days=7)) is None
        assert await tokens.find(tx, token.id, NOW) is None
        assert await tokens.named(tx, world.organization, [token.actor, "cli:x", ana]) == {token.actor: "night job"}
        held = await my_data.collect(world.runtime, tx, world.organization, ana)
        assert [one["name"] for one in held["api_tokens"]] == ["night job"]
        assert text not in str(held)


async def test_a_token_follows_its_maker_through_a_merge_and_back(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, twin = await admin(world, tx, "Ana"), await admin(world, tx, "Twin")
        _, text = await make(world, tx, twin)
        of = (world.runtime, tx, world.organization)
        merge = await merging.merge(*of, kept=ana, gone=twin, actor="test")
        for whose, step in ((ana, None), (twin, merge)):
            if step is not None:
                await merging.undo(*of, step, actor="test")
            found = await tokens.find(tx, text, NOW)
            assert found is not None
            assert (found.token.person, found.roles) == (whose, {"admin"})
        await my_data.erase(*of, twin, actor="test")
        assert await tokens.find(tx, text, NOW) is None


async def test_only_who_runs_the_workspace_gets_one(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, bob = await admin(world, tx, "Ana"), await world.person(tx, "Bob")
        for person, scopes, said in (
            (bob, ("read:rounds",), "owner or admin"),
            (ana, ("read:audit",), "for owners"),
            (ana, ("write:candles",), "no scope"),
        ):
            with pytest.raises(Mistake, match=said):
                await make(world, tx, person, *scopes)


async def test_a_token_ends_with_the_role_and_is_not_revived(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, ben = await admin(world, tx, "Ana"), await admin(world, tx, "Ben")
        of = (world.runtime, tx, world.organization, world.workspace)
        await people.grant(*of, ana, "owner", actor="test")
        await people.grant(*of, ben, "owner", actor="test")
        (_, text), (_, theirs) = await make(world, tx, ana), await make(world, tx, ben)
        await people.revoke(*of, ana, "owner", actor=ben)
        assert await tokens.find(tx, text, NOW) is not None, "still an admin"
        await people.revoke(*of, ana, "admin", actor=ben)
        await people.grant(*of, ana, "admin", actor=ben)
        assert await tokens.find(tx, text, NOW) is None
        assert await tokens.find(tx, theirs, NOW) is not None
        table = tables.audit.c
        said = sa.select(table.actor, table.detail).where(table.verb == "token.revoke")
        ((actor, detail),) = (await tx.execute(said)).all()
        assert (actor, detail["name"]) == (ben, "night job")
        _, again = await make(world, tx, ana)
        await people.leave(*of, ana, actor="test")
        await people.join(*of, ana, actor="test")
        await people.grant(*of, ana, "admin", actor="test")
        assert await tokens.find(tx, again, NOW) is None
        assert len((await tx.execute(said)).all()) == 2


async def test_one_s_own_are_listed_and_revoked_and_nobody_else_s(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, ben = await admin(world, tx, "Ana"), await admin(world, tx, "Ben")
        made = [(await make(world, tx, ana))[0] for _ in range(3)]
        foreign, text = await make(world, tx, ben)
        whose = (tx, world.organization, ana)
        assert {token.id for token, _ in await tokens.own(*whose, NOW)} == {one.id for one in made}
        assert {home for _, home in await tokens.own(*whose, NOW)} == {"Madrid"}
        assert await tokens.own(*whose, NOW + timedelta(days=7)) == []
        for identifier, left in ((foreign.id, 3), ("", 3), (made[0].id, 2), (made[0].id, 2), (None, 0)):
            await tokens.revoke_own(world.runtime, *whose, NOW, token=identifier)
            assert len(await tokens.own(*whose, NOW)) == left
        assert await tokens.find(tx, text, NOW) is not None


@settings(max_examples=50, deadline=None)
@given(text=st.one_of(st.text(max_size=80), st.text("abcdefghij234567=", max_size=70).map(tokens.PREFIX.__add__)))
def test_what_is_no_token_never_reaches_the_database(text: str) -> None:
    class Nothing:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError("the database was asked")

    missing: Any = Nothing()
    with pytest.raises(StopIteration) as ended:
        tokens.find(missing, text, NOW).send(None)
    assert ended.value.value is None


async def test_of_the_same_change_at_once_one_is_done(open_world: OpenWorld) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            token, _ = await make(world, tx, await admin(world, tx, "Ana"))
        done: list[int] = []

        async def change(number: int, request: bytes = b"PUT /x") -> Any:
            asked = Asked(token=token, key="one", request=request)
            async with world.database.write() as tx:
                kept = await replies.known(world.runtime, tx, asked, NOW)
                if kept is not None:
                    return kept
                done.append(number)
                await replies.keep(world.runtime, tx, asked, {"number": number})
                return {"number": number}

        answers = await asyncio.gather(*(change(number) for number in range(5)))
        assert len(done) == 1
        assert answers == [{"number": done[0]}] * 5
        with pytest.raises(Reused):
            await change(9, b"PUT /y")
        assert len(done) == 1
