"""The few phrases that we add of our own, in the languages of people."""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

PHRASES = {
    "page": "Answer on your own page",
    "confidential": "You are invited to answer in confidence. The questions are on a page that is only yours.",
    "done": "There is nothing to do here any more.",
    "open": "Answer",
    "elsewhere": "I have written to you in our own chat, where nobody else reads along.",
    "taken": "Thank you.",
    "changed": "Thank you, your answer is changed.",
    "closed": "This round has closed, so nothing was kept.",
    "refused": "This could not be taken. Open the question again.",
    "unknown_actor": "I do not know yet who you are.",
    "together": "Join the meeting",
    "ended": "This round has closed; what came of it follows.",
    "poll": "(Your answer is shown with your name.)",
    "yes": "Yes",
    "no": "No",
}
"""Our own phrases; the catalogues of other languages are in `locale`, by these texts."""
LOCALE = Path(__file__).parent / "locale"
LANGUAGES = frozenset({"de", "es", "fr", "it", "nl", "pl", "pt"})


def phrase(name: str, language: str) -> str:
    """Return one of our own phrases in *language*, in English where that is not known."""
    return translated(PHRASES[name], language)


def translated(text: str, language: str) -> str:
    """Return an English text of ours in *language*; as it is where the language is not known."""
    tongue = language.partition("-")[0].lower()
    return _catalogue(tongue).gettext(text) if tongue in LANGUAGES else text


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Read a catalogue as translators write it, so that nothing has to be compiled."""
    written = (LOCALE / language / "LC_MESSAGES" / "tertulia_zoom.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(written), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
