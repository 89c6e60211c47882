"""What is written on cards, and what is read from comments."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Field, Markup, Option
from tertulia.testing.injections import TEXTS
from tertulia.testing.samples import sample_prompt, summary_prompt
from tertulia_trello import cards
from tertulia_trello.cards import Asked
from tertulia_trello.stand_in.markdown import html

EVIL = (
    *TEXTS.values(),
    "[x](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "https://evil.example/?a=1",
    "www.evil.example",
    "mailto:ana@evil.example",
    "@everyone @board and @ana",
    "**bold** _soft_ `code` ~~gone~~",
    "# heading\n> quote\n- item\n1. first\n---",
    "<script>alert(1)</script> <b>b</b>",
    "\u202eright to left\u2066 \u200b",
    "<at>ana</at>",
    "name " * 2000,
)


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
def test_peoples_words_are_shown_as_they_stand(text: str) -> None:
    written = cards.escape(text)
    assert not re.search(r"@\w", written)
    assert "://" not in written
    shown = html(written)
    assert not re.search(r"<(?!/?(?:p|br)>)", shown)
    assert not {"\u202e", "\u2066"} & set(written)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_nothing_that_people_write_becomes_markup(text: str) -> None:
    written = cards.escape(text)
    assert not re.search(r"<(?!/?(?:p|br)>)", html(written))
    assert not re.search(r"@\w", written)


def test_a_card_asks_tells_and_hides() -> None:
    prompt = sample_prompt()
    text = cards.description(prompt, "tertulia")
    assert "**Hello**" in text
    assert "[two](https://example.org/?a=1&b=2)" in text
    assert "1: One" in text
    assert cards.escape(prompt.recorded) in text
    assert str(prompt.link) not in text
    assert not any(action.token in text for action in prompt.actions)
    assert "@tertulia" not in text
    assert cards.title(replace(prompt, title="@ana\nlook https://evil.example")).count("@a") == 0
    assert "comment" not in cards.description(summary_prompt(), "tertulia").lower()


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=40), st.integers(1, 500))
def test_long_texts_are_cut_into_what_fits(text: str, times: int) -> None:
    long = (text + "\n") * min(times, 12_000 // len(text))
    pieces = list(cards.pieces(long))
    assert all(len(quote_plus(piece)) <= cards.LONGEST for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(long.split())
    assert len(quote_plus(cards.shortened(long))) <= cards.LONGEST


OPTIONS = tuple(Option(value=str(point), label=str(point)) for point in range(1, 6))
BRIGHT = (Option(value="bright", label="Bright"),)
CHECK_IN = Asked.of(
    replace(
        sample_prompt(),
        fields=(
            Field(key="going", kind="scale", label="How is the work going?", options=OPTIONS),
            Field(key="work", kind="long", label="What are you on?"),
            Field(
                key="mood", kind="one", label="A word for today", options=(Option(value="bright", label="Bright"),)
            ),
            Field(key="tools", kind="many", label="With what?", options=(*OPTIONS,)),
        ),
    )
)
ONE = Asked.of(replace(sample_prompt(), fields=(Field(key="answer", kind="short", label="Your answer"),)))


@pytest.mark.parametrize(
    ("comment", "values"),
    [
        (
            "1: 4\n2: the floor plan\nand the roof\n3: bright",
            {"going": "4", "work": "the floor plan\nand the roof", "mood": "bright"},
        ),
        ("1. 4", {"going": "4"}),
        ("1) 4\n4) 1, 3", {"going": "4", "tools": ["1", "3"]}),
        ("how is the work going: 5", {"going": "5"}),
        ("What are you on? = tests", {"work": "tests"}),
        ("mood: BRIGHT!", {"mood": "bright"}),
        ("just words, no numbers", {"work": "just words, no numbers"}),
        ("4", {"going": "4"}),
        ("Bright", {"mood": "bright"}),
        ("1: eleven", {"going": "eleven"}),
        ("1:", {"work": "1:"}),
    ],
)
def test_a_comment_is_read_by_number_by_label_or_as_words(comment: str, values: dict[str, object]) -> None:
    assert CHECK_IN.values(comment) == values


def test_a_single_question_takes_the_whole_comment() -> None:
    assert ONE.values("1: the lake\nat six") == {"answer": "1: the lake\nat six"}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_reading_a_comment_never_fails(comment: str) -> None:
    assert isinstance(CHECK_IN.values(comment), dict)
    assert isinstance(Asked(fields=()).values(comment), dict)


def test_a_group_sees_its_question_without_markup_of_others() -> None:
    assert cards.markdown(Markup.literal("@ana *x*")) == "@\u2060ana \\*x\\*"
