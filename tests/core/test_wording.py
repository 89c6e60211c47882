"""Every sentence that a kind says stands in every catalogue, with the same names to put in."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import tertulia.rituals
from tertulia import forms
from tertulia.domain.prompts import SEEN_BY
from tertulia.errors import Mistake
from tertulia.extension import Shared, Tally
from tertulia.rituals.cafe_view import MONTHS, WEEKDAYS
from tertulia.rituals.check_in import MOODS, CheckIn
from tertulia.rituals.gathering_plan import DIETS
from tertulia.rituals.quiz_teams import NAMES as TEAMS
from tertulia.services import kudos_telling, prompts, thanking
from tertulia.wording import CATALOGUE, LOCALE, speaking, words

LANGUAGES = ("de", "es")
KINDS = Path(str(tertulia.rituals.__file__)).parent
SPEAKING = (forms, kudos_telling, prompts, thanking)
SOURCES = [*sorted(KINDS.glob("*.py")), *(Path(str(one.__file__)) for one in SPEAKING)]
CHECK_IN = {"ask": "both", "visibility": "team", "offers": True}


def said(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield what a module says: each sentence, or both forms of one that depends on a number."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        call, forms_ = node.func, 0
        if isinstance(call, ast.Name) and call.id == "say":
            forms_ = 1
        elif isinstance(call, ast.Attribute) and call.attr == "many" and isinstance(call.value, ast.Name):
            forms_ = 2 if call.value.id == "say" else 0
        sentences = [one.value for one in node.args[:forms_] if isinstance(one, ast.Constant)]
        if forms_ and len(sentences) == forms_:
            yield tuple(str(one) for one in sentences)


def sentences() -> set[tuple[str, ...]]:
    """Return what all kinds say, and the words that stand in a list."""
    found = {one for path in SOURCES for one in said(path)}
    return found | {(one,) for one in (*SEEN_BY.values(), *MOODS, *TEAMS, *WEEKDAYS, *MONTHS, *DIETS.values())}


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / CATALOGUE).open("rb") as file:
        return read_po(file, locale=language)


def put_in(sentence: str) -> set[str]:
    """Return the names in a sentence's braces."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_in_the_catalogue_and_nothing_else_is(language: str) -> None:
    known = {
        tuple(message.id) if isinstance(message.id, tuple) else (message.id,)
        for message in catalogue(language)
        if message.id
    }
    assert len(sentences()) > 100
    assert not sentences() - known
    assert not known - sentences()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_whole_and_takes_what_the_sentence_takes(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), ids
        assert not message.fuzzy, ids
        allowed = set().union(*(put_in(one) for one in ids))
        assert put_in(strings[-1]) == allowed, ids
        assert all(put_in(one) <= allowed for one in strings), ids


def test_a_kind_speaks_the_language_it_is_asked_in() -> None:
    assert "Ein kurzer Check-in." in CheckIn().prompt(CHECK_IN, "de-AT").body.plain()
    assert "dein Team sieht sie" in CheckIn().prompt(CHECK_IN, "de").recorded
    spanish = CheckIn().prompt(CHECK_IN, "es")
    assert [action.label for action in spanish.actions] == ["Compartir", "Pasar"]
    # what comes back is the same in every language
    english = CheckIn().prompt(CHECK_IN, "en")
    assert [field.key for field in spanish.fields] == [field.key for field in english.fields]
    moods = [{option.value for option in draft.fields[-2].options} for draft in (spanish, english)]
    assert moods[0] == moods[1]
    tally = Tally(invited=3, answered=1, passed=0)
    shown = CheckIn().summary(CHECK_IN, [Shared(values={"mood": "calm"})], tally, "es")
    assert shown is not None
    assert shown.body.plain().startswith("1 persona participó.")


def test_a_mistake_is_told_in_the_language_that_is_spoken() -> None:
    with speaking("de"), pytest.raises(Mistake, match="Es ist nichts ausgefüllt"):
        CheckIn().accept(CHECK_IN, "answer", {})
    with pytest.raises(Mistake, match="Nothing is filled in"):
        CheckIn().accept(CHECK_IN, "answer", {})


@pytest.mark.parametrize("language", ["tlh", "", "../es", "zz-Latn", "E\u0301s"])
def test_an_unknown_language_is_english(language: str) -> None:
    assert words(language)("Pass") == "Pass"


def test_what_is_put_in_is_not_read_for_braces() -> None:
    assert words("de")("{giver} thanks {receiver}", giver="{receiver}", receiver="Bo") == "{receiver} dankt Bo"
    assert words("de").many("{number} person answered.", "{number} people answered.", 2).startswith("2 Personen")
