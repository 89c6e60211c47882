"""What becomes of an answer, a change of it, a pass and a wish, on a platform that repeats and delays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import new_id
from tertulia.domain.programs import Cadence, Practice
from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.services import answers, people
from tertulia.services.prompts import Ticket, open_ticket
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=WEEKLY", start="2026-03-02T09:00:00")
CHECK = Practice(key="monday", kind="check-in", title="Monday", cadence=CADENCE)
PULSE = Practice(key="pulse", kind="single-question", title="Pulse", cadence=CADENCE)
ASKED = {"ask": "both", "visibility": "team"}
QUESTION: dict[str, Any] = {"question": "How was it?", "choices": [], "ends": ["low", "high"]}


async def test_an_answer_is_kept_and_shown_again(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada", zone="Asia/Tokyo"), await stage.open_round(CHECK, **ASKED)
        reply = await stage.answer(round_id, ada, {"work": "bread", "going": 4}, key="e1", platform="square")
        assert reply.status == "taken"
        assert reply.text.plain() == (
            "Thank you. Your answer is kept under your name; your team sees it. "
            "You can change it until 03 March, 18:00 your time."
        )
        assert reply.prompt.body.plain().startswith("Thank you.")
        assert {f.key: f.value for f in reply.prompt.fields if f.value} == {"work": "bread", "going": "4"}
        assert (reply.prompt.version, reply.prompt.visibility, reply.private) == (2, "team", False)
        assert open_ticket(stage.runtime.vault, reply.prompt.actions[0].token).person == ada
        (kept,) = await stage.rows(tables.response)
        assert (kept["values"], kept["version"], kept["visibility"]) == ({"going": "4", "work": "bread"}, 1, "team")
        assert (kept["platform"], kept["passed"]) == ("square", False)


async def test_a_change_counts_up_and_a_repeat_changes_nothing(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        said = [(await stage.answer(round_id, ada, {"work": w}, key=w)).status for w in ("one", "two", "two", "one")]
        assert said == ["taken", "changed", "changed", "taken"]
        late = await stage.answer(round_id, ada, {"work": "one"}, key="one")
        assert [f.value for f in late.prompt.fields if f.value] == ["two"]
        (kept,) = await stage.rows(tables.response)
        assert (kept["values"], kept["version"]) == ({"work": "two"}, 2)


async def test_one_person_takes_part_once_on_all_platforms(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        for platform in ("square", "web", "square"):
            await stage.answer(round_id, ada, {"work": platform}, platform=platform)
        (fact,) = await stage.rows(tables.participation)
        assert (fact["kind"], fact["person_id"], fact["round_id"]) == ("answered", ada, round_id)


async def test_a_pass_keeps_no_values_and_is_no_participation(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        await stage.answer(round_id, ada, {"work": "bread"})
        reply = await stage.answer(round_id, ada, {"work": "bread"}, verb="pass")
        assert reply.status == "changed"
        assert "nobody is told who" in reply.text.plain()
        (kept,) = await stage.rows(tables.response)
        assert (kept["values"], kept["passed"]) == ({}, True)
        assert await stage.rows(tables.participation) == []


@pytest.mark.parametrize(
    "late", [{"state": "closing"}, {"state": "cancelled"}, {"closes_at": None, "state": "closed"}]
)
async def test_a_closed_round_takes_nothing(open_stage: Open, late: dict[str, Any]) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK, PULSE)
        ada = await stage.member("Ada")
        for practice, content, given in ((CHECK, ASKED, {"work": "x"}), (PULSE, QUESTION, {"answer": "3"})):
            round_id = await stage.open_round(practice, **content)
            await stage.change_round(round_id, **late)
            assert (await stage.answer(round_id, ada, given)).status == "closed"
        assert await stage.rows(tables.response) + await stage.rows(tables.ballot) == []


async def test_the_clock_closes_before_the_timer_does(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        stage.clock.advance(timedelta(hours=24))
        assert (await stage.answer(round_id, ada, {"work": "x"})).status == "closed"


async def test_wrong_input_is_refused_with_a_sentence(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada", languages="en"), await stage.open_round(CHECK, **ASKED)
        for verb, values, says in (
            ("answer", {"going": "9"}, "choose one of: 1, 2, 3, 4, 5"),
            ("answer", {}, "write or choose something"),
            ("delete", {}, answers.UNKNOWN),
            ("snooze", {"days": 0}, "between 1 and 366"),
            ("snooze", {"days": "many"}, "between 1 and 366"),
        ):
            reply = await stage.answer(round_id, ada, values, verb=verb)
            assert reply.status == "refused"
            assert says in reply.text.plain()
        assert await stage.rows(tables.response) == []


async def test_only_the_addressed_member_of_the_workspace_answers(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, bo = await stage.member("Ada"), await stage.member("Bo")
        round_id = await stage.open_round(CHECK, **ASKED)
        async with stage.database.write() as tx:
            guest = await stage.person(tx, "Guest", member=False)
        assert (await stage.answer(round_id, bo, {"work": "x"}, ticket_of=ada)).text.plain() == answers.NOT_YOURS
        assert (
            await stage.answer(round_id, guest, {"work": "x"}, ticket_of=None)
        ).text.plain() == answers.NOT_A_MEMBER
        assert (await stage.answer(new_id(), ada, {"work": "x"})).text.plain() == answers.UNKNOWN
        other = Ticket(new_id(), stage.workspace, round_id, ada, "answer")
        reply = await answers.answer(stage.runtime, other, person=ada, platform="x", values={"work": "x"}, key=None)
        assert reply.status == "refused"
        async with stage.database.write() as tx:
            await people.leave(stage.runtime, tx, stage.organization, stage.workspace, bo, actor="test")
        assert (await stage.answer(round_id, bo, {"work": "x"})).status == "refused"
        assert await stage.rows(tables.response) == []


async def test_an_answer_in_a_shared_place_is_acknowledged_privately(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        reply = await stage.answer(round_id, ada, {"work": "secret recipe"}, ticket_of=None)
        assert (reply.status, reply.prompt, reply.private) == ("taken", None, True)


async def test_snooze_and_stop_are_wishes_of_the_person(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        await stage.change_round(round_id, state="closing")
        reply = await stage.answer(round_id, ada, {"days": "3"}, verb="snooze")
        assert (reply.status, reply.text.plain()) == (
            "taken",
            "Nothing will be sent to you before 05 March 2026, 10:00.",
        )
        assert (await stage.answer(round_id, ada, verb="stop")).status == "taken"
        (person,) = await stage.rows(tables.person)
        assert person["snoozed_until"] == stage.clock.now() + timedelta(days=3)
        assert [(row["person_id"], row["practice"]) for row in await stage.rows(tables.opt_out)] == [(ada, "monday")]
        assert await stage.rows(tables.response) == []


async def test_a_ballot_is_cast_and_nothing_else_is_written(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(PULSE)
        ada, round_id = await stage.member("Ada"), await stage.open_round(PULSE, **QUESTION)
        async with stage.database.read() as tx:
            before = await stage.dump(tx, tables.ballot)
        replies = [await stage.answer(round_id, ada, {"answer": n}, key=f"e{n}") for n in (3, 7)]
        replies.append(await stage.answer(round_id, ada, {}, verb="pass", key="p"))
        assert [reply.status for reply in replies] == ["taken", "changed", "changed"]
        async with stage.database.read() as tx:
            assert await stage.dump(tx, tables.ballot) == before
            assert (await tx.execute(sa.select(sa.func.count()).select_from(tables.ballot))).scalar_one() == 1
        for reply in replies:
            assert (reply.private, reply.prompt.privacy, reply.prompt.recorded) == (
                True,
                "confidential",
                CONFIDENTIAL,
            )
            assert [field.value for field in reply.prompt.fields] == [None]


async def test_a_crowd_answers_at_once(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        crowd = [await stage.member(f"P{n}") for n in range(12)]
        round_id = await stage.open_round(CHECK, **ASKED)
        # everybody sends two different answers and each of them twice
        sent = [(person, f"{n}") for person in crowd for n in (1, 2, 1, 2)]
        replies = await asyncio.gather(
            *(stage.answer(round_id, person, {"work": word}, key=f"{person}-{word}") for person, word in sent)
        )
        assert {reply.status for reply in replies} == {"taken", "changed"}
        kept = await stage.rows(tables.response)
        assert {(row["person_id"], row["version"]) for row in kept} == {(person, 2) for person in crowd}
        assert len(await stage.rows(tables.participation)) == len(crowd)


async def test_what_no_database_holds_is_left_out(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(CHECK)
        ada, round_id = await stage.member("Ada"), await stage.open_round(CHECK, **ASKED)
        reply = await stage.answer(round_id, ada, {"work": "half \ud800 and \x00 nothing, \\u0000 kept"})
        assert reply.status == "taken"
        (kept,) = await stage.rows(tables.response)
        assert kept["values"] == {"work": "half  and  nothing, \\u0000 kept"}
