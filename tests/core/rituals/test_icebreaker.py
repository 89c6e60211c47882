"""The bank of questions, and that a group gets none twice before it had all that fit."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.extension import RoundRequest, Shared, Tally
from tertulia.rituals.icebreaker import Icebreaker, Options, bank, matching

KIND = Icebreaker()
REFUSED = re.compile(
    r"\b(child(hood|ren)?|kids?|parents?|mother|father|famil(y|ies)|husband|wife|partner|married|wine|beer|alcohol\w*|"
    r"drunk|salary|money|rich|expensive|afford|weight|diet|looks? like you|wear|tattoo|religio\w+|pray\w*|party)\b",
    re.IGNORECASE,
)
OPTIONS = st.builds(
    Options,
    warmth=st.integers(1, 3),
    length=st.sampled_from(["short", "talk", "any"]),
    size=st.sampled_from(["pair", "small", "large", "auto"]),
)


def request(options: Options, *, size: int = 6, seed: int = 1, used: tuple[str, ...] = ()) -> RoundRequest:
    return RoundRequest(
        practice="ice", options=options, occurrence="2026-11-02", group_size=size, seed=seed, used=used
    )


def test_the_bank_is_large_tagged_and_unique() -> None:
    questions = bank()
    assert len(questions) >= 160
    assert {q.warmth for q in questions} == {1, 2, 3}
    assert {q.length for q in questions} == {"short", "talk"}
    assert {q.size for q in questions} == {"pair", "small", "large", "any"}
    assert len({q.id for q in questions}) == len({q.text for q in questions}) == len(questions)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{2,40}", q.id) and 20 <= len(q.text) <= 140 for q in questions)


def words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3}


def test_no_two_questions_are_nearly_the_same() -> None:
    for left, right in combinations(bank(), 2):
        a, b = words(left.text), words(right.text)
        assert len(a & b) / len(a | b) < 0.6, (left.id, right.id)


def test_no_question_touches_what_leaves_somebody_out() -> None:
    assert [q.id for q in bank() if REFUSED.search(q.text)] == []


@settings(deadline=None, max_examples=20)
@given(options=OPTIONS, size=st.integers(0, 30), seeds=st.lists(st.integers(0, 2**63), min_size=1, max_size=5))
def test_nothing_repeats_before_all_that_fit_were_asked(options: Options, size: int, seeds: list[int]) -> None:
    fitting = {q.id for q in matching(options, size)}
    assert fitting
    used: list[str] = []
    for number in range(2 * len(fitting)):
        drawn = KIND.prepare(request(options, size=size, seed=seeds[number % len(seeds)], used=tuple(used))).uses[0]
        if number < len(fitting):
            assert drawn not in used
        else:
            assert drawn == used[0]
            used.remove(drawn)
        used.append(drawn)
    assert Counter(used) == Counter(fitting)


@given(options=OPTIONS, size=st.integers(0, 30), seed=st.integers(0, 2**63))
def test_a_draw_fits_and_is_the_same_for_the_same_seed(options: Options, size: int, seed: int) -> None:
    prepared = KIND.prepare(request(options, size=size, seed=seed))
    assert prepared == KIND.prepare(request(options, size=size, seed=seed))
    drawn = next(q for q in bank() if q.id == prepared.uses[0])
    assert drawn.warmth <= options.warmth
    assert options.length in (drawn.length, "any")


def test_what_other_groups_or_older_banks_had_does_not_matter() -> None:
    assert KIND.prepare(request(Options(), used=("gone-long-ago",))).uses[0] != "gone-long-ago"


def test_an_answer_is_words_or_a_mistake() -> None:
    content = KIND.prepare(request(Options())).content
    assert KIND.accept(content, "answer", {"answer": "  A heron \n"}).values == {"answer": "A heron"}
    for values in ({}, {"answer": " "}, {"answer": True}):
        with pytest.raises(Mistake, match="write one, or pass"):
            KIND.accept(content, "answer", values)
    with pytest.raises(Mistake, match="shorten it by 1"):
        KIND.accept(content, "answer", {"answer": "x" * 301})


def test_the_summary_shows_what_was_shared_and_names_nobody_else() -> None:
    content = KIND.prepare(request(Options())).content
    given_ = [Shared(values={"answer": "**not bold** <b>"}, name="Ines", team="Red")]
    draft = KIND.summary(content, given_, Tally(invited=9, answered=3, passed=2), "en")
    assert draft is not None
    assert draft.body.plain().split("\n\n")[1:] == ["- Ines: **not bold** <b>", "3 people answered."]
    assert KIND.summary(content, [], Tally(invited=9, answered=0, passed=2), "en") is None
