"""Our own phrases in the languages of people: every one translated, and chosen by the prompt's language."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from babel.messages.pofile import read_po

from tertulia import Field, Option, Reply
from tertulia.testing.samples import sample_prompt
from tertulia_teams import cards
from tertulia_teams.texts import LANGUAGES, LOCALE, PHRASES, phrase

REQUIRED = (Field(key="a", kind="one", label="?", required=True, options=(Option(value="1", label="1"),)),)
LINKED = {"link": "https://tertulia.example/a/x", "fields": REQUIRED}


def test_every_catalogue_is_known() -> None:
    assert {path.name for path in LOCALE.iterdir()} == LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_phrase_is_translated_and_nothing_else(language: str) -> None:
    written = (LOCALE / language / "LC_MESSAGES" / "tertulia_teams.po").read_bytes()
    catalogue = read_po(io.BytesIO(written), locale=language)
    assert {one.id for one in catalogue if one.id} == set(PHRASES.values())
    assert not [one.id for one in catalogue if one.fuzzy or not str(one.string).strip()]
    for name, english in PHRASES.items():
        assert phrase(name, language) != english, name
        assert phrase(name, f"{language}-XX") == phrase(name, language.upper()) == phrase(name, language)


@pytest.mark.parametrize("language", ["en", "en-GB", "ar", "", "x" * 50, "../../etc"])
def test_other_languages_get_english(language: str) -> None:
    assert {name: phrase(name, language) for name in PHRASES} == PHRASES


@pytest.mark.parametrize(
    ("language", "page", "required"),
    [
        ("en-GB", "Answer on your own page", "Please answer this."),
        ("es-MX", "Responder en tu propia página", "Responde a esto, por favor."),
        ("de", "Auf der eigenen Seite antworten", "Bitte beantworten."),
    ],
)
def test_the_prompts_language_chooses_what_a_card_says(language: str, page: str, required: str) -> None:
    card = cards.card(replace(sample_prompt(), language=language, **LINKED))
    assert card["actions"][-1]["title"] == page
    (choice,) = [part for part in card["body"] if part["type"] == "Input.ChoiceSet"]
    assert choice["errorMessage"] == required


def test_a_reply_without_words_speaks_the_members_language() -> None:
    reply: Any = Reply(status="closed", private=True)
    assert cards.invoke_reply(reply, language="es-ES")["value"] == phrase("closed", "es")
    assert phrase("closed", "de") in json.dumps(cards.reply_message(reply, language="de"), ensure_ascii=False)
    shared = cards.reply_message(replace(reply, prompt=replace(sample_prompt(), language="de")), shared=True)
    assert shared["summary"] == phrase("private", "de")
