"""Small, safe markup: paragraphs, bullet lists, bold, italic and https links.

Plugins walk `Markup.blocks` and write their platform's dialect; nothing in it is ever raw HTML. Text that people
wrote goes in through `Markup.literal`, so it cannot become a link or bold text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

_INLINE = re.compile(
    r"\*\*(?P<bold>[^*\n]+)\*\*|\*(?P<italic>[^*\n]+)\*|\[(?P<label>[^\]\n]+)\]\((?P<link>https?://[^\s)]+)\)"
)
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def unturned(text: str) -> str:
    """Return *text* without the controls that turn what follows around: Unicode's embeddings, overrides, isolates.

    Languages that are written from right to left need none of them.
    """
    return _TURNING.sub("", text) if _TURNING.search(text) else text


@dataclass(frozen=True)
class Span:
    """Hold a run of text in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    link: str | None = None


@dataclass(frozen=True)
class Paragraph:
    """Hold one paragraph."""

    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bullets:
    """Hold a bullet list."""

    items: tuple[tuple[Span, ...], ...]


Block: TypeAlias = Paragraph | Bullets


@dataclass(frozen=True)
class Markup:
    """Hold a short text with structure; build it with `parse` (our own texts) or `literal` (people's words)."""

    blocks: tuple[Block, ...] = ()

    @classmethod
    def parse(cls, source: str) -> Markup:
        """Read `**bold**`, `*italic*`, `[label](https://…)`, `- item` and blank-line paragraphs."""
        blocks: list[Block] = []
        for chunk in re.split(r"\n\s*\n", source.strip()):
            blocks.extend(_chunk(chunk))
        return cls(tuple(blocks))

    @classmethod
    def literal(cls, text: str) -> Markup:
        """Take *text* as it stands, without reading any markup in it."""
        chunks = [c for c in re.split(r"\n\s*\n", text.strip()) if c.strip()]
        return cls(tuple(Paragraph((Span(chunk),)) for chunk in chunks))

    @classmethod
    def bullets(cls, items: Iterable[str]) -> Markup:
        """Make a list of literal texts."""
        return cls((Bullets(tuple((Span(item),) for item in items)),))

    def __add__(self, other: Markup) -> Markup:
        return Markup(self.blocks + other.blocks)

    def __bool__(self) -> bool:
        return bool(self.blocks)

    def plain(self) -> str:
        """Return the text for a platform without any markup, links written out."""
        return "\n\n".join(
            "\n".join("- " + _plain(item) for item in block.items)
            if isinstance(block, Bullets)
            else _plain(block.spans)
            for block in self.blocks
        )

    def html(self) -> str:
        """Return HTML with everything escaped."""
        return "".join(
            "<ul>" + "".join(f"<li>{_html(item)}</li>" for item in block.items) + "</ul>"
            if isinstance(block, Bullets)
            else f"<p>{_html(block.spans)}</p>"
            for block in self.blocks
        )


def _chunk(chunk: str) -> Iterable[Block]:
    text: list[str] = []
    items: list[tuple[Span, ...]] = []
    for line in chunk.splitlines():
        if line.lstrip().startswith("- "):
            if text:
                yield Paragraph(_spans(" ".join(text)))
                text = []
            items.append(_spans(line.lstrip()[2:]))
        else:
            if items:
                yield Bullets(tuple(items))
                items = []
            if line.strip():
                text.append(line.strip())
    if items:
        yield Bullets(tuple(items))
    if text:
        yield Paragraph(_spans(" ".join(text)))


def _spans(text: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            spans.append(Span(text[position : match.start()]))
        if match["bold"]:
            spans.append(Span(match["bold"], bold=True))
        elif match["italic"]:
            spans.append(Span(match["italic"], italic=True))
        else:
            spans.append(Span(match["label"], link=match["link"]))
        position = match.end()
    if position < len(text):
        spans.append(Span(text[position:]))
    return tuple(spans)


def _plain(spans: Iterable[Span]) -> str:
    return "".join(f"{span.text} ({span.link})" if span.link else span.text for span in spans)


def _html(spans: Iterable[Span]) -> str:
    return "".join(_span_html(span) for span in spans)


def _span_html(span: Span) -> str:
    text = escape(span.text).replace("\n", "<br>")
    if span.link:
        return f'<a href="{escape(span.link)}" rel="noopener noreferrer">{text}</a>'
    if span.bold:
        return f"<strong>{text}</strong>"
    return f"<em>{text}</em>" if span.italic else text
