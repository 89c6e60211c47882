"""What is shown of a closed round, and to whom; what is left of a survey."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from tertulia.domain.programs import Audience, Cadence, Practice
from tertulia.domain.prompts import Draft
from tertulia.services import rounds, summaries
from tertulia.services.prompts import compose_summary
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
CHECK = Practice(key="monday", kind="check-in", title="Monday", cadence=CADENCE)
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
QUESTION: dict[str, Any] = {"question": "How was it?", "choices": ["calm", "full"], "ends": ["low", "high"]}


async def summarise(stage: Any, round_id: str, practice: Practice = CHECK) -> tuple[Any, Draft | None]:
    async with stage.database.write() as tx:
        round_ = await rounds.find(tx, round_id)
        return await summaries.summarise(stage.runtime, tx, round_, practice)


async def crowd(stage: Any, visibility: str) -> str:
    """Let Ada and Bo of two teams answer, Cyd pass and Dee stay silent."""
    await stage.apply(CHECK)
    round_id: str = await stage.open_round(CHECK, ask="both", visibility=visibility)
    for name, team in (("Ada", "Red"), ("Bo", "Blue")):
        await stage.answer(round_id, await stage.member(name, team=team), {"work": f"{name}'s bread"})
    await stage.answer(round_id, await stage.member("Cyd", team="Red"), verb="pass")
    await stage.member("Dee", team="Red")
    return round_id


@pytest.mark.parametrize(
    ("visibility", "teams", "shown"),
    [("workspace", (), True), ("team", (), False), ("team", ("Red",), True), ("me", ("Red",), False)],
)
async def test_an_answer_is_shown_only_to_those_its_giver_was_told(
    open_stage: Open, visibility: str, teams: tuple[str, ...], shown: bool
) -> None:
    async with open_stage() as stage:
        round_id = await crowd(stage, visibility)
        figures, draft = await summarise(stage, round_id, replace(CHECK, audience=Audience(teams=teams)))
        assert (figures["answered"], figures["passed"]) == (2, 1)
        assert draft is not None
        text = draft.body.plain()
        assert ("Ada's bread" in text) is shown
        assert "2 people checked in, 1 passed." in text
        assert "Cyd" not in text
        assert "Dee" not in text


async def test_an_erased_person_is_not_shown(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await crowd(stage, "workspace")
        async with stage.database.write() as tx:
            erased = tables.person.update().where(tables.person.c.name == "Ada")
            await tx.execute(erased.values(erased_at=stage.clock.now()))
        _, draft = await summarise(stage, round_id)
        assert draft is not None
        assert "Ada" not in draft.body.plain()


async def test_nothing_is_shown_where_nobody_answered(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        round_id = await stage.open_round(CHECK, ask="both", visibility="team")
        assert await summarise(stage, round_id) == ({"invited": 0, "answered": 0, "passed": 0}, None)


async def survey(stage: Any, answers: dict[str, int]) -> str:
    await stage.apply(PULSE)
    round_id: str = await stage.open_round(PULSE, **QUESTION)
    given = [value for value, count in answers.items() for _ in range(count)]
    for number, value in enumerate(given):
        person = await stage.member(f"P{number}")
        verb, values = ("pass", {}) if value == "pass" else ("answer", {"answer": value})
        await stage.answer(round_id, person, values, verb=verb)
    return round_id


async def test_a_survey_leaves_rounded_counts_that_stay_after_its_ballots(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await survey(stage, {"1": 8, "2": 3, "pass": 2})
        async with stage.database.write() as tx:
            round_ = await rounds.find(tx, round_id)
            figures, draft = await summaries.summarise(stage.runtime, tx, round_, PULSE)
            await rounds.change_state(tx, replace(round_, state="closing"), "closing")
            closing = tables.round_table.update().filter_by(id=round_id)
            await tx.execute(closing.values(state="closed", summary={"figures": dict(figures)}))
        assert (figures["answered"], figures["items"]) == (10, {"answer": {"1": 10, "2": 5}})
        assert draft is not None
        assert draft.body.plain().endswith("About 10 people answered.\n\n- calm: about 10\n- full: about 5")
        assert await stage.rows(tables.ballot) == []
        assert len(await stage.rows(tables.respondent)) == 11
        again, shown = await summarise(stage, round_id, PULSE)
        assert again == figures
        assert shown is not None
        assert (shown.body, shown.recorded) == (draft.body, draft.recorded)
        prompt = compose_summary(stage.runtime, await _found(stage, round_id), PULSE, "en", shown)
        assert (prompt.title, prompt.privacy, prompt.actions) == ("Pulse", "confidential", ())


async def _found(stage: Any, round_id: str) -> Any:
    async with stage.database.read() as tx:
        return await rounds.find(tx, round_id)


async def test_a_survey_below_five_answers_says_nothing(open_stage: Open) -> None:
    async with open_stage() as stage:
        figures, draft = await summarise(stage, await survey(stage, {"1": 4, "pass": 3}), PULSE)
        assert "items" not in figures
        assert figures["answered"] == 0
        assert draft is not None
        assert "nothing is published" in draft.body.plain()
