"""Our own phrases in the languages of people: every one translated, and chosen by the prompt's language."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from babel.messages.pofile import read_po

from tertulia.testing.samples import sample_prompt
from tertulia_zoom import messages, panel_phrases
from tertulia_zoom.messages_phrases import LANGUAGES, LOCALE, PHRASES, phrase


def test_every_catalogue_is_known() -> None:
    assert {path.name for path in LOCALE.iterdir()} == LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_phrase_is_translated_and_nothing_else(language: str) -> None:
    written = (LOCALE / language / "LC_MESSAGES" / "tertulia_zoom.po").read_bytes()
    catalogue = read_po(io.BytesIO(written), locale=language)
    assert {one.id for one in catalogue if one.id} == set(PHRASES.values()) | set(panel_phrases.PHRASES.values())
    assert not [one.id for one in catalogue if one.fuzzy or not str(one.string).strip()]
    for name, english in PHRASES.items():
        assert phrase(name, language) != english or name == "no", name
        assert phrase(name, f"{language}-XX") == phrase(name, language.upper()) == phrase(name, language)


@pytest.mark.parametrize("language", ["en", "en-GB", "ar", "", "x" * 50, "../../etc"])
def test_other_languages_get_english(language: str) -> None:
    assert {name: phrase(name, language) for name in PHRASES} == PHRASES


def test_the_prompts_language_chooses_what_a_message_says() -> None:
    prompt = replace(sample_prompt(), language="de-AT")
    assert messages.question(prompt)["body"][-1]["text"] == "Auf der eigenen Seite antworten"
    assert "vertraulich" in json.dumps(messages.question(replace(prompt, privacy="confidential")))
    assert "Antworten" in json.dumps(messages.posting(prompt, "ab" * 16))
