"""What a check-in asks, takes and shows again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Shared, Tally
from tertulia.rituals.check_in import CheckIn, Options

KIND = CheckIn()


def content(**options: Any) -> Any:
    request = RoundRequest(practice="c", options=Options(**options), occurrence="now", group_size=5, seed=1)
    return KIND.prepare(request).content


@pytest.mark.parametrize(
    ("ask", "keys"),
    [
        ("project", ["going", "work", "blockers", "help"]),
        ("life", ["mood", "life"]),
        ("both", ["going", "work", "blockers", "help", "mood", "life"]),
    ],
)
def test_a_practice_chooses_what_is_asked(ask: str, keys: list[str]) -> None:
    assert [field.key for field in KIND.prompt(content(ask=ask), "en").fields] == keys


def test_who_sees_it_is_said_before_sending() -> None:
    assert KIND.prompt(content(), "en").visibility == "team"
    for visibility, words in (("me", "only you see it"), ("team", "your team"), ("workspace", "everyone in")):
        draft = KIND.prompt(content(visibility=visibility), "en")
        assert draft.visibility == visibility
        assert words in draft.recorded


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError):
        Options(asks="both")


def test_platforms_may_write_one_choice_in_their_own_way() -> None:
    for point in ("4", 4, ["4"]):
        assert KIND.accept(content(), "answer", {"going": point, "mood": "", "work": None}).values == {"going": "4"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "write or choose something, or pass"),
        ({"work": "  "}, "write or choose something, or pass"),
        ({"going": "6"}, "choose one of: 1, 2, 3, 4, 5"),
        ({"mood": "furious"}, "does not offer that"),
        ({"blockers": "x" * 310}, "shorten it by 10"),
    ],
)
def test_a_mistake_says_how_to_mend_it(values: Any, says: str) -> None:
    with pytest.raises(Mistake, match=says):
        KIND.accept(content(), "answer", values)


def test_a_field_that_was_not_asked_is_not_kept() -> None:
    assert KIND.accept(content(ask="life"), "answer", {"life": "a walk", "work": "x"}).values == {"life": "a walk"}


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
def test_whatever_comes_back_is_taken_or_a_mistake(value: Any) -> None:
    for key in ("going", "mood", "work"):
        try:
            taken = KIND.accept(content(), "answer", {key: value}).values
        except Mistake:
            continue
        assert set(taken) == {key}
        str(taken[key]).encode()


def test_the_digest_groups_what_was_shared() -> None:
    shared = [
        Shared(values={"going": "4", "work": "the oven", "life": "rain"}, name="Ines", team="Red"),
        Shared(values={"going": "4", "mood": "steady", "work": "bread\nand *butter*"}, name="Ada", team="Blue"),
    ]
    draft = KIND.summary(content(visibility="workspace"), shared, Tally(invited=9, answered=3, passed=1), "en")
    assert draft is not None
    assert draft.body.plain().split("\n\n") == [
        "3 people checked in, 1 passed.",
        "How is the work going? 4 × 2",
        "A word for today Steady × 1",
        "On the desk",
        "- Ada (Blue): bread\nand *butter*\n- Ines (Red): the oven",
        "From life",
        "- Ines (Red): rain",
    ]


def test_a_digest_of_one_team_leaves_the_team_out() -> None:
    shared = [Shared(values={"work": name}, name=name, team="Red") for name in ("Zoe", "Ada")]
    draft = KIND.summary(content(), shared, Tally(invited=2, answered=2, passed=0), "en")
    assert draft is not None
    assert "- Ada: Ada\n- Zoe: Zoe" in draft.body.plain()


def test_no_digest_where_nobody_answered() -> None:
    assert KIND.summary(content(), [], Tally(invited=9, answered=0, passed=9), "en") is None
