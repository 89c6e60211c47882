"""Polls on meetings: what may be asked so, how answers are read back, and that nobody is matched by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tertulia import Field, Mistake, OperatorError, Option, OutcomeUnknown, Place, Prompt, RetryLater, Unreachable
from tertulia.domain.identifiers import new_id
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_zoom.polls import Polls, answers_in, poll_of
from tertulia_zoom.stand_in import polls as poll_api
from tertulia_zoom.stand_in.faults import error_after, no_scope, not_on_plan, refusal

NOTE = "(Your answer is shown with your name.)"


def question(*fields: Field) -> Prompt:
    prompt = replace(sample_prompt(), visibility="workspace", link=None)
    return replace(prompt, fields=fields) if fields else prompt


def choice(count: int) -> Field:
    options = tuple(Option(value=str(number), label=f"Option {number}") for number in range(count))
    return Field(key="one", kind="one", label="Which?", options=options)


def test_every_kind_of_field_becomes_a_question() -> None:
    poll, reading = poll_of(question())
    kinds = [(one["type"], one["name"].removesuffix(f" {NOTE}")) for one in poll["questions"]]
    assert kinds == [
        ("single", "One"),
        ("multiple", "Many"),
        ("single", "Scale"),
        ("short_answer", "Short"),
        ("long_answer", "Long"),
        ("single", "Confirm"),
    ]
    assert (poll["poll_type"], poll["anonymous"]) == (2, False)
    assert all(one["name"].endswith(NOTE) for one in poll["questions"])
    assert len(reading) == len(poll["questions"])
    assert poll_of(question(choice(2)))[0]["poll_type"] == 1, "choices alone need no advanced polls"


def test_a_lone_question_is_asked_in_its_own_words() -> None:
    poll, _ = poll_of(question(Field(key="a", kind="short", label="Your answer")))
    assert poll["questions"][0]["name"].startswith("Hello")
    assert len(poll["questions"][0]["name"]) <= 255


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (replace(question(), privacy="confidential"), "A survey is never a poll in a meeting"),
        (replace(question(), visibility="team"), "set visibility to workspace"),
        (replace(question(), visibility="me"), "set visibility to workspace"),
        (question(choice(1)), "2 to 10 answers"),
        (question(choice(11)), "2 to 10 answers"),
    ],
)
def test_what_must_not_be_a_poll_is_refused_in_words(prompt: Prompt, says: str) -> None:
    with pytest.raises(Mistake, match=says):
        poll_of(prompt)


async def test_a_survey_never_reaches_a_meeting(open_bench: Any) -> None:
    async with open_bench() as made:
        place = Place(platform="zoom", ref=made.number, kind="meeting")
        with pytest.raises(OperatorError, match="A survey is never a poll"):
            await made.platform.ritual.post(place, replace(question(), privacy="confidential"), new_id())
        assert not made.server.journal
        for words in (summary_prompt(), replace(question(), fields=())):
            with pytest.raises(Unreachable):
                await made.platform.ritual.post(place, words, new_id())
        with pytest.raises(OperatorError, match="digits"):
            await made.platform.ritual.post(replace(place, ref="abc/../users"), question(), new_id())


async def test_a_poll_is_made_once_and_taken_off(open_bench: Any) -> None:
    async with open_bench() as made:
        ritual, key = made.platform.ritual, new_id()
        place = Place(platform="zoom", ref=made.number, kind="meeting")
        ref = await ritual.post(place, question(), key)
        assert await ritual.post(place, question(), key) == ref
        assert len(made.town.poll.polls[made.number]) == 1
        await ritual.refresh(ref, question())
        await ritual.close(ref, summary_prompt())
        assert not made.town.poll.polls[made.number]
        with pytest.raises(Unreachable):
            await ritual.close(ref, summary_prompt())
        another = await ritual.post(place, question(), new_id())
        made.town.poll.polls[made.number].clear()  # somebody took it off
        await ritual.close(another, summary_prompt())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(404), Unreachable),
        (no_scope(), OperatorError),
        (not_on_plan(), OperatorError),
        (refusal(429), RetryLater),
        (error_after(), OutcomeUnknown),
    ],
)
async def test_what_zoom_refuses_becomes_the_right_error(open_bench: Any, fault: Any, error: Any) -> None:
    async with open_bench() as made:
        made.server.script(fault)
        with pytest.raises(error):
            await made.platform.ritual.post(
                Place(platform="zoom", ref=made.number, kind="meeting"), question(), new_id()
            )


async def test_answers_come_back_under_the_accounts_that_zoom_names_by_mail(open_bench: Any) -> None:
    async with open_bench() as made:
        place = Place(platform="zoom", ref=made.number, kind="meeting")
        await made.platform.ritual.post(place, question(), new_id())
        ((poll, shown),) = made.town.poll.polls[made.number].items()
        names = [one["name"] for one in shown["questions"]]
        instance = made.server.meetings.start(made.number)
        ana, ben, chen = made.users
        given = {
            ana: ("2 <of> 3 & more", "1 <of> 3 & more;3 <of> 3 & more", "1 <of> 3 & more – low", "a; b", "  ", "Yes"),
            ben: ("Something else", "", "", "", "", "No"),
            "Chen Wei": ("2 <of> 3 & more", "", "", "", "", "Yes"),
        }
        for who, said in given.items():
            poll_api.answer(made.town, instance, who, poll, dict(zip(names, said, strict=True)))
        poll_api.answer(made.town, instance, chen, "another-poll", {names[0]: "1 <of> 3 & more"})
        made.server.meetings.end(instance)
        polls = Polls(made.desk)
        there = frozenset({ana, ben})
        assert await polls.collect(made.number, instance.uuid, there) == 2
        taken = {one.value["actor"].user: one.value for one in made.context.inbox.received if one.name == "answered"}
        assert taken[ana]["values"] == {"one": "2", "many": ["1", "3"], "short": "a; b", "confirm": True}
        assert taken[ben]["values"] == {"confirm": False}
        assert set(taken) == {ana, ben}, "whoever bears a member's name is nobody"
        assert taken[ana]["token"] == question().actions[0].token
        await polls.collect(made.number, instance.uuid, there)
        assert len([one for one in made.context.inbox.received if one.name == "answered"]) == 2


async def test_an_address_that_a_guest_entered_speaks_for_nobody_who_was_not_there(open_bench: Any) -> None:
    """Zoom returns the e-mail that somebody registered with, whoever's it is."""
    async with open_bench() as made:
        place = Place(platform="zoom", ref=made.number, kind="meeting")
        await made.platform.ritual.post(place, question(), new_id())
        ((poll, shown),) = made.town.poll.polls[made.number].items()
        instance = made.server.meetings.start(made.number)
        ana, ben, _ = made.users
        for user in (ana, ben):
            poll_api.answer(made.town, instance, user, poll, {shown["questions"][-1]["name"]: "Yes"})
        made.server.meetings.end(instance)
        polls = Polls(made.desk)
        assert await polls.collect(made.number, instance.uuid, frozenset({ana})) == 1
        assert await polls.collect(made.number, instance.uuid, frozenset({ana, ben})) == 2, "records come late"


async def test_meetings_without_a_poll_of_ours_are_not_asked_about(open_bench: Any) -> None:
    async with open_bench() as made:
        assert await Polls(made.desk).collect(made.number, "abc", frozenset(made.users)) == 0
        assert not made.server.journal


def test_garbage_in_results_is_left_out() -> None:
    _, questions = poll_of(question(choice(2)))
    record = {"id": "p", "questions": questions}
    name = next(iter(questions))
    bad: list[Any] = [
        None,
        7,
        {"email": "a@example.org"},
        {"email": "", "question_details": [{"question": name, "answer": "Option 1"}]},
        {"email": "a@example.org", "question_details": [None, {"question": name}, {"question": name, "answer": 7}]},
        {"email": "a@example.org", "question_details": [{"question": [], "answer": "Option 1"}]},
    ]
    for results in ({}, {"questions": None}, {"questions": bad}):
        assert not list(answers_in(results, record))
    good = {
        "email": "A@example.org ",
        "question_details": [{"question": name, "answer": "Option 1", "polling_id": "p"}],
    }
    assert list(answers_in({"questions": [good]}, record)) == [("a@example.org", {"one": "1"})]
