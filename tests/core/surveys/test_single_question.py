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


def test_a_scale_is_counted_in_levels_and_choices_one_by_one() -> None:
    (scale,) = KIND.items(content())
    assert [scale.point(one) for one in ("0", "10", "11", None)] == [0, 10, None, None]
    assert sorted(point for _, points in scale.levels for point in points) == sorted(scale.points)
    (choices,) = KIND.items(content(choices=("calm", "full")))
    assert (choices.points, choices.labels, choices.ranked) == (("1", "2"), {"1": "calm", "2": "full"}, False)


def test_only_published_figures_are_told() -> None:
    tally = Tally(invited=12, answered=10, passed=0)
    whole = {"answer": {"answered": 10, "figures": {"1": 10, "2": 0}}}
    shown = KIND.results(content(choices=("calm", "full")), whole, tally, "en")
    assert shown is not None
    assert shown.body.plain().endswith("At least 10 people answered.\n\n- calm: about 10\n- full: about 0")
    nothing = KIND.results(content(), {}, tally, "en")
    assert nothing is not None
    assert "Nothing is published" in nothing.body.plain()
    assert KIND.summary(content(), [Shared(values={"answer": "9"})] * 8, tally, "en") is None


def test_what_asks_who_answers_is_refused() -> None:
    with pytest.raises(ValidationError, match="asks who answers"):
        Options(question="What is your job title?")
