"""Words for cards: people's words made harmless, and the few phrases that a card adds of its own."""

from __future__ import annotations

import re

LONGEST = 4_000
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_BLANKS = re.compile("\r\n?|[\u2028\u2029]")
_MARKDOWN = str.maketrans(
    {"*": "∗", "_": "\u02cd", "`": "ʼ", "]": "]\u2060", "<": "<\u2060", "#": "#\u2060", "~": "∼"}
)
_LISTS = re.compile(r"^(\s*)([-+>]|\d+[.)])(?=\s)", re.MULTILINE)

_PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "page": "Answer on your own page",
        "required": "Please answer this.",
        "private": "Write to me in our own chat, where nobody else reads along.",
        "taken": "Thank you.",
        "changed": "Thank you, your answer is changed.",
        "closed": "This round has closed, so nothing was kept.",
        "refused": "This could not be taken. Open the question again.",
        "unknown_actor": "I do not know yet who you are.",
    },
    "de": {"page": "Auf der eigenen Seite antworten", "required": "Bitte beantworten."},
    "es": {"page": "Responder en tu propia página", "required": "Responde a esto, por favor."},
    "fr": {"page": "Répondre sur votre page", "required": "Merci de répondre."},
    "it": {"page": "Rispondi sulla tua pagina", "required": "Rispondi, per favore."},
    "nl": {"page": "Antwoord op je eigen pagina", "required": "Beantwoord dit alsjeblieft."},
    "pl": {"page": "Odpowiedz na swojej stronie", "required": "Proszę odpowiedzieć."},
    "pt": {"page": "Responder na sua página", "required": "Responda, por favor."},
}


def phrase(name: str, language: str) -> str:
    """Return one of our own phrases in *language*, in English where that is not known."""
    known = _PHRASES.get(language.partition("-")[0].lower(), {})
    return known.get(name) or _PHRASES["en"][name]


def shown(text: str) -> str:
    """Drop what is not seen but changes how text is read: control characters and marks that reorder it."""
    return _UNSEEN.sub("", _BLANKS.sub("\n", text))


def neutral(text: str) -> str:
    """Make text that a client reads as markdown look the same and mean nothing: no links, mentions or styles."""
    return _LISTS.sub("\\1\u2060\\2", shown(text).translate(_MARKDOWN))


def clipped(text: str, longest: int = LONGEST) -> str:
    """Cut a text that is longer than a card can hold."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
