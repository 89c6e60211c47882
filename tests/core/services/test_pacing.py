"""Nobody is asked two pulses within fourteen days, whatever practice and workspace asks, answered or not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Cadence, Practice
from tertulia.services import merging, opening, pacing, people, rounds
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DAY = timedelta(days=1)


def practice(key: str, kind: str = "pulse", **options: Any) -> Practice:
    return Practice(
        key=key,
        kind=kind,
        title=key,
        cadence=Cadence(rule="FREQ=DAILY", start="2026-03-02T09:00", time="common"),
        open_for=5 * DAY,
        options=options,
    )


class Chat:
    """Installations of a workspace with one platform that reaches everybody."""

    id = "c" * 32
    platforms = {"chat": SimpleNamespace(survey=SimpleNamespace(confidential="native"))}  # noqa: RUF012 - never changed

    def of(self, workspace: str) -> tuple[Any]:
        return (self,)


async def accounts(stage: Any, persons: list[Id]) -> None:
    async with stage.database.write() as tx:
        for person in persons:
            row = {"organization_id": stage.organization, "id": stage.runtime.new_id(), "person_id": person}
            where = {"platform": "chat", "realm": "r", "user": person, "address": {"user": person}}
            flags = {"verified": True, "reachable": True, "seen_at": stage.clock.now()}
            await tx.execute(tables.identity.insert().values(**row, **where, **flags))


async def open_one(stage: Any, key: str, workspace: Id | None = None, kind: str = "pulse") -> dict[str, str | None]:
    """Open a round now, and return the reason by person why somebody is not asked."""
    round_id, now = stage.runtime.new_id(), stage.clock.now()
    row = {
        "organization_id": stage.organization,
        "id": round_id,
        "workspace_id": workspace or stage.workspace,
        "practice": key,
        "kind": kind,
        "program_version": 1,
        "occurrence": now.replace(tzinfo=None).isoformat(),
        "state": "planned",
        "next_action": "open",
        "next_at": now,
        "opens_at": now,
        "confidential": True,
    }
    async with stage.database.write() as tx:
        await tx.execute(tables.round_table.insert().values(row))
        await opening.open_round(stage.runtime, tx, await rounds.find(tx, round_id))
    sent = [row for row in await stage.rows(tables.delivery) if row["round_id"] == round_id]
    assert all((row["state"] == "planned") == (row["reason"] is None) for row in sent)
    return {row["recipient"]: row["reason"] for row in sent}


async def started(stage: Any, *practices: Practice, count: int = 3) -> list[Id]:
    stage.runtime.installations = Chat()
    await stage.apply(*practices)
    persons = [await stage.member(f"P{number}") for number in range(count)]
    await accounts(stage, persons)
    return persons


def later(stage: Any, **pause: int) -> None:
    stage.clock.set(stage.clock.now() + timedelta(**pause))


async def test_a_second_pulse_waits_fourteen_days(open_stage: Open) -> None:
    async with open_stage() as stage:
        persons = await started(stage, practice("weekly"), practice("other"))
        assert await open_one(stage, "weekly") == dict.fromkeys(persons)
        later(stage, days=13)
        assert await open_one(stage, "other") == dict.fromkeys(persons, pacing.TOO_SOON)
        later(stage, days=1)
        assert await open_one(stage, "weekly") == dict.fromkeys(persons)


@ON_SQLITE
async def test_only_those_who_were_asked_wait(open_stage: Open) -> None:
    async with open_stage() as stage:
        first, *_ = persons = await started(stage, practice("weekly"), practice("other"))
        async with stage.database.write() as tx:
            row = {"organization_id": stage.organization, "person_id": first, "practice": "weekly"}
            await tx.execute(tables.opt_out.insert().values(**row, at=stage.clock.now()))
        assert (await open_one(stage, "weekly"))[first] == "opted out"
        later(stage, days=2)
        asked = await open_one(stage, "other")
        assert asked == {person: None if person == first else pacing.TOO_SOON for person in persons}


@ON_SQLITE
async def test_who_turned_out_to_be_somebody_else_waits_all_the_same(open_stage: Open) -> None:
    async with open_stage() as stage:
        kept, gone, _ = await started(stage, practice("weekly"), practice("other"))
        async with stage.database.write() as tx:
            row = {"organization_id": stage.organization, "person_id": kept, "practice": "weekly"}
            await tx.execute(tables.opt_out.insert().values(**row, at=stage.clock.now()))
        asked = await open_one(stage, "weekly")
        assert (asked[kept], asked[gone]) == ("opted out", None)
        async with stage.database.write() as tx:
            await merging.merge(stage.runtime, tx, stage.organization, kept=kept, gone=gone, actor="test")
        later(stage, days=2)
        assert (await open_one(stage, "other"))[kept] == pacing.TOO_SOON


@ON_SQLITE
async def test_another_workspace_counts_too(open_stage: Open) -> None:
    async with open_stage() as stage:
        persons = await started(stage, practice("weekly"))
        async with stage.database.write() as tx:
            other = await people.create_workspace(stage.runtime, tx, stage.organization, name="Rome", actor="test")
            given = {"joined_at": stage.clock.now(), "organization_id": stage.organization, "workspace_id": other}
            await tx.execute(tables.membership.insert().values(**given, person_id=persons[0]))
        there = await open_one(stage, "weekly")
        assert there == dict.fromkeys(persons)
        async with stage.database.write() as tx:
            stored = await _program(tx, stage)
            await tx.execute(tables.program.insert().values({**stored, "workspace_id": other}))
        later(stage, days=3)
        assert await open_one(stage, "weekly", other) == {persons[0]: pacing.TOO_SOON}


async def _program(tx: Any, stage: Any) -> dict[str, Any]:
    (row,) = (await tx.execute(tables.program.select())).mappings().all()
    return dict(row)


@ON_SQLITE
async def test_another_survey_does_not_count(open_stage: Open) -> None:
    async with open_stage() as stage:
        single = practice("single", "single-question", question="How are things going?")
        persons = await started(stage, practice("weekly"), single)
        assert await open_one(stage, "weekly") == dict.fromkeys(persons)
        later(stage, days=1)
        assert await open_one(stage, "single", kind="single-question") == dict.fromkeys(persons)


@ON_SQLITE
async def test_a_staggered_pulse_asks_each_person_once_in_four_weeks(open_stage: Open) -> None:
    async with open_stage() as stage:
        persons = await started(stage, practice("weekly", staggered=True), count=12)
        asked: list[Id] = []
        for _ in range(4):
            reasons = await open_one(stage, "weekly")
            assert set(reasons.values()) <= {None, pacing.NOT_IN_TURN}
            asked += [person for person, reason in reasons.items() if reason is None]
            later(stage, weeks=1)
        assert sorted(asked) == sorted(persons)


@ON_SQLITE
async def test_a_missed_round_is_made_up_for(open_stage: Open) -> None:
    async with open_stage() as stage:
        await started(stage, practice("weekly"))
        await open_one(stage, "weekly")
        later(stage, days=20)
        missed = {"state": "cancelled", "opens_at": stage.clock.now() - 9 * DAY, "confidential": True}
        async with stage.database.write() as tx:
            row = {"organization_id": stage.organization, "id": "m" * 32, "workspace_id": stage.workspace}
            what = {"practice": "weekly", "kind": "pulse", "program_version": 1, "occurrence": "2026-03-13T09:00:00"}
            await tx.execute(tables.round_table.insert().values(**row, **what, **missed))
        await open_one(stage, "weekly")
        held = [row for row in await stage.rows(tables.round_table) if row["state"] == "open"]
        assert len(held) == 2
        first, second = (set(row["content"]["blocks"][0]) for row in sorted(held, key=lambda row: row["opens_at"]))
        assert first & second == {"recommendation.recommend"}
