"""One-time codes: short-lived, few guesses, one use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake, Refused
from tertulia.services import codes
from tertulia.storage import tables

OpenWorld = Callable[[], Any]
NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def test_a_code_works_once_and_for_its_person_and_purpose_only(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana, bob = await world.person(tx, "Ana"), await world.person(tx, "Bob")
        code = await codes.issue(*of, ana, "sign_in")
        assert len(code) == 8
        assert code.isdigit()
        assert not await codes.redeem(*of, bob, "sign_in", code)
        assert not await codes.redeem(*of, ana, "erase", code)
        assert await codes.redeem(*of, ana, "sign_in", f" {code[:4]} {code[4:]} ")
        assert not await codes.redeem(*of, ana, "sign_in", code)


async def test_a_code_is_kept_hashed(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        code = await codes.issue(world.runtime, tx, world.organization, await world.person(tx, "Ana"), "sign_in")
        row = (await tx.execute(sa.select(tables.code))).one()
        assert code not in repr(row)


async def test_five_wrong_guesses_end_a_code(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        code = await codes.issue(*of, ana, "sign_in")
        wrong = f"{(int(code) + 1) % 10**8:08}"
        for _ in range(4):
            assert not await codes.redeem(*of, ana, "sign_in", wrong)
        assert await codes.redeem(*of, ana, "sign_in", code)
        code = await codes.issue(*of, ana, "sign_in")
        for _ in range(5):
            assert not await codes.redeem(*of, ana, "sign_in", "")
        assert not await codes.redeem(*of, ana, "sign_in", code)


async def test_codes_expire_after_ten_minutes_of_real_time(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        code = await codes.issue(*of, ana, "sign_in", now=NOW)
        late = NOW + timedelta(minutes=10)
        assert not await codes.redeem(*of, ana, "sign_in", code, now=late)
        assert await codes.redeem(*of, ana, "sign_in", code, now=late - timedelta(milliseconds=1))
        code = await codes.issue(*of, ana, "sign_in")
        world.clock.advance(timedelta(days=7))
        assert await codes.redeem(*of, ana, "sign_in", code)


async def test_a_new_code_replaces_older_ones_of_its_purpose(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        old, other = await codes.issue(*of, ana, "sign_in"), await codes.issue(*of, ana, "my_data")
        new = await codes.issue(*of, ana, "sign_in")
        assert not await codes.redeem(*of, ana, "sign_in", old)
        assert await codes.redeem(*of, ana, "sign_in", new)
        assert await codes.redeem(*of, ana, "my_data", other)


async def test_five_codes_an_hour_are_enough(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana, bob = await world.person(tx, "Ana"), await world.person(tx, "Bob")
        for minute in range(5):
            await codes.issue(*of, ana, "sign_in", now=NOW + timedelta(minutes=minute))
        with pytest.raises(Refused) as caught:
            await codes.issue(*of, ana, "link", now=NOW + timedelta(minutes=59))
        assert caught.value.status == 429
        await codes.issue(*of, bob, "sign_in", now=NOW)
        assert await codes.issue(*of, ana, "sign_in", now=NOW + timedelta(minutes=61))


async def test_a_link_code_tells_who_asked_for_it(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana = await world.person(tx, "Ana")
        code = await codes.issue(*of, ana, "link")
        assert len(code.replace("-", "")) == 12
        assert await codes.claim(world.runtime, tx, "f" * 32, code) is None
        assert await codes.claim(*of, "ABCD-EFGH-JKLM") is None
        assert await codes.claim(*of, code.lower().replace("-", "")) == ana
        assert await codes.claim(*of, code) is None


async def test_strangers_get_no_code(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        with pytest.raises(Mistake, match="no such person"):
            await codes.issue(world.runtime, tx, world.organization, "f" * 32, "sign_in")
        ana = await world.person(tx, "Ana")
        with pytest.raises(Mistake, match="no such person"):
            await codes.issue(world.runtime, tx, "f" * 32, ana, "sign_in")


async def test_of_parallel_uses_one_succeeds(open_world: OpenWorld) -> None:
    async with open_world() as world:
        of = (world.runtime, world.organization)
        async with world.database.write() as tx:
            ana = await world.person(tx, "Ana")
            code = await codes.issue(of[0], tx, of[1], ana, "sign_in")
            link = await codes.issue(of[0], tx, of[1], ana, "link")

        async def redeem() -> bool:
            async with world.database.write() as tx:
                return await codes.redeem(of[0], tx, of[1], ana, "sign_in", code)

        async def claim() -> str | None:
            async with world.database.write() as tx:
                return await codes.claim(of[0], tx, of[1], link)

        assert sorted(await asyncio.gather(*(redeem() for _ in range(4)))) == [False, False, False, True]
        assert [one for one in await asyncio.gather(*(claim() for _ in range(4))) if one] == [ana]
