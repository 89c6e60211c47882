"""The pulse: what it asks in turn, what it takes, and how its published figures read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.errors import Mistake
from tertulia.extension import Itemised, RitualKind, RoundRequest, Tally
from tertulia.surveys.pulse import Options, Pulse

KIND = Pulse()
TALLY = Tally(invited=60, answered=40, passed=0)


def prepared(used: tuple[str, ...] = (), **options: Any) -> Any:
    request = RoundRequest(
        practice="p", options=Options(**options), occurrence="now", group_size=50, seed=3, used=used
    )
    return KIND.prepare(request)


def test_it_is_a_kind_with_items() -> None:
    kind: RitualKind = KIND
    assert isinstance(kind, Itemised)
    first = prepared()
    assert [item.key for item in KIND.items(first.content)] == list(first.uses)
    assert first.uses[0] == "recommendation.recommend"


def test_the_bank_rotates_around_the_anchor() -> None:
    used: tuple[str, ...] = ()
    for _ in range(5):
        uses = prepared(used).uses
        assert uses[0] == "recommendation.recommend"
        used = (*(item for item in used if item not in uses), *uses)
    assert len(used) == 1 + 5 + 4 + 3


def test_questions_are_labelled_confidential() -> None:
    draft = KIND.prompt(prepared(instruments=("recommendation", "belonging", "support")).content, "en")
    assert draft.recorded == CONFIDENTIAL
    assert len(draft.fields) == 4
    assert [action.verb for action in draft.actions] == ["answer", "pass"]


def test_each_question_takes_one_answer() -> None:
    content = prepared().content
    values = {kept["key"]: "5" for kept in content["items"]}
    assert KIND.accept(content, "answer", values).values == values
    with pytest.raises(Mistake, match="has no answer"):
        KIND.accept(content, "answer", {})
    with pytest.raises(Mistake, match="does not offer"):
        KIND.accept(content, "answer", values | {content["items"][1]["key"]: "6"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instruments": ["q12"]}, "no instrument"),
        ({"instruments": ["recommendation", "perceived_cohesion"]}, "permission"),
        ({"instruments": ["recommendation"]}, "4 questions are asked"),
        ({"anchor": "belonging.nothing"}, "not an item"),
        ({"own": ["What is your e-mail?"]}, "asks who answers"),
        ({"fewest": 4}, "greater than or equal to 5"),
        ({"questions": 6}, "less than or equal to 5"),
    ],
)
def test_what_cannot_be_asked_is_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Options(**options)


def figures(**counts: int) -> dict[str, Any]:
    return {"answered": 40, "figures": counts}


def told(whole: dict[str, Any], **options: Any) -> str:
    draft = KIND.results(prepared(**options).content, whole, TALLY, "en")
    assert draft is not None
    return draft.body.plain()


def test_results_are_scores_with_intervals_or_words() -> None:
    score = told({"recommendation.recommend": figures(promoter=20, passive=10, detractor=10)})
    assert "At least 40 people answered." in score
    assert "+25 (between " in score
    assert "high" in told({"recommendation.recommend": figures(promoter=10, passive=0, detractor=5)})
    only = {"instruments": ("recommendation", "support", "satisfaction"), "questions": 3}
    assert "more time: about 10" in told({"support.need": figures(nothing=20, time=10, tools=5)}, **only)
    detailed = figures(**{"1": 0, "2": 5, "3": 5, "4": 20, "5": 10})
    assert "75 % agree (between " in told({"satisfaction.happy": detailed}, **only)
    assert "80 % agree" in told({"satisfaction.happy": figures(favourable=40, neutral=5, unfavourable=5)}, **only)
    assert "favourable: about 7 of 40" in told({"satisfaction.happy": figures(favourable=7)}, **only)


def test_nothing_published_is_said_plainly() -> None:
    assert "Nothing is published" in told({})
