"""The guides: all there, whole, findable by a command's words, and safe to show."""

from __future__ import annotations

import pytest

from tertulia.domain.markup import Bullets
from tertulia.rituals import guides


def test_there_are_guides_and_each_says_what_a_host_needs() -> None:
    every = guides.every()
    assert len(every) >= 6
    assert len({guide.title for guide in every}) == len(every)
    for guide in every:
        headings = [section.title for section in guide.sections]
        assert guide.about, guide.name
        assert headings[1] == "Opening words", guide.name
        assert headings[-1] == "When to stop and get help", guide.name
        for section in guide.sections:
            (block,) = section.body.blocks
            assert isinstance(block, Bullets), (guide.name, section.title)
            assert len(block.items) >= 1
        assert "#" not in guide.whole().plain(), guide.name


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("bad-news", "bad-news"),
        ("Bad news", "bad-news"),
        ("pay", "pay-and-fairness"),
        ("left out", "left-out"),
        ("conflict", "conflict-between-two"),
        ("a", None),
        ("", None),
        ("tax returns", None),
    ],
)
def test_a_guide_is_found_by_words_that_mean_one(wanted: str, name: str | None) -> None:
    found = guides.find(wanted)
    assert (found.name if found else None) == name


def test_the_usual_guide_exists() -> None:
    assert guides.find(guides.USUAL) is not None
