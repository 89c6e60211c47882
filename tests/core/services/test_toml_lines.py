"""Lines of keys: an oracle writes documents of known layout, and the reader finds every key again."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.services.toml_lines import Path, line_of, locate

DOCUMENT = '''\
# a comment with [[practice]] and key = 1
message_budget = 5

[[practice]] # the first
key = "check-in"  # "quoted" = comment
cadence.rule = "FREQ=DAILY"
cadence . "start" = 2027-01-04T09:30:00
text = """
key = "not a key"
[[practice]]
\\""" still \\\\"""
places = [
  "teams:a", # one
  { platform = "teams", ref = 'b' },

]

[[ practice ]]
key = \'\'\'
second'\'\'\'
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2027-01-04 09:30" }
[practice.audience]
teams = ["]", '}', "#"]
[[practice.options.questions]]
text = "one"
[[practice.options.questions]]
"te.xt" = "two"
[other]
"a b" = true
'''


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("message_budget",), 2),
        (("practice",), 4),
        (("practice", 0), 4),
        (("practice", 0, "key"), 5),
        (("practice", 0, "cadence"), 6),
        (("practice", 0, "cadence", "rule"), 6),
        (("practice", 0, "cadence", "start"), 7),
        (("practice", 0, "text"), 8),
        (("practice", 0, "places"), 12),
        (("practice", 0, "places", 0), 13),
        (("practice", 0, "places", 1), 14),
        (("practice", 0, "places", 1, "ref"), 14),
        (("practice", 1), 18),
        (("practice", 1, "key"), 19),
        (("practice", 1, "cadence", "start"), 21),
        (("practice", 1, "audience"), 22),
        (("practice", 1, "audience", "teams", 2), 23),
        (("practice", 1, "options", "questions", 0, "text"), 25),
        (("practice", 1, "options", "questions", 1), 26),
        (("practice", 1, "options", "questions", 1, "te.xt"), 27),
        (("other", "a b"), 29),
    ],
)
def test_every_way_to_write_a_key_is_found(path: tuple[str | int, ...], line: int, newline: str) -> None:
    text = DOCUMENT.replace("\n", newline)
    tomllib.loads(text)
    assert locate(text)[path] == line


def test_what_is_missing_is_reported_at_the_table_around_it() -> None:
    lines = locate(DOCUMENT)
    assert line_of(lines, ("practice", 1, "kind")) == 18
    assert line_of(lines, ("practice", 1, "cadence", "zone")) == 21
    assert line_of(lines, ("nothing", "here")) == 1


def test_a_quote_at_the_end_of_a_long_string_belongs_to_it() -> None:
    assert locate('a = """x""""\nb = \'\'\'y\'\'\'\'\'\nc = ""\nd = 1\n') == {
        ("a",): 1,
        ("b",): 2,
        ("c",): 3,
        ("d",): 4,
    }


def test_an_array_of_tables_may_be_written_inline() -> None:
    lines = locate('practice = [\n  { key = "a" },\n  { key = "b", cadence = { rule = "x" } },\n]\n')
    assert lines["practice", 1, "cadence", "rule"] == 3


values = st.one_of(
    st.integers().map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="'"), max_size=20).map(
        lambda text: f"'{text}'"
    ),
    st.text(st.sampled_from("ab'#[]{}=,\n"), max_size=20)
    .filter(lambda text: "'''" not in text and not text.endswith("'"))
    .map(lambda text: f"'''\n{text}'''"),
    st.lists(st.integers(), max_size=4).map(lambda items: "[\n" + "".join(f"{item}, # ]\n" for item in items) + "]"),
)
tables = st.lists(st.lists(values, min_size=1, max_size=4), min_size=1, max_size=4)


@given(tables)
def test_lines_agree_with_the_writer(drawn: list[list[str]]) -> None:
    text = ""
    expected: dict[Path, int] = {}
    for number, pairs in enumerate(drawn):
        expected["practice", number] = text.count("\n") + 1
        text += "[[practice]]\n"
        for index, value in enumerate(pairs):
            expected["practice", number, f"k{index}"] = text.count("\n") + 1
            text += f"k{index} = {value}\n"
    tomllib.loads(text)
    found = locate(text)
    assert {path: found[path] for path in expected} == expected
