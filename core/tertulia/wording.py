"""Say a sentence of ours in the language of whoever reads it; in English where no catalogue has it.

A sentence stands in the code in English, with names in braces for what is put in: `say("{name} thanks you", name=…)`.
What is put in is never translated, and never read for braces.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
LOCALES = ("de", "es")
"""The languages beside English."""
CATALOGUE = "kinds.po"
_speaking: ContextVar[str] = ContextVar("speaking", default="en")


class Words:
    """Say sentences in one language."""

    def __init__(self, catalogue: gettext.NullTranslations):
        self._catalogue = catalogue

    def __call__(self, sentence: str, /, **values: object) -> str:
        """Return *sentence* in this language, with *values* put in."""
        return _filled(self._catalogue.gettext(sentence), values)

    def many(self, one: str, several: str, number: int, /, **values: object) -> str:
        """Return the sentence that fits *number*, which may be put in as `{number}`."""
        return _filled(self._catalogue.ngettext(one, several, number), {"number": number, **values})


def words(language: str | None = None) -> Words:
    """Return what says sentences in *language* (BCP 47), or in the one that is being spoken."""
    return _words((language or _speaking.get()).partition("-")[0].lower())


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let `words` without a language mean *language* meanwhile: for what a kind says while it checks an answer."""
    token = _speaking.set(language)
    try:
        yield
    finally:
        _speaking.reset(token)


@cache
def _words(language: str) -> Words:
    return Words(catalogue(language, CATALOGUE))


@cache
def catalogue(language: str, name: str) -> gettext.NullTranslations:
    """Return one of our catalogues, by its language without a region; an empty one for all others."""
    source = LOCALE / language / name
    if not (language.isascii() and language.isalpha() and source.is_file()):
        return gettext.NullTranslations()
    # imported here: whoever speaks English needs none of it
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _filled(sentence: str, values: dict[str, object]) -> str:
    return sentence.format(**values) if values else sentence
