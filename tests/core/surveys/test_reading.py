"""Published figures in words: never more certain than their rounding and their number allow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.surveys import agreement, choice_of, one_of_several, recommendation
from tertulia.surveys.confidentiality.rounding import bands
from tertulia.surveys.reading import read

SCORE = recommendation("r", "Would you?")
HAPPY = agreement("h", "I am happy.")
SAD = agreement("s", "I am sad.", reversed=True)


def told(counts: dict[str, int], n: int) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Round counts as a release does."""
    tiles = {name: next(one for one in bands(n, 5) if one.low <= count <= one.high) for name, count in counts.items()}
    return {name: one.value for name, one in tiles.items()}, {
        name: (one.low, one.high) for name, one in tiles.items()
    }


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_an_interval_holds_the_plain_figure_whatever_was_rounded_away(first: int, second: int, third: int) -> None:
    n = first + second + third
    if n < 20:
        return
    rounded, bounds = told({"promoter": first, "passive": second, "detractor": third}, n)
    score = read(SCORE, n // 5 * 5, rounded, bounds)
    if score.estimate is not None:
        assert score.estimate.low <= 100 * (first - third) / n + 1e-9
        assert score.estimate.high >= 100 * (first - third) / n - 1e-9
    rounded, bounds = told({"favourable": first, "neutral": second, "unfavourable": third}, n)
    share = read(HAPPY, n // 5 * 5, rounded, bounds)
    assert share.estimate is not None
    assert share.estimate.low - 1e-9 <= 100 * first / n <= share.estimate.high + 1e-9


def test_points_of_a_scale_make_the_same_reading_as_its_levels() -> None:
    points = read(HAPPY, 60, {"1": 5, "2": 5, "3": 10, "4": 25, "5": 15})
    levels = read(HAPPY, 60, {"favourable": 40, "neutral": 10, "unfavourable": 10})
    assert points.estimate == levels.estimate
    assert points.words == levels.words == "67 % agree (between 54 and 77 %)"


def test_what_is_reversed_says_what_is_good() -> None:
    assert read(SAD, 60, {"favourable": 40, "neutral": 10, "unfavourable": 10}).words.startswith("67 % disagree")


def test_few_answers_make_words_and_no_number() -> None:
    few = read(SCORE, 15, {"promoter": 10, "passive": 0, "detractor": 5})
    assert (few.words, few.estimate) == ("high", None)
    assert read(SCORE, 15, {"promoter": 10, "passive": 5, "detractor": 5}).estimate is None
    best_only = read(HAPPY, 5, {"favourable": 3})
    assert (best_only.words, best_only.estimate) == ("favourable: about 3 of at least 5", None)
    assert read(SCORE, 0, {"promoter": 0, "passive": 0, "detractor": 0}).words == "too few answers for a number"
    assert read(HAPPY, 0, {"favourable": 0, "neutral": 0, "unfavourable": 0}).words == "too few answers for a number"


def test_choices_are_counted() -> None:
    chosen = read(choice_of("c", "Which?", {"a": "one", "b": "two"}), 20, {"a": 15, "b": 5})
    assert chosen.words == "one: about 15, two: about 5"
    need = read(one_of_several("n", "What?", "more time"), 40, {"yes": 10, "no": 30})
    assert (need.unit, need.did) == ("percent", "chose it")
