"""A quiz held live: question after question, each answer counted once, and a board that is the same for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from tertulia.domain.people import Actor, Place
from tertulia.domain.programs import Cadence, Practice
from tertulia.errors import Mistake, Refused
from tertulia.live import Attendee
from tertulia.services import answers, closing, identities, people, preferences, rounds
from tertulia.services.installations import Installations
from tertulia.services.live import WorkspaceLive
from tertulia.services.prompts import open_ticket
from tertulia.storage import tables

Open = Callable[[], AbstractAsyncContextManager[Any]]
CADENCE = Cadence(rule="FREQ=YEARLY", start="2026-03-02T09:00:00")
QUIZ = Practice(key="quiz", kind="quiz", title="Quiz", cadence=CADENCE, options={"questions": 3, "teams": 2})
MEETING = Place(platform="square", ref="meeting-1", kind="meeting")
HOST = Actor(platform="square", realm="r", user="Hana")


def actor(name: str) -> Actor:
    return Actor(platform="square", realm="r", user=name)


async def member(stage: Any, name: str, role: str | None = None) -> str:
    person: str = await stage.member(name)
    async with stage.database.write() as tx:
        account = await identities.resolve(stage.runtime, tx, stage.organization, actor(name))
        await identities.link(stage.runtime, tx, stage.organization, account.id, person, "import", actor="test")
        if role:
            await people.grant(stage.runtime, tx, stage.organization, stage.workspace, person, role, actor="test")
    return person


class Game:
    """Hold a live quiz that was started, and play it."""

    def __init__(self, stage: Any, live: WorkspaceLive, session: str, persons: dict[str, str]):
        self.stage, self.live, self.session, self.persons = stage, live, session, persons

    async def content(self, stage: str = "") -> Any:
        found = [row["content"] for row in await self.stage.rows(tables.round_table)]
        return next(one for one in found if one.get("stage", "") == stage)

    async def token(self, name: str, verb: str = "answer") -> str:
        shown = await self.live.prompt(self.session, actor(name))
        return next(action.token for action in shown.actions if action.verb == verb)

    async def play(self, name: str, number: int, *, right: bool = True, shown: bool = False, token: str = "") -> str:
        asked = (await self.content())["questions"][number - 1]
        values = {f"q{number}": str(asked["right"] if right else (asked["right"] + 1) % 4), "shown": shown}
        ticket = open_ticket(self.stage.runtime.vault, token or await self.token(name))
        reply = await answers.answer(
            self.stage.runtime, ticket, person=self.persons[name], platform="square", values=values, key=None
        )
        return reply.status

    async def board(self) -> str:
        shown = await self.live.summary(self.session)
        return shown.body.plain() if shown else ""


async def game(stage: Any, *names: str) -> Game:
    await stage.apply(QUIZ)
    async with stage.database.write() as tx:
        await tx.execute(tables.workspace.update().values(language="en"))
    persons = {"Hana": await member(stage, "Hana", "host")}
    persons |= {name: await member(stage, name) for name in names}
    stage.runtime.installations = Installations(stage.runtime)
    live = WorkspaceLive(stage.runtime, organization=stage.organization, workspace=stage.workspace)
    assert [(one.practice, one.kind) for one in await live.offers()] == [("quiz", "quiz")]
    session = await live.start(MEETING, HOST, "quiz", {})
    return Game(stage, live, session, persons)


async def test_question_after_question_and_then_one_answer_for_each(open_stage: Open) -> None:
    async with open_stage() as stage:
        made = await game(stage, "Ana", "Ben", "Cleo", "Dora")
        live, session = made.live, made.session
        first = await live.advance(session, HOST, "asking")
        assert first.question is not None
        assert (first.question.number, first.question.of, first.question.closed) == (1, 3, False)
        assert first.question.ends == stage.clock.now() + timedelta(seconds=30)
        assert await made.board() == ""
        old = await made.token("Dora")
        assert await made.play("Ana", 1, shown=True) == "taken"
        assert await made.play("Ben", 1, right=False) == "taken"
        assert await made.play("Ben", 1) == "changed"
        counts = await anext(live.watch(session))
        assert (counts.answered, counts.passed, counts.shared) == (2, 0, ())
        assert (await live.standing(session, Attendee(ref="a", actor=actor("Ana")))).answered is True
        assert await made.board() == "", "nothing is told of a question that is open"

        closed = await live.close_question(session, HOST, 1)
        assert closed.question is not None
        assert closed.question.closed
        board = await made.board()
        assert "1. Ana: 1" in board
        assert "Ben" not in board
        assert await made.play("Cleo", 1) == "closed"

        second = await live.show_question(session, HOST, 2)
        assert second.question is not None
        assert (second.question.number, second.answered) == (2, 0)
        assert (await live.standing(session, Attendee(ref="a", actor=actor("Ana")))).answered is None
        assert await made.board() == board, "the board tells of closed questions only"
        assert await made.play("Dora", 1, token=old) == "closed"
        with pytest.raises(Refused, match="question 4 cannot"):
            await live.show_question(session, HOST, 4)
        assert (await live.show_question(session, HOST, 1)).question == second.question
        # the form starts from what was ticked before
        ticked = {field.key: field.value for field in (await live.prompt(session, actor("Ana"))).fields}
        assert ticked == {"q2": None, "shown": True}
        assert await made.play("Ana", 2, right=False, shown=True) == "taken"
        assert await made.play("Cleo", 2, shown=True) == "taken"
        await live.show_question(session, HOST, 3)
        assert await made.play("Dora", 3) == "taken"
        await live.advance(session, HOST, "ended")
        assert "Right:" not in await made.board(), "two who are not shown stand behind it"

        (root,) = [row for row in await stage.rows(tables.round_table) if row["occurrence"].startswith("host:")]
        kept = {row["person_id"]: row for row in await stage.rows(tables.response) if row["round_id"] == root["id"]}
        assert sorted(kept) == sorted(made.persons[name] for name in ("Ana", "Ben", "Cleo", "Dora"))
        assert set(kept[made.persons["Ana"]]["values"]) == {"q1", "q2", "shown", "live"}
        assert (kept[made.persons["Ana"]]["visibility"], kept[made.persons["Ben"]]["visibility"]) == (
            "workspace",
            "me",
        )
        over = await made.board()
        assert "4 people played." in over
        assert "1. Ana: 1\n- 1. Cleo: 1" in over
        facts = await stage.rows(tables.participation)
        assert {(row["person_id"], row["round_id"]) for row in facts} == {(one, root["id"]) for one in kept}

        for step in (closing.start_close, closing.finish_close):
            async with stage.database.write() as tx:
                round_ = await rounds.find(tx, root["id"])
                assert round_ is not None
                await step(stage.runtime, tx, round_)
        assert {row["round_id"] for row in await stage.rows(tables.response)} == {root["id"]}
        (row,) = [one for one in await stage.rows(tables.past_result) if one["person_id"] == made.persons["Ana"]]
        assert row["score"] == pytest.approx(1 / 3)


async def test_a_question_closes_by_itself_and_takes_nothing_after_its_time(open_stage: Open) -> None:
    async with open_stage() as stage:
        made = await game(stage, "Ana")
        await made.live.advance(made.session, HOST, "asking")
        late = await made.token("Ana")
        stage.clock.advance(timedelta(seconds=31))
        assert await made.play("Ana", 1, token=late) == "closed"
        (asked,) = [row for row in await stage.rows(tables.round_table) if row["occurrence"].startswith("stage:")]
        assert (asked["next_action"], asked["next_at"]) == ("close", asked["closes_at"])
        with pytest.raises(Refused, match="only hosts"):
            await made.live.show_question(made.session, actor("Ana"), 2)


async def test_an_answer_to_another_question_is_refused(open_stage: Open) -> None:
    async with open_stage() as stage:
        made = await game(stage, "Ana")
        await made.live.advance(made.session, HOST, "asking")
        await made.live.show_question(made.session, HOST, 2)
        assert await made.play("Ana", 1) == "refused"
        assert await stage.rows(tables.response) == []


async def test_guests_answer_each_question_and_leave_no_name(open_stage: Open) -> None:
    async with open_stage() as stage:
        made = await game(stage, "Ana")
        await made.live.advance(made.session, HOST, "asking")
        guest = Attendee(ref="g1", holder="h")
        await made.live.enter(made.session, guest)
        assert (await made.live.respond(made.session, guest, "answer", {"q1": "0"})).status == "taken"
        assert (await anext(made.live.watch(made.session))).answered == 1
        counts = await made.live.show_question(made.session, HOST, 2)
        assert counts.answered == 0
        assert (await made.live.respond(made.session, guest, "answer", {"q1": "0"})).status == "refused"
        assert (await made.live.respond(made.session, guest, "pass", {})).status == "taken"
        await made.live.advance(made.session, HOST, "ended")
        assert await made.board() == ""


async def test_teams_are_drawn_of_who_plays_and_stay(open_stage: Open) -> None:
    async with open_stage() as stage:
        names = [f"P{number:02d}" for number in range(14)]
        made = await game(stage, *names)
        await made.live.advance(made.session, HOST, "asking")
        for name in names[:12]:
            await made.play(name, 1, shown=name == "P00")
        await made.live.show_question(made.session, HOST, 2)
        first = {row["person_id"]: row["share"]["team"] for row in await stage.rows(tables.round_share)}
        assert sorted(first.values()) == [0] * 6 + [1] * 6
        assert "1 (6 players)" in await made.board()
        assert "You play for the" in (await made.live.prompt(made.session, actor("P00"))).body.plain()
        for name in names:
            await made.play(name, 2, shown=name == "P00")
        async with stage.database.write() as tx:
            await preferences.opt_out(stage.runtime, tx, stage.organization, made.persons["P01"], "quiz")
        await made.live.close_question(made.session, HOST, 2)
        later = {row["person_id"]: row["share"]["team"] for row in await stage.rows(tables.round_share)}
        assert {one: later[one] for one in first} == first
        assert len(later) == 14
        board = await made.board()
        assert "1. P00: 2" in board
        assert "(6 players)" in board, "who opted out is not counted"


async def test_answers_at_the_same_moment_count_once_each(open_stage: Open) -> None:
    async with open_stage() as stage:
        names = [f"P{number:02d}" for number in range(8)]
        made = await game(stage, *names)
        await made.live.advance(made.session, HOST, "asking")
        tokens = {name: await made.token(name) for name in names}
        tries = [made.play(name, 1, token=tokens[name]) for name in names for _ in range(3)]
        said = await asyncio.gather(*tries)
        assert said.count("taken") == 8
        await made.live.close_question(made.session, HOST, 1)
        assert "Right: 8 of 8." in await made.board()


async def test_only_a_quiz_is_asked_in_questions(open_stage: Open) -> None:
    async with open_stage() as stage:
        await stage.apply(QUIZ, Practice(key="ice", kind="icebreaker", title="Ice", cadence=CADENCE))
        await member(stage, "Hana", "host")
        stage.runtime.installations = Installations(stage.runtime)
        live = WorkspaceLive(stage.runtime, organization=stage.organization, workspace=stage.workspace)
        session = await live.start(MEETING, HOST, "ice", {})
        with pytest.raises(Refused, match="not held question"):
            await live.show_question(session, HOST, 1)
        assert (await live.advance(session, HOST, "asking")).question is None
        with pytest.raises(Mistake, match="questions does not fit"):
            await live.start(MEETING, HOST, "quiz", {"questions": 99})
