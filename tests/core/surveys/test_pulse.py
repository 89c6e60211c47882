"""The pulse: what it asks in turn, what it takes, and how its published figures read."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from tertulia.domain.surveys import CONFIDENTIAL, DECLINED
from tertulia.errors import Mistake
from tertulia.extension import Itemised, Paced, RitualKind, RoundRequest, Sampled, Tally
from tertulia.surveys.pulse import Pulse
from tertulia.surveys.pulse_options import Options

KIND = Pulse()
TALLY = Tally(invited=60, answered=40, passed=0)


def prepared(turn: int = 0, size: int = 50, **options: Any) -> Any:
    request = RoundRequest(
        practice="p", options=Options(**options), occurrence="now", group_size=size, seed=3, turn=turn
    )
    return KIND.prepare(request)


def draws(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def test_it_is_a_kind_with_items() -> None:
    kind: RitualKind = KIND
    assert isinstance(kind, Itemised)
    assert isinstance(kind, Sampled)
    assert isinstance(kind, Paced)
    items = KIND.items(prepared().content)
    assert [item.key for item in items][::4] == ["recommendation.recommend", "pass.reason"]


def test_the_bank_rotates_around_the_anchor() -> None:
    seen = set()
    for turn in range(4):
        (block,) = prepared(turn).content["blocks"]
        assert block[0] == "recommendation.recommend"
        assert len(block) == 4
        seen.update(block)
    assert len(seen) == 1 + 5 + 4 + 3


def test_a_large_audience_is_asked_in_parts() -> None:
    content = prepared(size=1000).content
    assert len(content["blocks"]) == 4
    items = {item.key: item for item in KIND.items(content)}
    assert items["recommendation.recommend"].blocks == frozenset("0123")
    others = [item for key, item in items.items() if key not in ("recommendation.recommend", "pass.reason")]
    assert len(others) == 12
    assert all(len(item.blocks or ()) == 1 for item in others)
    counts = Counter(KIND.share(content, draw)["block"] for draw in draws(2000))
    assert all(400 < count < 600 for count in counts.values())
    for draw in draws(20):
        share = KIND.share(content, draw)
        draft = KIND.prompt_for(content, share, "en")
        asked = [field.key for field in draft.fields[:-1]]
        assert asked == content["blocks"][int(share["block"])]
        given = KIND.accept_for(content, share, "answer", dict.fromkeys(asked, "5"))
        assert set(given.values) == set(asked)
        assert all(share["block"] in (items[key].blocks or ()) for key in asked)
    assert len(prepared(size=1000, parts=1).content["blocks"]) == 1


def test_a_staggered_pulse_asks_a_quarter_each_week() -> None:
    content = prepared(staggered=True).content
    asked = [sum(KIND.in_turn(content, draw, week) for draw in draws(2000)) for week in range(4)]
    assert sum(asked) == 2000
    assert all(400 < count < 600 for count in asked)
    assert all(KIND.in_turn(prepared().content, draw, 3) for draw in draws(5))


def test_not_this_time_may_say_why() -> None:
    content = prepared().content
    share = KIND.share(content, bytes(32))
    given = KIND.accept_for(content, share, "decline", {"pass.reason": "time", "recommendation.recommend": "3"})
    assert (given.passed, given.values) == (True, {"pass.reason": "time"})
    assert KIND.accept_for(content, share, "decline", {}).values == {}
    with pytest.raises(Mistake, match="does not offer"):
        KIND.accept_for(content, share, "decline", {"pass.reason": "my boss"})
    (reason,) = [item for item in KIND.items(content) if item.key == "pass.reason"]
    assert reason.blocks == frozenset({DECLINED})


def test_several_needs_may_be_named() -> None:
    options = {"instruments": ("recommendation", "satisfaction", "support"), "questions": 3}
    content = prepared(**options).content
    values = {"recommendation.recommend": "9", "satisfaction.happy": "4", "support.need": ["care", "time"]}
    given = KIND.accept(content, "answer", values).values
    assert [key for key, value in given.items() if value == "yes"] == ["support.need.time", "support.need.care"]
    assert given["support.need.break"] == "no"
    assert given.keys() <= {item.key for item in KIND.items(content)}
    assert KIND.accept(content, "answer", values | {"support.need": "care, time"}).values == given
    with pytest.raises(Mistake, match="has no answer"):
        KIND.accept(content, "answer", values | {"support.need": []})
    with pytest.raises(Mistake, match="does not offer"):
        KIND.accept(content, "answer", values | {"support.need": ["money"]})


def test_a_customer_asks_what_they_like() -> None:
    own = ["I can plan my week.", {"text": "Which room is too loud?", "scale": "several", "choices": ["blue", "red"]}]
    content = prepared(own=own, instruments=("recommendation",), questions=3).content
    kept = {one["key"]: one for one in content["items"]}
    assert kept["own.1"]["scale"] == "agreement"
    assert kept["own.2"]["choices"] == {"1": "blue", "2": "red"}
    for wrong in ({"text": "Which?!", "scale": "choice"}, {"text": "I do.", "choices": ["a", "b"]}, "I do.", "I do."):
        with pytest.raises(ValidationError):
            prepared(own=[wrong, "I do."], instruments=("recommendation",), questions=3)


def test_questions_are_labelled_confidential() -> None:
    draft = KIND.prompt(prepared(instruments=("recommendation", "belonging", "support")).content, "en")
    assert draft.recorded == CONFIDENTIAL
    assert len(draft.fields) == 5
    assert [action.verb for action in draft.actions] == ["answer", "decline"]


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
        ({"parts": 5}, "5 parts need 16 items"),
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
    said = told({"support.need.time": figures(yes=10, no=30)}, **only)
    assert "What support do you need at the moment? More time 25 % chose it" in said
    assert "no time now: about 5" in told({"pass.reason": figures(time=5, often=0)}, **only)
    detailed = figures(**{"1": 0, "2": 5, "3": 5, "4": 20, "5": 10})
    assert "75 % agree (between " in told({"satisfaction.happy": detailed}, **only)
    assert "80 % agree" in told({"satisfaction.happy": figures(favourable=40, neutral=5, unfavourable=5)}, **only)
    assert "favourable: about 7 of at least 40" in told({"satisfaction.happy": figures(favourable=7)}, **only)


def test_nothing_published_is_said_plainly() -> None:
    assert "Nothing is published" in told({})
