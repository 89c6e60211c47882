"""The one-question survey: what it asks, and that its figures are rounded or absent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Shared, Tally
from tertulia.surveys.single_question import Options, SingleQuestion

KIND = SingleQuestion()


def content(**options: Any) -> Any:
    chosen = Options(question="How is your week?", **options)
    return KIND.prepare(RoundRequest(practice="p", options=chosen, occurrence="now", group_size=5, seed=1)).content


def test_points_or_choices() -> None:
    assert [option.value for option in KIND.prompt(content(), "en").fields[0].options] == [str(n) for n in range(11)]
    draft = KIND.prompt(content(choices=("calm", "full")), "en")
    assert [option.label for option in draft.fields[0].options] == ["calm", "full"]
    assert draft.recorded == CONFIDENTIAL


@pytest.mark.parametrize("choices", [("one",), ("a", "a"), ("", "b"), tuple("abcdefghijklm")])
def test_choices_are_several_and_different(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        content(choices=choices)


def test_one_point_is_taken() -> None:
    assert KIND.accept(content(), "answer", {"answer": 7}).values == {"answer": "7"}
    for values in ({}, {"answer": "11"}, {"answer": ["1", "2"]}):
        with pytest.raises(Mistake):
            KIND.accept(content(), "answer", values)


def test_figures_are_rounded_and_nothing_is_said_below_five() -> None:
    answers = [Shared(values={"answer": "9"})] * 8 + [Shared(values={"answer": "2"})] * 2
    shown = KIND.summary(content(), answers, Tally(invited=12, answered=10, passed=0), "en")
    assert shown is not None
    text = shown.body.plain()
    assert "About 10 people" in text
    assert "9: about 10" in text
    assert "2: about 0" in text
    few = KIND.summary(content(), answers[:4], Tally(invited=12, answered=5, passed=0), "en")
    assert few is not None
    assert few.body.plain() == "How is your week?\n\nFewer than 5 people answered, so nothing is published."
