"""What a preview finds in a text, and what is left when it is taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.surveys.redaction import find, redacted

NAMES = ("Ana Martín", "Jo Li", "María-José O’Neill")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask Ana about it.", "Ask [name] about it."),
        ("ANA and martín were there", "[name] and [name] were there"),
        ("Write to ana.m@example.org, soon", "Write to [e-mail], soon"),
        ("It was me@example.org.", "It was [e-mail]."),
        ("Call +34 600 111 222 or (0)30-1234567.", "Call [number] or ([number]."),
        ("Banana bread for Jo", "Banana bread for Jo"),
        ("In 2026 we had 12 of 20 meetings", "In 2026 we had 12 of 20 meetings"),
        ("Nothing to see.", "Nothing to see."),
    ],
)
def test_names_addresses_and_numbers_are_found(text: str, expected: str) -> None:
    assert redacted(text, find(text, NAMES)) == expected


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=5))
def test_places_are_in_order_and_within_the_text(text: str, names: list[str]) -> None:
    found = find(text, names)
    position = 0
    for one in found:
        assert position <= one.start < one.end <= len(text)
        position = one.end
    assert len(redacted(text, found)) == len(text) + sum(
        len(f"[{one.kind}]") - (one.end - one.start) for one in found
    )
