"""Threats in anonymous feedback: responders read the text, messages tell nothing, and nobody learns an author."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake
from tertulia.storage import tables
from tertulia.surveys.candle import referrals
from tertulia.surveys.feedback import conversations, rights

NIGHT = datetime(2026, 11, 2, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 3, 7, tzinfo=UTC)
THREAT = "I will not come home on Friday."


async def written(house: Any, text: str = THREAT) -> str:
    """Let Ana write to the feedback, and return the conversation's id."""
    async with house.database.write() as tx:
        whose = (house.organization, house.workspace, house.persons["ana"])
        token = await rights.grant(house.runtime, tx, *whose)
        await conversations.post(house.runtime, tx, rights.read(house.runtime, token), text)
        (one,) = await conversations.in_workspace(house.runtime, tx, house.organization, house.workspace)
    return str(one.id)


async def pass_on(house: Any, conversation: str) -> None:
    async with house.database.write() as tx:
        where = (house.organization, house.workspace, conversation)
        await referrals.pass_on(house.runtime, tx, *where, actor=house.persons["olga"])


async def read(house: Any) -> list[conversations.Conversation]:
    async with house.database.read() as tx:
        return await conversations.passed_on(house.runtime, tx, house.organization, house.workspace)


async def test_a_threat_reaches_the_responders_without_a_name(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        conversation = await written(house)
        assert await read(house) == []
        async with house.database.write() as tx:
            where = (house.organization, house.workspace, conversation)
            await conversations.moderate(house.runtime, tx, *where, actor="test", hidden=True)
        await pass_on(house, conversation)
        (seen,) = await read(house)
        assert [message.text for message in seen.messages] == [THREAT]  # hidden from others, and whole here
        sent = await house.alerts()
        assert [to for to, _ in sent] == ["dan", "rosa"]
        for _, said in sent:
            for word in ("home", "Friday", "feedback", "threat", "danger", "Ana", conversation):
                assert word not in said
        await pass_on(house, conversation)
        assert len(await house.alerts()) == 2
        (entry,) = [row for row in await house.rows(tables.audit) if row["verb"] == "feedback.pass_on"]
        assert (entry["actor"], entry["subject"]) == (house.persons["olga"], conversation)
        kept = repr([await house.rows(table) for table in (tables.feedback, tables.feedback_message)]) + repr(entry)
        assert house.persons["ana"] not in kept
        assert "Friday" not in kept


async def test_it_waits_for_the_first_quiet_hours_to_end(open_house: Any) -> None:
    async with open_house() as house:
        conversation = await written(house)
        house.clock.set(NIGHT)
        await pass_on(house, conversation)
        assert await house.alerts() == []
        assert len(await read(house)) == 1
        (row,) = await house.rows(tables.feedback)
        house.clock.set(row["tell_at"] - timedelta(seconds=1))
        assert await referrals.tell_due(house.runtime) == 0
        house.clock.set(row["tell_at"])
        assert await referrals.tell_due(house.runtime) == 1
        assert {to for to, _ in await house.alerts()} <= {"rosa", "dan"}
        count = len(await house.alerts())
        assert count
        house.clock.set(row["tell_at"] + timedelta(days=9))
        assert await referrals.tell_due(house.runtime) == 0
        assert len(await house.alerts()) == count


async def test_nobody_to_pass_on_to_and_nothing_to_pass_on(open_house: Any) -> None:
    async with open_house() as house:
        conversation = await written(house)
        with pytest.raises(Mistake, match="no such conversation"):
            await pass_on(house, "0" * 32)
        async with house.database.write() as tx:
            await tx.execute(sa.delete(tables.role).where(tables.role.c.role == "responder"))
        with pytest.raises(Mistake, match="Nobody here is a responder"):
            await pass_on(house, conversation)
        assert await read(house) == []


async def test_what_cannot_be_told_is_tried_again(open_house: Any) -> None:
    async with open_house() as house:
        conversation = await written(house)
        house.clock.set(NIGHT)
        await pass_on(house, conversation)
        (row,) = await house.rows(tables.feedback)
        house.clock.set(row["tell_at"])
        dan = tables.person.c.id == house.persons["dan"]
        async with house.database.write() as tx:
            zone = (await tx.execute(tables.person.select().where(dan))).one().zone
            await tx.execute(tables.person.update().where(dan).values(zone="Nowhere/Gone"))
        await referrals.tell_due(house.runtime)
        async with house.database.write() as tx:
            await tx.execute(tables.person.update().where(dan).values(zone=zone))
        await referrals.tell_due(house.runtime)
        assert await house.alerts()
