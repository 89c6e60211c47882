"""A survey's close: cells are computed beforehand, kept with the close, and are all that is left of the answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.people import Person
from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest
from tertulia.services import advance as advancing
from tertulia.services import releasing, rounds, shares, summaries
from tertulia.storage import cells, tables
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

Open = Callable[[], AbstractAsyncContextManager[Any]]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CADENCE = Cadence(rule="FREQ=MONTHLY", start="2026-03-02T09:00:00")
OPTIONS = {"instruments": ["recommendation", "satisfaction", "support"], "questions": 3}
PULSE = Practice(key="pulse", kind="pulse", title="Pulse", cadence=CADENCE, options=OPTIONS)
GOOD = {"recommendation.recommend": "10", "satisfaction.happy": "5", "support.need": ["nothing"]}
BAD = {"recommendation.recommend": "2", "satisfaction.happy": "2", "support.need": ["time", "care"]}


async def pulse(stage: Any, people: list[str], *, bad: int = 0, fewest: int = 5) -> str:
    """Open a pulse and let *people* answer it, the first *bad* of them badly."""
    request = RoundRequest(practice="pulse", options=Options(**OPTIONS), occurrence="now", group_size=20, seed=1)
    round_id: str = await stage.open_round(PULSE, **{**Pulse().prepare(request).content, "fewest": fewest})
    for number, person in enumerate(people):
        reply = await stage.answer(round_id, person, BAD if number < bad else GOOD)
        assert reply.status == "taken"
    return round_id


async def staff(stage: Any, count: int = 24) -> list[str]:
    await stage.apply(PULSE)
    return [
        await stage.member(
            f"P{number:02d}",
            team="Sales / North" if number % 2 else "Sales / South",
            location="Rome" if number % 3 else "Oslo",
        )
        for number in range(count)
    ]


async def close(stage: Any, round_id: str) -> None:
    await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
    step = 7
    for _ in range(2):
        await advancing.advance(stage.runtime, round_id, step)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, round_id)
        if found.state != "closing":
            return
        step = found.step


class Nobody:
    """Installations of a runtime that has none."""

    def of(self, workspace: str) -> tuple[()]:
        return ()


async def test_a_closed_pulse_leaves_cells_and_nothing_else(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage)
        round_id = await pulse(stage, people, bad=8)
        await close(stage, round_id)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, round_id)
            published = await releasing.published(tx, stage.organization, round_id)
        assert found.state == "released"
        assert found.summary["figures"]["gate"] == "all"
        assert found.summary["figures"]["answered"] == 20
        assert await stage.rows(tables.ballot) == []
        assert stage.runtime.keys.find(round_id) is None
        company = {cell.item: cell for cell in published if cell.group.family == "company"}
        needs = {f"support.need.{name}" for name in ("nothing", "time", "tools", "contact", "care", "break")}
        assert set(company) == {"recommendation.recommend", "satisfaction.happy", *needs}
        assert {one.name: one.value for one in company["support.need.care"].figures} == {"yes": 10, "no": 15}
        score = {figure.name: figure.value for figure in company["recommendation.recommend"].figures}
        assert score == {"promoter": 15, "passive": 0, "detractor": 10}
        keys = {cell.group.key for cell in published}
        assert '[["team","Sales / North"]]' in keys
        assert '[["location","Rome"]]' in keys
        ledger = await stage.rows(tables.respondent)
        assert {row["person_id"] for row in ledger} == set(people)
        assert all(row["atom"]["worker_type"] == "employee" for row in ledger)


async def test_the_summary_is_made_of_published_cells(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        round_id = await pulse(stage, await staff(stage), bad=8)
        await close(stage, round_id)
        async with stage.database.write() as tx:
            found = await rounds.find(tx, round_id)
            _, draft = await summaries.summarise(stage.runtime, tx, found, PULSE)
        assert draft is not None
        assert "At least 20 people answered." in draft.body.plain()
        assert "+20 (between " in draft.body.plain()


@ON_SQLITE
async def test_an_item_is_counted_over_those_who_were_asked_it(open_stage: Open) -> None:
    options = {"instruments": ["recommendation", "belonging"], "questions": 3, "parts": 2}
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage, 40)
        request = RoundRequest(practice="p", options=Options(**options), occurrence="now", group_size=40, seed=1)
        content = Pulse().prepare(request).content
        round_id = await stage.open_round(PULSE, **content)
        blocks: dict[str, list[str]] = {}
        for person in people:
            async with stage.database.read() as tx:
                share = await shares.share_of(stage.runtime, tx, await rounds.find(tx, round_id), Pulse(), person)
            blocks.setdefault(share["block"], []).append(person)
            asked = content["blocks"][int(share["block"])]
            reply = await stage.answer(round_id, person, dict.fromkeys(asked, "5"))
            assert reply.status == "taken"
        await close(stage, round_id)
        async with stage.database.read() as tx:
            published = await releasing.published(tx, stage.organization, round_id)
        company = {cell.item: cell for cell in published if cell.group.family == "company"}
        assert company["recommendation.recommend"].answered == 40
        for number, block in enumerate(content["blocks"]):
            for key in block[1:]:
                assert company[key].answered == len(blocks[str(number)]) // 5 * 5
        ledger = {row["person_id"]: row["atom"]["block"] for row in await stage.rows(tables.respondent)}
        assert ledger == {person: number for number, some in blocks.items() for person in some}


async def test_reasons_for_not_answering_are_counted_apart(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage, 30)
        round_id = await pulse(stage, people[:14], bad=8)
        for number, person in enumerate(people[14:], start=14):
            reason = {} if number < 18 else {"pass.reason": "often" if number % 2 else "time"}
            reply = await stage.answer(round_id, person, reason, verb="decline")
            assert "You passed" in reply.text.plain()
        await close(stage, round_id)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, round_id)
            published = await releasing.published(tx, stage.organization, round_id)
        company = {cell.item: cell for cell in published if cell.group.family == "company"}
        assert company["recommendation.recommend"].answered == 10
        assert company["pass.reason"].answered == 10
        assert {one.name: one.value for one in company["pass.reason"].figures if one.value} == {"time": 5, "often": 5}
        assert found.summary["figures"]["answered"] == 10
        assert {row["person_id"] for row in await stage.rows(tables.respondent)} == {*people[:14], *people[18:]}


@ON_SQLITE
async def test_few_reasons_are_not_told_and_their_givers_not_noted(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage)
        round_id = await pulse(stage, people[:20], bad=8)
        for person in people[20:]:
            await stage.answer(round_id, person, {"pass.reason": "trust"}, verb="decline")
        await close(stage, round_id)
        async with stage.database.read() as tx:
            published = await releasing.published(tx, stage.organization, round_id)
        assert "pass.reason" not in {cell.item for cell in published}
        ledger = await stage.rows(tables.respondent)
        assert {row["person_id"] for row in ledger} == set(people[:20])
        assert "declined" not in repr(ledger)


async def test_few_answers_publish_nothing(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage)
        round_id = await pulse(stage, people[:4])
        await close(stage, round_id)
        async with stage.database.read() as tx:
            assert await releasing.published(tx, stage.organization, round_id) == []
            kept = await cells.of_round(tx, stage.organization, round_id, published=False)
            found = await rounds.find(tx, round_id)
        assert {one.outcome for one in kept} == {"too_few"}
        assert found.summary["figures"]["answered"] == 0
        assert "4" not in str([one.figures for one in kept])


async def test_one_leaver_changes_nothing_that_tells_on_them(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage, 46)
        first = await pulse(stage, people, bad=8)
        await close(stage, first)
        second = await pulse(stage, people[1:], bad=8)
        await close(stage, second)
        ledger = [row for row in await stage.rows(tables.respondent) if row["round_id"] == second]
        assert len(ledger) == 45
        assert 0 < sum(row["atom"] is None for row in ledger) <= 4
        async with stage.database.read() as tx:
            found = await rounds.find(tx, second)
        assert found.summary["figures"]["left_out"] == sum(row["atom"] is None for row in ledger)


async def test_k_stays_as_high_as_it_was(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage)
        first = await pulse(stage, people, fewest=7)
        await close(stage, first)
        second = await pulse(stage, people, fewest=5)
        await close(stage, second)
        async with stage.database.read() as tx:
            found = await rounds.find(tx, second)
        assert found.summary["figures"]["fewest"] == 7


async def test_an_answer_erased_after_the_computation_is_not_published(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage)
        round_id = await pulse(stage, people)
        await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
        prepared = await releasing.prepare(stage.runtime, round_id, 7)
        assert prepared is not None
        assert await releasing.prepare(stage.runtime, round_id, 8) is None
        async with stage.database.write() as tx:
            gone = sa.select(tables.ballot.c.id).limit(1).scalar_subquery()
            await tx.execute(tables.ballot.delete().where(tables.ballot.c.id == gone))
        async with stage.database.write() as tx:
            found = await rounds.find(tx, round_id)
            assert not await releasing.keep(tx, found, prepared)
        await close(stage, round_id)
        assert len(await stage.rows(tables.respondent)) == 23


@pytest.mark.parametrize(
    ("team", "days", "atom"),
    [
        ("Sales / North", 10, {"department": "Sales", "team": "Sales / North", "tenure": "under 1 year"}),
        ("Design", 800, {"team": "Design", "tenure": "1 to 3 years"}),
        (None, 3000, {"tenure": "over 6 years"}),
        ("Ops", None, {"team": "Ops"}),
    ],
)
def test_what_people_are_counted_by(team: str | None, days: int | None, atom: dict[str, str]) -> None:
    person = Person(id="p", organization="o", name="Ada", team=team)
    assert releasing.atom_of(person, days) == {"worker_type": "employee", **atom}


async def test_a_mistake_of_the_computation_is_told_and_leaves_everything(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.installations = Nobody()
        people = await staff(stage, 6)
        round_id = await pulse(stage, people, fewest=4)
        await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
        with pytest.raises(Mistake, match="5 or more"):
            await advancing.advance(stage.runtime, round_id, 7)
        assert len(await stage.rows(tables.ballot)) == 6
        async with stage.database.read() as tx:
            assert (await rounds.find(tx, round_id)).state == "closing"
