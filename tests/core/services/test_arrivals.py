"""Onboarding and exit surveys: each person at their own moment, pooled until enough have answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Cadence, Moment, Practice
from tertulia.services import advance as advancing
from tertulia.services import answers, arrivals, merging, people, releasing, rounds
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PERIOD = 28 * DAY
OPTIONS = {"instruments": ["onboarding"], "anchor": "onboarding.welcome", "questions": 3}
LEAVING = {"instruments": ["exit"], "anchor": "exit.come_back", "questions": 3}


def practice(moment: Moment, options: Any = OPTIONS, key: str = "moment") -> Practice:
    return Practice(
        key=key,
        kind="pulse",
        title="First days",
        cadence=Cadence(rule="FREQ=WEEKLY;INTERVAL=4", start="2026-03-02T09:00", time="common"),
        open_for=PERIOD,
        options=options,
        moment=moment,
    )


JOINED = practice(Moment("joined", 7 * DAY))
LEFT = practice(Moment("left", DAY), LEAVING)


class Channels:
    """Installations with a chat and mail."""

    id = "c" * 32

    def of(self, workspace: str) -> tuple[Any]:
        port = SimpleNamespace(survey=SimpleNamespace(confidential="native"))
        return (SimpleNamespace(id=self.id, platforms={"chat": port, "web": port}, plugin="web"),)


async def begin(stage: Any, *practices: Practice) -> None:
    stage.runtime.installations = Channels()
    await stage.apply(*practices)
    async with stage.database.write() as tx:
        for one in practices:
            program = SimpleNamespace(version=1)
            place = (stage.runtime, tx, stage.organization, stage.workspace)
            await rounds.plan_next(*place, program, one, after=None)


async def tick(stage: Any, days: float = 0) -> None:
    """Let the clock run, a day at a time, and take every step that is due; messages arrive at once."""
    end = stage.clock.now() + days * DAY
    while True:
        async with stage.database.read() as tx:
            rows = (await tx.execute(tables.round_table.select())).mappings().all()
        for row in rows:
            if row["next_at"] is not None and row["next_at"] <= stage.clock.now():
                await advancing.advance(stage.runtime, row["id"], row["step"])
        async with stage.database.write() as tx:
            planned = tables.delivery.c.state == "planned"
            await tx.execute(tables.delivery.update().where(planned).values(state="sent"))
        if not any(row["next_at"] is not None and row["next_at"] <= stage.clock.now() for row in rows):
            if stage.clock.now() >= end:
                return
            stage.clock.set(min(end, stage.clock.now() + DAY))


async def asked(stage: Any) -> dict[Id, Any]:
    shards = {row["id"]: row["due"] for row in await stage.rows(tables.shard)}
    rows = [row for row in await stage.rows(tables.delivery) if row["purpose"] == "invite"]
    assert len({row["recipient"] for row in rows}) == len(rows)
    return {row["recipient"]: (shards[row["shard_id"]], row["platform"]) for row in rows}


async def the_rounds(stage: Any) -> list[Any]:
    return sorted(await stage.rows(tables.round_table), key=lambda row: row["opens_at"])


async def answer_all(stage: Any, round_id: Id, persons: list[Id]) -> None:
    async with stage.database.read() as tx:
        content = (await rounds.find(tx, round_id)).content
    values = {key: "5" for block in content["blocks"] for key in block}
    if "exit.reason" in values:
        values["exit.reason"] = "pay"
    for person in persons:
        reply = await stage.answer(round_id, person, values)
        assert reply.status == "taken", reply


@ON_SQLITE
async def test_each_newcomer_is_asked_a_week_after_joining(open_stage: Open) -> None:
    async with open_stage() as stage:
        here_before = await stage.member("Before")
        stage.clock.set(START + timedelta(hours=1))
        await begin(stage, JOINED)
        (planned,) = await the_rounds(stage)
        assert planned["opens_at"] > stage.clock.now() + 20 * DAY
        stage.clock.set(planned["opens_at"])
        await tick(stage, 3)
        assert await asked(stage) == {}
        first = await stage.member("First")
        await tick(stage, 2)
        second = await stage.member("Second")
        joined = stage.clock.now()
        await tick(stage, 12)
        due = await asked(stage)
        assert set(due) == {first, second}
        assert here_before not in due
        assert timedelta(0) <= due[second][0] - (joined + 7 * DAY) <= DAY
        assert due[second][0] - due[first][0] == 2 * DAY


@ON_SQLITE
async def test_who_turned_out_to_be_somebody_else_is_not_asked_again(open_stage: Open) -> None:
    async with open_stage() as stage:
        await begin(stage, JOINED)
        stage.clock.set(stage.clock.now() + DAY)
        await tick(stage)
        gone = await stage.member("Ana")
        await tick(stage, 8)
        assert set(await asked(stage)) == {gone}
        kept = await stage.member("Twin")
        async with stage.database.write() as tx:
            await merging.merge(stage.runtime, tx, stage.organization, kept=kept, gone=gone, actor="test")
        await tick(stage, 10)
        assert set(await asked(stage)) == {gone}


async def test_few_answers_are_pooled_with_the_next_period(open_stage: Open) -> None:
    async with open_stage() as stage:
        await begin(stage, JOINED)
        stage.clock.set(stage.clock.now() + DAY)
        await tick(stage)
        early = [await stage.member(f"E{number}") for number in range(4)]
        await tick(stage, 10)
        (round_, *_) = [row for row in await the_rounds(stage) if row["state"] == "open"]
        assert set(await asked(stage)) == set(early)
        await answer_all(stage, round_["id"], early)
        await tick(stage, 30)
        states = {row["id"]: row["state"] for row in await the_rounds(stage)}
        assert states[round_["id"]] == "open"
        assert sorted(states.values()).count("cancelled") == 1
        late = [await stage.member(f"L{number}") for number in range(3)]
        await tick(stage, 10)
        assert set(await asked(stage)) == {*early, *late}
        await answer_all(stage, round_["id"], late)
        await tick(stage, 27)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, round_["id"])
            cells = await releasing.published(tx, stage.organization, round_["id"])
        assert found.state == "released"
        assert found.closes_at == round_["opens_at"] + 2 * PERIOD
        assert {cell.answered for cell in cells if cell.group.family == "company"} == {5}


@ON_SQLITE
async def test_a_pool_that_stays_small_ends_after_a_year_and_tells_nothing(open_stage: Open) -> None:
    async with open_stage() as stage:
        await begin(stage, JOINED)
        stage.clock.set(stage.clock.now() + DAY)
        await tick(stage)
        alone = await stage.member("Alone")
        await tick(stage, 10)
        (round_, *_) = [row for row in await the_rounds(stage) if row["state"] == "open"]
        await answer_all(stage, round_["id"], [alone])
        later = round_["closes_at"]
        for _ in range(20):
            async with stage.database.write() as tx:
                found = await rounds.find(tx, round_["id"])
                goes_on = await arrivals.goes_on(stage.runtime, tx, found, JOINED)
            if goes_on is None:
                break
            assert goes_on == later + PERIOD
            later = goes_on
            await stage.change_round(round_["id"], closes_at=later)
        assert 365 * DAY - PERIOD < later - round_["opens_at"] <= 365 * DAY
        stage.clock.set(later)
        await stage.change_round(round_["id"], next_action="close", next_at=later)
        await tick(stage)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, round_["id"])
            assert await releasing.published(tx, stage.organization, round_["id"]) == []
        assert found.summary["figures"]["answered"] == 0
        assert await stage.rows(tables.ballot) == []


@ON_SQLITE
async def test_who_leaves_is_asked_by_mail_and_may_answer(open_stage: Open) -> None:
    async with open_stage() as stage:
        staying = [await stage.member(f"S{number}") for number in range(3)]
        leaving = [await stage.member(f"L{number}") for number in range(6)]
        await begin(stage, LEFT)
        stage.clock.set(stage.clock.now() + DAY)
        await tick(stage)
        async with stage.database.write() as tx:
            for person in leaving:
                place = (stage.runtime, tx, stage.organization, stage.workspace)
                await people.leave(*place, person, actor="test")
        await tick(stage, 3)
        due = await asked(stage)
        assert set(due) == set(leaving)
        assert {platform for _, platform in due.values()} == {"web"}
        (round_, *_) = [row for row in await the_rounds(stage) if row["state"] == "open"]
        refused = await stage.answer(round_["id"], staying[0], {}, verb="pass")
        assert refused.status == "taken"  # a member may; their pass is counted nowhere
        await answer_all(stage, round_["id"], leaving)
        await tick(stage, 30)
        async with stage.database.read() as tx:
            cells = await releasing.published(tx, stage.organization, round_["id"])
        assert {cell.answered for cell in cells if cell.group.family == "company"} == {5}


@ON_SQLITE
async def test_who_left_answers_nothing_else(open_stage: Open) -> None:
    async with open_stage() as stage:
        other = Practice(key="o", kind="pulse", title="O", cadence=JOINED.cadence, options=OPTIONS)
        await stage.apply(LEFT, other)
        person = await stage.member("Gone")
        async with stage.database.write() as tx:
            await people.leave(stage.runtime, tx, stage.organization, stage.workspace, person, actor="test")
        for one in (LEFT, other):
            round_id = await stage.open_round(one, items=[], blocks=[[]])
            reply = await stage.answer(round_id, person, {}, verb="pass")
            assert reply.text.plain() == answers.NOT_A_MEMBER


@ON_SQLITE
async def test_a_newcomer_who_got_a_pulse_is_asked_later(open_stage: Open) -> None:
    async with open_stage() as stage:
        await begin(stage, JOINED)
        stage.clock.set(stage.clock.now() + DAY)
        await tick(stage)
        newcomer = await stage.member("New")
        await tick(stage, 3)
        pulse = await stage.open_round(JOINED, items=[], blocks=[[]], fewest=5)
        await stage.change_round(pulse, practice="another", closes_at=stage.clock.now() + 5 * DAY)
        shard = {"id": stage.runtime.new_id(), "round_id": pulse, "purpose": "invite", "size": 1}
        times = {"origin": stage.clock.now(), "due": stage.clock.now(), "state": "done", "epoch": 0}
        row = {"seq": 0, "round_id": pulse, "purpose": "invite", "recipient": newcomer, "target": "person"}
        how = {"state": "sent", "attempts": 1, "next_at": 0.0, "organization_id": stage.organization}
        async with stage.database.write() as tx:
            more = {"lease_until": 0.0, "organization_id": stage.organization}
            await tx.execute(tables.shard.insert().values(**shard, **times, **more))
            await tx.execute(tables.delivery.insert().values(**row, **how, shard_id=shard["id"]))
        then = stage.clock.now()
        await tick(stage, 17)
        sent = [one for one in await stage.rows(tables.delivery) if one["round_id"] != pulse]
        invitations = [one for one in sent if one["purpose"] == "invite"]
        assert [one["recipient"] for one in invitations] == [newcomer]
        (due,) = [one["due"] for one in await stage.rows(tables.shard) if one["id"] == invitations[0]["shard_id"]]
        assert 14 * DAY <= due - then <= 15 * DAY


def test_a_round_looks_once_a_day() -> None:
    opens = START
    looks = [
        arrivals.next_look(cast(Any, SimpleNamespace(opens_at=opens, next_at=opens + days * DAY))).at - opens
        for days in (0, 0.5, 1, 2.9)
    ]
    assert [look / DAY for look in looks] == [1, 1, 2, 3]
