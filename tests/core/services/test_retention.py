"""What was kept long enough goes, what was not stays, and every table has a period or a reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake
from tertulia.services import retention
from tertulia.storage import audit, tables
from tertulia.storage.database import Database, Tx

DAY = timedelta(days=1)


def test_every_table_has_a_period_or_a_reason() -> None:
    ruled = {rule.table.name for rule in retention.RULES.values()} | {"audit"}
    assert ruled.isdisjoint(retention.KEPT)
    assert ruled | set(retention.KEPT) == set(tables.metadata.tables)
    assert set(retention.RULES) | {"audit"} == set(retention.RETENTION)
    assert all(name.partition(".")[0] == rule.table.name for name, rule in retention.RULES.items())


async def put(tx: Tx, table: sa.Table, values: Mapping[str, Any], number: int) -> None:
    """Insert a row with *values*, the others filled in."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in values:
            row[column.name] = values[column.name]
        elif column.primary_key:
            length = min(32, getattr(column.type, "length", None) or 32)
            row[column.name] = number if isinstance(column.type, sa.Integer) else f"{number:0{length}}"
        elif not column.nullable:
            row[column.name] = _filler(column, number)
    await tx.execute(table.insert().values(row))


def _filler(column: sa.Column[Any], number: int) -> Any:
    if isinstance(column.type, sa.LargeBinary):
        return b"x"
    if isinstance(column.type, sa.JSON):
        return {}
    if isinstance(column.type, sa.String):
        return f"{number:05}"
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.Integer | sa.Float):
        return 0
    return datetime.fromisoformat("2020-01-01T00:00:00+00:00")


class Garden:
    """Rows of every kind, each on both sides of its limit."""

    def __init__(self, world: Any, tx: Tx):
        self.world, self.tx, self.number = world, tx, 0
        self.now: datetime = world.clock.now()
        self.base = {"organization_id": world.organization, "workspace_id": world.workspace}

    async def row(self, table: sa.Table, **values: Any) -> str:
        self.number += 1
        await put(self.tx, table, {**self.base, **values}, self.number)
        return f"{self.number:032}"

    async def plant(self) -> None:
        """Put two rows of every kind: one just past its period, one just within."""
        person = await self.world.person(self.tx, "Ana")
        for side in (-1, 1):
            await self._instants(side, person)
            await self._seconds(side)
            await self._by_round(side)
            for table, weeks in ((tables.interaction, 26), (tables.budget, 8), (tables.feedback_right, 4)):
                year, week, _ = (self.now - timedelta(weeks=weeks) + side * timedelta(weeks=1)).isocalendar()
                await self.row(table, week=f"{year}-W{week:02d}")

    async def _instants(self, side: int, person: str) -> None:
        def at(name: str) -> datetime:
            return self.now - retention.RETENTION[name] + side * timedelta(hours=1)

        await self.row(tables.inbox, state="failed", sealed=b"x", received_at=at("inbox.failed"))
        await self.row(tables.inbox, state="received", sealed=b"x", received_at=at("inbox.received"))
        await self.row(tables.inbox, state="done", received_at=at("inbox.done"))
        await self.row(tables.link, expires_at=at("link"))
        await self.row(tables.web_session, expires_at=at("web_session"))
        await self.row(tables.session_origin, ends_at=at("session_origin"))
        await self.row(tables.spent_sign_in, until=at("spent_sign_in"))
        await self.row(tables.code, person_id=person, expires_at=at("code"))
        await self.row(tables.api_token, person_id=person, expires_at=at("api_token"))
        lasting = await self.row(tables.api_token, person_id=person, expires_at=self.now)
        await self.row(tables.api_reply, token_id=lasting, at=at("api_reply"))
        held = await self.row(tables.round_table, opens_at=self.now)
        await self.row(tables.response, round_id=held, person_id=person, given_at=at("response"))
        await self.row(tables.participation, started_at=at("participation"))
        await self.row(tables.ritual_memory, used_at=at("ritual_memory"))
        await self.row(tables.identity, person_id=None, seen_at=at("identity.unresolved"))
        known = await self.row(tables.identity, person_id=person, seen_at=self.now - 2000 * DAY)
        await self.row(tables.identity_change, identity_id=known, at=at("identity_change"))
        await self.row(tables.match_history, person_id=person, at=at("match_history"))
        await self.row(tables.sign_up, practice=f"p{side}", person_id=person, left_at=at("sign_up"))
        await self.row(tables.past_result, kind=f"k{side}", person_id=person, at=at("past_result"))
        await self.row(tables.private_answer, round_id=held, person_id=person, expires_at=at("private_answer"))
        await self._shared(at, person, side)
        await self.row(tables.hard_weeks, resumes_at=at("hard_weeks"))
        await self.row(tables.proposal, expires_at=at("proposal"))
        group = await self.row(tables.affinity_group)
        await self.row(tables.affinity_member, group_id=group, person_id=person, asked_at=at("affinity_member"))
        await self.row(tables.kudos, giver_id=person, receiver_id=person, at=at("kudos"))
        await self.row(tables.candle, changed_on=at("candle"))
        await self.row(tables.measure_roster, used_at=at("measure_roster"))
        last_day = self.now - retention.RETENTION["employment"] + side * DAY
        await self.row(tables.employment, person_id=person, end_date=f"{last_day:%Y-%m-%d}")
        await self.row(tables.feedback_spent, until=at("feedback_spent"))
        said = await self.row(tables.feedback, week=at("feedback"))
        await self.row(tables.feedback_message, feedback_id=said, week=at("feedback"))
        await self.row(tables.identity_merge, kept=person, gone=person, at=at("identity_merge"))

    async def _shared(self, at: Callable[[str], datetime], person: str, side: int) -> None:
        item = await self.row(
            tables.gallery_item, round_id=await self._round(), person_id=person, expires_at=at("gallery_item")
        )
        await self.row(tables.gallery_picture, item_id=item, sealed=b"x")
        day = at("celebration")
        await self.row(tables.celebration, practice=f"c{side}", person_id=person, expires_at=day)
        for name, table in (("response.expired", tables.response), ("round_share.expired", tables.round_share)):
            until = (at(name) + side * DAY).date().isoformat()
            over = await self._round(content={"keep_until": until})
            dated = {"given_at": self.now} if table is tables.response else {}
            await self.row(table, round_id=over, person_id=person, **dated)

    async def _round(self, **values: Any) -> str:
        return await self.row(tables.round_table, opens_at=self.now, **values)

    async def _seconds(self, side: int) -> None:
        def at(name: str) -> float:
            return time.time() - retention.RETENTION[name].total_seconds() + side * 3600

        await self.row(tables.seen, at=at("seen"))
        await self.row(tables.outbox, state="sent", next_at=at("outbox"))
        await self.row(tables.outbox, state="failed", next_at=at("outbox"))
        await self.row(tables.outbox, state="planned", next_at=0.0)
        await self.row(tables.worker, beat=at("worker"))
        await self.row(tables.lease, until=at("lease"))
        await self.row(tables.rate, tat=at("rate"))

    async def _by_round(self, side: int) -> None:
        def at(name: str) -> datetime:
            return self.now - retention.RETENTION[name] + side * timedelta(hours=1)

        old = await self.row(tables.round_table, opens_at=self.now - 2000 * DAY, closes_at=at("session"))
        await self.row(tables.session, round_id=old)
        who = await self.world.person(self.tx, f"Guest{side}")
        await self.row(tables.round_share, round_id=old, person_id=who)
        await self.row(tables.reservation, round_id=old, person_id=who)
        await self.row(tables.question, round_id=old)
        over = await self.row(tables.round_table, opens_at=self.now - 2000 * DAY, closes_at=at("seat"))
        held = await self.row(tables.session, round_id=over)
        await self.row(tables.seat, session_id=held, round_id=over)
        await self.row(tables.turns, session_id=held, round_id=over)
        asked = await self.row(tables.round_table, opens_at=self.now - 2000 * DAY, closes_at=at("respondent"))
        await self.row(tables.respondent, round_id=asked)
        told = await self.row(tables.round_table, opens_at=self.now - 2000 * DAY, closes_at=at("comment"))
        await self.row(tables.comment, round_id=told)
        shard = await self.row(tables.shard, round_id=old, due=at("shard"))
        await self.row(tables.delivery, shard_id=shard, round_id=old)


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        return {
            table.name: await tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in tables.metadata.sorted_tables
        }


async def test_each_kind_goes_past_its_period_and_not_before(open_world: Any) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            await Garden(world, tx).plant()
        before = await counts(world.database)
        swept = await retention.sweep(world.runtime, world.clock.now())
        after = await counts(world.database)
        expected = dict.fromkeys(retention.RULES, 1) | {"outbox": 2}
        assert swept == expected
        lost = {name: before[name] - after[name] for name in before if before[name] != after[name]}
        assert lost == {
            **dict.fromkeys([name for name in expected if "." not in name], 1),
            "inbox": 3,
            "outbox": 2,
            "identity": 1,
            "response": 2,
            "round_share": 2,
        }
        assert await retention.sweep(world.runtime, world.clock.now()) == {}


async def test_a_driven_clock_empties_what_lives_by_it(open_world: Any) -> None:
    async with open_world() as world:
        async with world.database.write() as tx:
            await Garden(world, tx).plant()
        await retention.sweep(world.runtime, world.clock.advance(4 * 365 * DAY))
        after = await counts(world.database)
        driven = ["inbox", "response", "participation", "interaction", "delivery", "shard", "session", "respondent"]
        assert {after[name] for name in [*driven, "link", "web_session", "code", "identity_merge"]} == {0}
        assert after["seen"] == after["worker"] == after["rate"] == 1  # real time did not pass


async def test_more_than_a_batch_goes_and_a_period_can_be_set(open_world: Any) -> None:
    async with open_world() as world:
        row = {"organization_id": world.organization, "person_id": "p", "round_id": "r"}
        async with world.database.write() as tx:
            rows = [{"digest": f"{number:064}", "expires_at": world.clock.now(), **row} for number in range(1234)]
            await tx.execute(tables.link.insert(), rows)
        now = world.clock.advance(2 * DAY)
        assert await retention.sweep(world.runtime, now, {"link": 3 * DAY}) == {}
        assert await retention.sweep(world.runtime, now) == {"link": 1234}


async def test_the_audit_log_is_cut_at_its_start_and_still_verifies(open_world: Any) -> None:
    async with open_world() as world:
        now = world.clock.advance(2 * 365 * DAY)
        async with world.database.write() as tx:
            entry = {"organization": None, "at": now, "actor": "a", "verb": "v", "subject": "s", "detail": {}}
            await audit.record(tx, world.runtime.vault, **entry)
        swept = await retention.sweep(world.runtime, world.clock.advance(2 * 365 * DAY))
        assert swept == {"audit": 2}
        async with world.database.read() as tx:
            assert await audit.verify(tx, world.runtime.vault) == []
            assert (await audit.anchor(tx) or (0,))[0] == 3


def test_the_setting_is_days_by_kind() -> None:
    assert retention.periods("") == {}
    assert retention.periods(" response=730, inbox.failed = 7,") == {"response": 730 * DAY, "inbox.failed": 7 * DAY}


@pytest.mark.parametrize(
    "text", ["links=3", "link", "link=", "link=x", "link=0", "link=-1", "link=²", "link=99999", "=3"]
)
def test_a_wrong_setting_is_a_mistake(text: str) -> None:
    with pytest.raises(Mistake, match="TERTULIA_RETENTION"):
        retention.periods(text)
