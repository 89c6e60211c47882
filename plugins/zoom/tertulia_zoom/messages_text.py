"""Words for Team Chat: people's words made harmless, and markup in Zoom's own dialect."""

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
