"""The bank of quiz questions, and that a round's right answers are spread evenly."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.rituals.quiz_questions import OPTIONS, bank, drawn, laid_out, topics


def test_the_bank_has_two_hundred_questions_in_ten_topics() -> None:
    counts = Counter(one.topic for one in bank())
    assert sum(counts.values()) >= 200
    assert set(counts) == set(topics())
    assert len(counts) == 10
    assert min(counts.values()) >= 20
    assert len({one.id for one in bank()}) == len({one.text.casefold() for one in bank()}) == len(bank())


def test_each_question_has_four_different_options_and_an_explanation() -> None:
    for one in bank():
        assert len({option.strip().casefold() for option in one.options}) == OPTIONS == len(one.options), one.id
        assert re.fullmatch(r"[a-z][a-z0-9-]{2,40}", one.id), one.id
        assert 8 <= len(one.text) <= 140, one.id
        assert 8 <= len(one.why) <= 140, one.id
        assert one.why.endswith("."), one.id
        assert all(0 < len(option) <= 50 for option in one.options), one.id


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**63), count=st.integers(3, 15))
def test_one_option_is_right_and_no_position_is_right_more_often_than_others(seed: int, count: int) -> None:
    found = drawn(topics(), count, (), seed)
    laid = laid_out(found, seed)
    assert [one["id"] for one in laid] == [one.id for one in found]
    for question, one in zip(found, laid, strict=True):
        assert sorted(one["options"]) == sorted(question.options)
        assert one["options"][one["right"]] == question.options[0]
    places = Counter(one["right"] for one in laid)
    assert max(places.values()) - min(places[place] for place in range(OPTIONS)) <= 1
    assert laid == laid_out(drawn(topics(), count, (), seed), seed)


def test_over_the_whole_bank_each_position_is_right_as_often() -> None:
    places = Counter(one["right"] for one in laid_out(bank(), 7))
    assert max(places.values()) - min(places.values()) <= 1
    # nor does the order of the wrong ones follow the bank's
    kept = sum([o for o in one["options"] if o != q.options[0]] == list(q.options[1:])
               for q, one in zip(bank(), laid_out(bank(), 7), strict=True))  # fmt: skip
    assert kept < len(bank()) / 3


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**63), chosen=st.sets(st.sampled_from(topics()), min_size=1, max_size=3))
def test_nothing_comes_twice_before_all_were_asked_and_topics_take_turns(seed: int, chosen: set[str]) -> None:
    fitting = {one.id for one in bank() if one.topic in chosen}
    used: list[str] = []
    while len(used) + 5 <= len(fitting):
        found = drawn(chosen, 5, used, seed)
        assert not {one.id for one in found} & set(used)
        used += [one.id for one in found]
    assert len(drawn(chosen, 5, used, seed)) == 5
    first = Counter(one.topic for one in drawn(chosen, 6, (), seed))
    assert max(first.values()) - min(first[topic] for topic in chosen) <= 1
