"""A prompt described as a plain form."""

from __future__ import annotations

from dataclasses import replace

from tertulia.domain.looks import described
from tertulia.domain.prompts import Media
from tertulia.testing.samples import sample_prompt


def test_a_form_shows_all_that_a_prompt_has() -> None:
    media = (
        Media(url="https://example.org/a.png", kind="image", alt="A tree"),
        Media(url="https://example.org/a.mp3", kind="audio", alt="A song"),
    )
    found = described(replace(sample_prompt(), media=media))
    kinds = [piece.kind for piece in found]
    asked = ["one", "many", "one", "line", "lines", "tick"]
    assert kinds == ["title", "text", "picture", "link", *asked, "small", "button", "button", "button"]
    scale = found[6]
    assert (scale.options[0].endswith("– low"), scale.options[-1].endswith("– high")) == (True, True)
