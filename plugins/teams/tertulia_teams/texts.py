"""Words for cards: people's words made harmless, and the few phrases that a card adds of its own."""

from __future__ import annotations

import gettext
import io
import re
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LONGEST = 4_000
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_BLANKS = re.compile("\r\n?|[\u2028\u2029]")
_MARKDOWN = str.maketrans(
    {"*": "∗", "_": "\u02cd", "`": "ʼ", "]": "]\u2060", "<": "<\u2060", "#": "#\u2060", "~": "∼"}
)
_LISTS = re.compile(r"^(\s*)([-+>]|\d+[.)])(?=\s)", re.MULTILINE)

PHRASES = {
    "page": "Answer on your own page",
    "required": "Please answer this.",
    "needed": "(required)",
    "private": "Write to me in our own chat, where nobody else reads along.",
    "taken": "Thank you.",
    "changed": "Thank you, your answer is changed.",
    "closed": "This round has closed, so nothing was kept.",
    "refused": "This could not be taken. Open the question again.",
    "unknown_actor": "I do not know yet who you are.",
    "together": "Open a chat together",
    "mine": "My page",
    "moment": "One moment …",
    "open": "Open for you",
    "nothing": "Nothing waits for you at the moment.",
    "until": "Open until",
    "own": "Your own page",
    "own_why": (
        "See what is held about you, download or erase it, and choose what you are sent. It opens in your browser."
    ),
    "own_open": "Open my page",
    "own_again": "This link is good once, for five minutes.",
    "outside": (
        "Teams did not say who you are. "
        "Open this page inside Teams, or write “settings” to Tertulia in your own chat."
    ),
    "unsent": "This could not be sent. Try again in a moment.",
}
"""Our own phrases; the catalogues of other languages are in `locale`, by these texts."""
LOCALE = Path(__file__).parent / "locale"
LANGUAGES = frozenset({"de", "es", "fr", "it", "nl", "pl", "pt"})


def phrase(name: str, language: str) -> str:
    """Return one of our own phrases in *language*, in English where that is not known."""
    tongue = language.partition("-")[0].lower()
    return _catalogue(tongue).gettext(PHRASES[name]) if tongue in LANGUAGES else PHRASES[name]


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Read a catalogue as translators write it, so that nothing has to be compiled."""
    written = (LOCALE / language / "LC_MESSAGES" / "tertulia_teams.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(written), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def shown(text: str) -> str:
    """Drop what is not seen but changes how text is read: control characters and marks that reorder it."""
    # nothing of that is printable, and most texts are
    return text if text.isprintable() else _UNSEEN.sub("", _BLANKS.sub("\n", text))


def neutral(text: str) -> str:
    """Make text that a client reads as markdown look the same and mean nothing: no links, mentions or styles."""
    return _LISTS.sub("\\1\u2060\\2", shown(text).translate(_MARKDOWN))


def clipped(text: str, longest: int = LONGEST) -> str:
    """Cut a text that is longer than a card can hold."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
