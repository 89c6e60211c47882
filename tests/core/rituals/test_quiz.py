"""The quiz over a day: teams, results, explanations, and who is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Shared, Tally
from tertulia.rituals import quiz_teams
from tertulia.rituals.quiz import Options, Quiz
from tertulia.services import erasing, merging, my_data, past_results, preferences, retention
from tertulia.storage import tables

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
OpenTown = Callable[..., Any]
KIND = Quiz()
PROGRAM = """
[[practice]]
key = "quiz"
kind = "quiz"
title = "Monday quiz"
ask = "both"
places = ["square:hall"]
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2026-11-23T09:30", time = "local" }
open_for = "8h"
options = { questions = 3, teams = 2 }
"""
NAMES = ("Ana", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gil", "Hana", "Ivo", "Jo", "Kim", "Lou")


def content(seed: int = 1, **options: Any) -> Any:
    request = RoundRequest(
        practice="quiz", options=Options(**options), occurrence="2026-11-23", group_size=9, seed=seed
    )
    return KIND.prepare(request).content


def answers(asked: Any, right: int) -> dict[str, str]:
    """Answer everything, the first *right* questions rightly."""
    found = {}
    for number, one in enumerate(asked["questions"], start=1):
        place = one["right"] if number <= right else (one["right"] + 1) % 4
        found[f"q{number}"] = str(place)
    return found


async def asked_in(town: Any) -> Any:
    return next(row["content"] for row in await town.rounds() if row["state"] == "open")


def text(prompt: Any) -> str:
    return str(prompt.body.plain())


def test_a_form_that_is_empty_or_wrong_is_a_mistake() -> None:
    asked = content()
    with pytest.raises(Mistake, match="choose one, or pass"):
        KIND.accept(asked, "answer", {"shown": True})
    with pytest.raises(Mistake, match="does not offer that"):
        KIND.accept(asked, "answer", {"q1": "4"})
    given = KIND.accept(asked, "answer", {"q1": ["2"], "q3": 0})
    assert (given.values, given.visibility) == ({"q1": "2", "q3": "0"}, None)
    shown = KIND.accept(asked, "answer", {"q1": "2", "shown": "true"})
    assert (shown.values["shown"], shown.visibility) == (True, "workspace")


def test_unknown_topics_are_refused() -> None:
    with pytest.raises(ValueError, match="no topic 'politics'; choose among animals"):
        Options(topics=("politics",))
    topics = {one["topic"] for one in content(topics=("space", "arts"), questions=6)["questions"]}
    assert topics == {"space", "arts"}


def test_a_figure_stands_for_nobody_who_is_not_shown() -> None:
    questions = content()["questions"]
    right = answers({"questions": questions}, 3)

    def figures(*players: tuple[int, bool]) -> Any:
        return KIND.count({"questions": questions}, [
            {**right, "team": team, **({"shown": True} if shown else {})} for team, shown in players
        ])  # fmt: skip

    hidden = figures(*[(0, True)] * 2, *[(0, False)] * 4, (1, True), (1, True))
    assert hidden["teams"] == []
    assert hidden["right"] is None
    apart = figures(*[(0, False)] * 5, (1, True), *[(1, False)] * 4, (2, True))
    assert [one["team"] for one in apart["teams"]] == [0, 2]
    assert apart["right"] is None, "those of team 1 would follow from the rest"
    plain = figures(*[(0, False)] * 5, (1, True))
    assert plain["right"] == [6, 6, 6, 0, 0]


def test_equal_points_share_a_place_and_only_who_is_shown_has_one() -> None:
    asked = content()
    given = [Shared(values={**answers(asked, right), "shown": True}, name=name) for name, right in
             (("Ana", 2), ("Ben", 3), ("Cleo", 2), ("Dora", 1))]  # fmt: skip
    given.append(Shared(values=answers(asked, 3), name="Emil"))
    values = [one.values for one in given]
    tally = Tally(invited=9, answered=5, passed=1, counted=KIND.count(asked, values))
    draft = KIND.summary(asked, given, tally, "en")
    assert draft is not None
    shown = draft.body.plain()
    assert "1. Ben: 3\n- 2. Ana: 2\n- 2. Cleo: 2\n- 4. Dora: 1" in shown
    assert "Emil" not in shown
    assert all(one["why"] in shown for one in asked["questions"])
    ended = [{"q1": one["q1"]} for one in values]
    early = KIND.summary(asked, (), replace(tally, counted=KIND.count(asked, ended)), "en")
    assert early is not None
    assert [one["why"] in early.body.plain() for one in asked["questions"]] == [True, False, False, False, False]


async def test_a_day_of_quiz_ends_with_results_for_each_and_teams_for_all(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM)
        names = ("Max", "Nia", "Oli", "Pia", *NAMES)
        for name in names:
            await town.add(name)
        await town.live(MONDAY + timedelta(hours=10))
        asked = await asked_in(town)
        assert "You play for the" in text(town.letters("Ana")[0])
        shares = {row["person_id"]: row["share"]["team"] for row in await town.rows(tables.round_share)}
        assert sorted(shares.values()) == [0] * 8 + [1] * 8
        for number, name in enumerate(names[:14]):
            reply = await town.answer(name, answers(asked, number % 4) | ({"shown": True} if name == "Ana" else {}))
            assert reply.status == "taken"
        await town.answer("Kim", verb="pass")
        assert not [one for one in town.letters("Ana") if one.title == "How the quiz went"]
        await town.live(MONDAY + timedelta(hours=20))

        told = place.ritual.sent[-1].prompt.body.plain()
        assert "14 people played." in told
        assert "1. Ana: 0" in told
        assert not [name for name in names if name != "Ana" and f"{name}:" in told]
        assert told.count("players)") == 2
        assert asked["questions"][0]["why"] in told

        (result,) = [one for one in town.letters("Dora") if one.title == "How the quiz went"]
        assert "You had 3 of 3 right." in text(result)
        assert "Ana: 0" in text(result)
        (result,) = [one for one in town.letters("Ben") if one.title == "How the quiz went"]
        assert "You had 1 of 3 right." in text(result)
        assert "you chose" in text(result)
        assert all(one["why"] in text(result) for one in asked["questions"])
        for name in ("Kim", "Lou"):
            assert not [one for one in town.letters(name) if one.title == "How the quiz went"]
        kept = {row["person_id"]: row["score"] for row in await town.rows(tables.past_result)}
        assert kept[town.people["Dora"]] == 1.0
        assert town.people["Kim"] not in kept
        facts = await town.rows(tables.participation)
        assert sorted(row["person_id"] for row in facts) == sorted(town.people[name] for name in names[:14])


async def test_who_opted_out_is_never_written_to_counted_or_shown(
    open_town: OpenTown, square: Callable[..., Any]
) -> None:
    place = square("square")
    async with open_town(place) as town:
        await town.apply(PROGRAM)
        for name in NAMES[:3]:
            await town.add(name)
        async with town.runtime.database.write() as tx:
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Ben"], "quiz")
        await town.live(MONDAY + timedelta(hours=10))
        asked = await asked_in(town)
        for name in ("Ana", "Cleo"):
            await town.answer(name, answers(asked, 2) | {"shown": True})
        async with town.runtime.database.write() as tx:
            # after having answered; what was said stays theirs and shows nowhere
            await preferences.opt_out(town.runtime, tx, town.organization, town.people["Cleo"])
        await town.live(MONDAY + timedelta(days=1))
        assert [len(town.letters(name)) for name in ("Ana", "Ben", "Cleo")] == [2, 0, 1]
        assert "Cleo" not in text(town.letters("Ana")[1])
        told = place.ritual.sent[-1].prompt.body.plain()
        assert "Ben" not in told
        assert {row["person_id"] for row in await town.rows(tables.past_result)} == {town.people["Ana"]}


async def test_past_results_fade_are_shown_to_their_owner_follow_a_merge_and_go(open_town: OpenTown) -> None:
    async with open_town() as town:
        await town.apply(PROGRAM)
        for name in ("Ana", "Ben", "Twin"):
            await town.add(name)
        await town.live(MONDAY + timedelta(hours=10))
        asked = await asked_in(town)
        await town.answer("Ana", answers(asked, 3))
        await town.answer("Ben", answers(asked, 0))
        await town.live(MONDAY + timedelta(days=1))
        runtime, organization = town.runtime, town.organization
        async with runtime.database.write() as tx:
            held = await my_data.collect(runtime, tx, organization, town.people["Ana"])
            assert [(row["kind"], row["score"]) for row in held["faded_results"]] == [("quiz", 1.0)]
            assert held["faded_results"][0]["at"].startswith("2026-11-23T00:00")
            merge = {"kept": town.people["Twin"], "gone": town.people["Ana"], "actor": "test"}
            await merging.merge(runtime, tx, organization, **merge)
            held = await my_data.collect(runtime, tx, organization, town.people["Twin"])
            assert [row["score"] for row in held["faded_results"]] == [1.0]
            await erasing.erase(runtime, tx, organization, town.people["Twin"], "test")
        (left,) = await town.rows(tables.past_result)
        assert left["person_id"] == town.people["Ben"]
        await retention.sweep(runtime, MONDAY + timedelta(weeks=27))
        assert await town.rows(tables.past_result) == []


def test_forgetting_lets_newcomers_win() -> None:
    score, rounds = 0.0, 0.0
    at = MONDAY
    for _ in range(50):
        score, rounds = past_results.faded(score, at, at + timedelta(days=7)) + 1, rounds * 0.5**0.25 + 1
        at += timedelta(days=7)
    # a champion of a whole year counts as little more than seven rounds, and half of it a month later
    assert 5 < score < 7
    assert past_results.faded(score, at, at + timedelta(days=28)) == pytest.approx(score / 2)
    assert past_results.faded(score, at, at + timedelta(days=365)) < 0.01


def test_teams_are_even_in_number_and_strength_whoever_comes() -> None:
    people = [f"p{number:03d}" for number in range(61)]
    strengths = {one: (number % 10) / 9 for number, one in enumerate(people)}
    teams = quiz_teams.divided(people, 4, strengths, {}, 3)
    sizes = [list(teams.values()).count(team) for team in range(4)]
    assert max(sizes) - min(sizes) <= 1
    means = [sum(strengths[one] for one in people if teams[one] == team) / sizes[team] for team in range(4)]
    assert max(means) - min(means) < 0.08
    later = quiz_teams.divided([*people, "x1", "x2", "x3"], 4, strengths, teams, 3)
    assert {one: later[one] for one in people} == teams
    sizes = [list(later.values()).count(team) for team in range(4)]
    assert max(sizes) - min(sizes) <= 1
    assert quiz_teams.divided(people, 4, strengths, {}, 4) != teams
    assert set(quiz_teams.divided(people[:9], 4, {}, {}, 3).values()) == {0}
