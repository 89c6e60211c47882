"""A responder opens the own candles with the own key, and every opening is on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tertulia.errors import Mistake, Refused
from tertulia.services import people
from tertulia.storage import audit, tables


async def test_only_the_addressed_responder_opens_it(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        assert await house.open("dan") == []
        for name in ("olga", "lea", "ana"):
            assert await house.waiting(name) == []
            with pytest.raises(Mistake, match="key phrase"):
                await house.open(name, house.phrases["rosa"])
        with pytest.raises(Mistake, match="key phrase"):
            await house.open("dan", house.phrases["rosa"])
        assert (await house.rows(tables.candle))[0]["state"] == "waiting"
        assert [one.name for one in await house.open("rosa")] == ["Ana Canary"]


async def test_whoever_loses_the_role_sees_nothing_and_the_deputy_takes_over(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        async with house.database.write() as tx:
            whose = (house.organization, house.workspace, house.persons["rosa"], "responder")
            await people.revoke(house.runtime, tx, *whose, actor="test")
        assert await house.waiting("rosa") == []
        assert await house.open("rosa") == []
        await house.drive(house.clock.now() + timedelta(days=2))
        assert [one.name for one in await house.open("dan")] == ["Ana Canary"]


async def test_steps_go_forward_only_and_only_for_the_addressed(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        await house.light()
        (waiting,) = await house.waiting("rosa")
        await house.take_up(waiting.id, "closed")
        assert (await house.mine())[0].state == "waiting"  # nobody closes what was not read
        await house.open()
        with pytest.raises(Mistake, match="no such candle"):
            await house.take_up(waiting.id, "closed", "dan")
        with pytest.raises(Refused):
            await house.take_up(waiting.id, "waiting")
        await house.take_up(waiting.id, "acknowledged")
        await house.take_up(waiting.id, "acknowledged")
        await house.take_up(waiting.id, "closed")
        await house.take_up(waiting.id, "acknowledged")
        (mine,) = await house.mine()
        assert mine.state == "closed"
        assert [step.verb for step in mine.log] == [
            "candle.light",
            "candle.open",
            "candle.acknowledge",
            "candle.close",
        ]
        assert await house.open() == []


async def test_each_opening_is_in_the_chain(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        await house.light()
        await house.open()
        await house.open()
        (mine,) = await house.mine()
        assert [step.by for step in mine.log if step.verb == "candle.open"] == ["Rosa Canary"] * 2
        async with house.database.read() as tx:
            assert await audit.verify(tx, house.runtime.vault) == []


async def test_an_altered_box_stays_shut_and_goes_on_to_the_deputy(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        async with house.database.write() as tx:
            await tx.execute(tables.candle.update().values(responder_box=b"x" * 1072))
        assert await house.open() == []
        await house.drive(house.clock.now() + timedelta(days=2))
        assert [one.name for one in await house.open("dan")] == ["Ana Canary"]


async def test_nothing_that_counts_answers_knows_a_candle(open_house: Any) -> None:
    async with open_house() as house:
        touched = ("response", "participation", "respondent", "delivery", "budget", "seen", "ballot", "cell")
        before = {name: await house.rows(tables.metadata.tables[name]) for name in touched}
        await house.light()
        await house.open()
        assert {name: await house.rows(tables.metadata.tables[name]) for name in touched} == before
