"""Words for Team Chat: people's words made harmless, markup in Zoom's own dialect, and the phrases we add."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias
from urllib.parse import quote

from tertulia import Bullets, Markup, Span

Element: TypeAlias = dict[str, Any]
LONGEST = 3_500
"""Characters of one element of a message."""
ROOM = 12_000
"""Characters of a body; Zoom publishes no limit, and its own clients show a screenful."""
GREY = {"bold": False, "italic": True, "color": "#747487"}
"""Readable by day and by night."""
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_BLANKS = re.compile("\r\n?|[\u2028\u2029]")
_MARKDOWN = str.maketrans(
    {"*": "∗", "_": "\u02cd", "`": "ʼ", "~": "∼", "<": "‹", ">": "›", "|": "¦", "[": "[\u2060", "]": "]\u2060"}
)
_LISTS = re.compile(r"^(\s*)([-+#]|\d+[.)])(?=\s)", re.MULTILINE)

_PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "page": "Answer on your own page",
        "confidential": "You are invited to answer in confidence. The questions are on a page that is only yours.",
        "done": "There is nothing to do here any more.",
        "open": "Answer",
        "private": "Write to me in our own chat, where nobody else reads along.",
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
    },
    "de": {
        "page": "Auf der eigenen Seite antworten",
        "confidential": "Du kannst vertraulich antworten. Die Fragen stehen auf einer Seite, die nur dir gehört.",
        "done": "Hier ist nichts mehr zu tun.",
        "open": "Antworten",
        "together": "Zur Besprechung",
        "ended": "Diese Runde ist zu Ende; das Ergebnis folgt.",
        "poll": "(Deine Antwort wird mit deinem Namen gezeigt.)",
        "yes": "Ja",
        "no": "Nein",
    },
    "es": {
        "page": "Responder en tu propia página",
        "confidential": "Puedes responder de forma confidencial. Las preguntas están en una página solo tuya.",
        "done": "Ya no hay nada que hacer aquí.",
        "open": "Responder",
        "together": "Entrar en la reunión",
        "ended": "Esta ronda ha terminado; sigue lo que salió de ella.",
        "poll": "(Tu respuesta se muestra con tu nombre.)",
        "yes": "Sí",
        "no": "No",
    },
    "fr": {
        "page": "Répondre sur votre page",
        "confidential": "Vous pouvez répondre en confiance. Les questions sont sur une page qui n’est qu’à vous.",
        "done": "Il n’y a plus rien à faire ici.",
        "open": "Répondre",
        "together": "Rejoindre la réunion",
        "ended": "Ce tour est terminé ; en voici le résultat.",
        "poll": "(Votre réponse est montrée avec votre nom.)",
        "yes": "Oui",
        "no": "Non",
    },
}


def phrase(name: str, language: str) -> str:
    """Return one of our own phrases in *language*, in English where that is not known."""
    known = _PHRASES.get(language.partition("-")[0].lower(), {})
    return known.get(name) or _PHRASES["en"][name]


def shown(text: str) -> str:
    """Drop what is not seen but changes how text is read: control characters and marks that reorder it."""
    return _UNSEEN.sub("", _BLANKS.sub("\n", text))


def neutral(text: str) -> str:
    """Make text that is read as markdown look the same and mean nothing: no links, mentions or styles."""
    return _LISTS.sub("\\1\u2060\\2", shown(text).translate(_MARKDOWN))


def clipped(text: str, longest: int = LONGEST) -> str:
    """Cut a text that is longer than an element can hold."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def line(text: str, longest: int) -> str:
    """Write *text* on one line of at most *longest* characters; never empty, which Zoom refuses."""
    return clipped(" ".join(shown(text).split()), longest) or " "


def elements(markup: Markup) -> Iterator[Element]:
    """Write *markup* as messages; markdown is read only where our own texts are styled or linked."""
    room = ROOM
    for block in markup.blocks:
        rows = block.items if isinstance(block, Bullets) else (block.spans,)
        for part in _parts(rows, bullets=isinstance(block, Bullets)):
            room -= len(part["text"])
            if room < 0:
                yield {"type": "message", "text": "…"}
                return
            yield part


def small(text: str) -> Element:
    """Write a remark below what matters."""
    return {"type": "message", "text": clipped(shown(text), 1_000) or " ", "style": GREY}


def linked(text: str, url: str) -> Element:
    """Write a line that opens *url*."""
    return {"type": "message", "text": line(text, 200), "link": url}


def _parts(rows: Iterable[tuple[Span, ...]], *, bullets: bool) -> Iterator[Element]:
    """Write rows below each other, in as few elements as they fit into."""
    sign = "•  " if bullets else ""
    written: list[str] = []
    styled = False
    for row in rows:
        markdown = any(span.bold or span.italic or span.link for span in row)
        text = sign + (_styled(row) if markdown else clipped("".join(shown(span.text) for span in row)))
        if written and (markdown != styled or sum(map(len, written)) + len(text) > LONGEST - len(written)):
            yield _message(written, styled)
            written = []
        styled = markdown
        written.append(text)
    if written:
        yield _message(written, styled)


def _message(rows: list[str], styled: bool) -> Element:
    made: Element = {"type": "message", "text": "\n".join(rows) or " "}
    return made | {"is_markdown_support": True} if styled else made


def _styled(row: tuple[Span, ...]) -> str:
    """Write a row as markdown; it is cut inside a span, so that no sign is left without its other half."""
    written, room = "", LONGEST
    for span in row:
        if room <= 0:
            return written + "…"
        part = _span(span, clipped(shown(span.text), room))
        written, room = written + part, room - len(part)
    return written


def _span(span: Span, text: str) -> str:
    if span.link and span.link.startswith("https://"):
        return f"<{quote(span.link, safe=_URL)}|{neutral(line(text, 300))}>"
    text = neutral(text)
    if span.link:
        text = f"{text} ({neutral(span.link)})"
    if not (span.bold or span.italic) or not text.strip():
        return text
    sign = "*" if span.bold else "_"
    inner = " ".join(text.split())
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{sign}{inner}{sign}{after}"


_URL = "/:?#@!$&'()+,;=%-._~"
