"""Show how a prompt looks on Zoom before anybody gets it: as a message of Team Chat, a poll, and in the panel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tertulia import Look, Markup, Paragraph, Piece, Place, Prompt, Span, described
from tertulia_zoom import messages, panel_view
from tertulia_zoom.messages_text import GREY
from tertulia_zoom.polls import poll_of

KEY = "0" * 32
"""Stands for the key under which a posting keeps its form."""


@dataclass(frozen=True)
class ZoomLooks:
    """Be the preview port."""

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        """Return the message, and what opens behind its buttons; of a meeting the poll and the panel."""
        if place is None:
            return (_message("Message in the chat with one person", messages.question(prompt)),)
        if place.kind == "meeting":
            poll, _ = poll_of(prompt)
            panel = Look(title="The panel in the meeting", pieces=described(prompt), sent=panel_view.prompt(prompt))
            return Look(title="Poll on the meeting", pieces=tuple(_poll(poll)), sent=poll), panel
        posted = _message("Message in the channel", messages.posting(prompt, KEY))
        if not prompt.fields or prompt.privacy == "confidential":
            return (posted,)
        return posted, _message("What then opens in one's own chat", messages.form(prompt))


def _message(title: str, content: dict[str, Any]) -> Look:
    return Look(title=title, pieces=tuple(pieces(content)), sent=content)


def pieces(content: Mapping[str, Any]) -> Iterator[Piece]:
    """Describe a message that `messages` wrote."""
    if "head" in content:
        yield Piece(kind="title", words=Markup.literal(content["head"]["text"]))
    for element in content["body"]:
        yield from _element(element)


def _element(element: Mapping[str, Any]) -> Iterator[Piece]:
    match element["type"]:
        case "select":
            options = tuple(item["text"] for item in element["select_items"])
            yield Piece(kind="one", label=element["text"], options=options)
        case "fields":
            for item in element["items"]:
                yield Piece(kind="line", label=item["key"])
        case "actions":
            for item in element["items"]:
                bare = item["text"].removeprefix(messages.OFF).removeprefix(messages.ON)
                yield Piece(kind="button" if bare == item["text"] else "tick", label=bare)
        case "attachments":
            yield Piece(kind="picture", label=element["information"]["title"]["text"])
        case _:
            yield _text(element)


def _text(element: Mapping[str, Any]) -> Piece:
    text = element["text"]
    if "link" in element:
        return Piece(kind="link", label=text)
    spans = tuple(_spans(text)) if element.get("is_markdown_support") else (Span(text),)
    words = Markup((Paragraph(spans),))
    return Piece(kind="small" if element.get("style") == GREY else "text", words=words)


_STYLED = re.compile(r"<(?P<url>[^|>]*)\|(?P<label>[^>]*)>|\*(?P<bold>[^*]+)\*|_(?P<italic>[^_]+)_")
"""Zoom's own dialect; in people's words no sign of it is left."""


def _spans(text: str) -> Iterator[Span]:
    position = 0
    for found in _STYLED.finditer(text):
        if found.start() > position:
            yield Span(text[position : found.start()])
        if found["url"] is not None:
            yield Span(found["label"], link=found["url"])
        else:
            yield Span(found["bold"] or found["italic"], bold=bool(found["bold"]), italic=bool(found["italic"]))
        position = found.end()
    if position < len(text):
        yield Span(text[position:])


def _poll(poll: Mapping[str, Any]) -> Iterator[Piece]:
    yield Piece(kind="title", words=Markup.literal(poll["title"]))
    for question in poll["questions"]:
        kind, options = question["type"], tuple(question.get("answers", ()))
        if kind in ("single", "multiple"):
            yield Piece(kind="one" if kind == "single" else "many", label=question["name"], options=options)
        else:
            yield Piece(kind="line" if kind == "short_answer" else "lines", label=question["name"], options=options)
