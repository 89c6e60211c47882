"""What looks for texts at work finds each of them where nothing escapes it, and nothing where it is escaped."""

from __future__ import annotations

from html import escape

import pytest

from tertulia.testing.injections import COMPUTED, FORMULAS, TEXTS, at_work, computes

ALIVE = {
    "element": "<p>{}</p>",
    "script": "<p>{}</p>",
    "image": "<p>{}</p>",
    "attribute": '<input value="{}">',
    "quoted attribute": "<input value='{}'>",
    "end of a field": "<textarea>{}</textarea>",
    "comment": "<!--{}-->",
    "header": "<pre>{}</pre>",
    "vector": "<p>{}</p>",
    "turned": "<p>{}</p>",
}


@pytest.mark.parametrize("name", ALIVE)
def test_what_is_not_escaped_is_found(name: str) -> None:
    assert at_work(ALIVE[name].format(TEXTS[name]))
    if name != "turned":
        assert at_work(ALIVE[name].format(escape(TEXTS[name]))) == []


def test_links_and_templates_are_found() -> None:
    assert at_work('<a href="https://evil.example/x">x</a>')
    assert at_work('<a href=" JavaScript:injected=1">x</a>')
    assert at_work(f"<p>{COMPUTED} ${{191*7}}</p>")
    assert at_work(f"<p>{escape(TEXTS['template'])} {escape(TEXTS['link'])}</p>") == []


def test_formulas_are_told_from_text() -> None:
    assert all(computes(text) for text in FORMULAS)
    assert not any(computes(text) for text in ("", "'=1+1", "a=1", "5"))
