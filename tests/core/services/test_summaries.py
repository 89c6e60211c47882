"""What is shown of a closed round, and to whom; what is left of a survey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from tertulia.domain.identifiers import Json
from tertulia.domain.programs import Audience, Cadence, Practice
from tertulia.domain.prompts import Draft, Field, Given
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins
from tertulia.services import advance as advancing
from tertulia.services import rounds, summaries
from tertulia.services.prompts import compose_summary
from tertulia.storage import tables
from tertulia.surveys.single_question import Options, SingleQuestion

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
        assert "2 personas participaron, 1 pasaron." in text, "it speaks the language of the workspace"
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


class Nobody:
    """Installations of a runtime that has none."""

    def of(self, workspace: str) -> tuple[()]:
        return ()


async def close(stage: Any, round_id: str) -> None:
    stage.runtime.installations = Nobody()
    await stage.change_round(round_id, state="closing", next_action="close", next_at=stage.clock.now(), step=7)
    await advancing.advance(stage.runtime, round_id, 7)


async def test_a_survey_leaves_published_cells_that_stay_after_its_ballots(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await survey(stage, {"1": 8, "2": 3, "pass": 2})
        await close(stage, round_id)
        assert await stage.rows(tables.ballot) == []
        assert len(await stage.rows(tables.respondent)) == 11
        figures, shown = await summarise(stage, round_id, PULSE)
        assert (figures["answered"], figures["gate"]) == (10, "all")
        assert "items" not in figures
        assert shown is not None
        assert shown.body.plain().endswith("At least 10 people answered.\n\n- calm: about 10\n- full: about 5")
        prompt = compose_summary(stage.runtime, await _found(stage, round_id), PULSE, "en", shown)
        assert (prompt.title, prompt.privacy, prompt.actions) == ("Pulse", "confidential", ())


async def _found(stage: Any, round_id: str) -> Any:
    async with stage.database.read() as tx:
        return await rounds.find(tx, round_id)


async def test_a_survey_below_five_answers_says_nothing(open_stage: Open) -> None:
    async with open_stage() as stage:
        round_id = await survey(stage, {"1": 4, "pass": 3})
        await close(stage, round_id)
        figures, draft = await summarise(stage, round_id, PULSE)
        assert figures["answered"] == 0
        assert draft is not None
        assert "Nothing is published" in draft.body.plain()


class Plain:
    """A confidential kind that does not say what it is counted by, as a plugin may bring it."""

    name = "plain"
    privacy = "confidential"
    options = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        return SingleQuestion().prepare(request)

    def prompt(self, content: Json, language: str) -> Draft:
        draft = SingleQuestion().prompt(content, language)
        return replace(draft, fields=(*draft.fields, Field(key="why", kind="long", label="Why?")))

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        return Given(values=dict(values))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        raise AssertionError("the answers of a survey are shown to no kind")


class Brings:
    """The plugin of that kind."""

    @hookimpl
    def register_rituals(self) -> Sequence[Any]:
        return (Plain(),)


async def test_a_kind_that_names_no_items_is_published_through_cells_too(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.plugins = Plugins.load({"plain": Brings()}, builtin=False, allowed=frozenset())
        practice = replace(PULSE, kind="plain")
        await stage.apply(practice)
        round_id = await stage.open_round(practice, **QUESTION)
        for number in range(12):
            values = {"answer": "1" if number < 7 else "2", "why": f"my own words {number}"}
            await stage.answer(round_id, await stage.member(f"P{number}"), values)
        await close(stage, round_id)
        _, draft = await summarise(stage, round_id, practice)
        assert draft is not None
        assert "calm: about 5, full: about 5" in draft.body.plain()
        assert "my own words" not in repr(await stage.rows(tables.round_table))
        kept = {row["family"]: row["outcome"] for row in await stage.rows(tables.cell)}
        # single choices are told of everybody only, where people are few
        assert kept["company"] == "published"
