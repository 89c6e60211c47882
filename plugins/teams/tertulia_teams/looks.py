"""Show how a prompt looks in Teams before anybody gets it, read from the very card that would be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tertulia import Look, Markup, Paragraph, Piece, Place, Prompt, Span
from tertulia_teams import cards

TITLES = {
    None: "Card in the chat with one person",
    "meeting": "Card in the meeting's chat",
    "chat": "Card in the chat",
}
IN_CHANNEL = "Card in the channel"


@dataclass(frozen=True)
class CardLooks:
    """Be the preview port."""

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        """Return the card."""
        sent = cards.message(prompt, shared=place is not None)
        title = TITLES.get(place.kind if place else None, IN_CHANNEL)
        return (Look(title=title, pieces=tuple(pieces(sent["attachments"][0]["content"])), sent=sent),)


def pieces(card: Mapping[str, Any]) -> Iterator[Piece]:
    """Describe a card that `cards` wrote."""
    for element in card["body"]:
        yield _element(element)
    for action in card.get("actions", ()):
        yield Piece(kind="link" if action["type"] == "Action.OpenUrl" else "button", label=action["title"])


def _element(element: Mapping[str, Any]) -> Piece:
    match element["type"]:
        case "TextBlock":
            return Piece(kind="title", words=Markup.literal(element["text"]))
        case "Image":
            return Piece(kind="picture", label=element["altText"])
        case "Input.Toggle":
            return Piece(kind="tick", label=element["title"])
        case "Input.Text":
            return Piece(kind="lines" if element["isMultiline"] else "line", label=element["label"])
        case "Input.ChoiceSet":
            options = tuple(choice["title"] for choice in element["choices"])
            return Piece(
                kind="many" if "isMultiSelect" in element else "one", label=element["label"], options=options
            )
    runs = element["inlines"]
    words = Markup((Paragraph(tuple(_span(run) for run in runs)),))
    return Piece(kind="small" if all(run.get("isSubtle") for run in runs) else "text", words=words)


def _span(run: Mapping[str, Any]) -> Span:
    link = run["selectAction"]["url"] if "selectAction" in run else None
    return Span(run["text"], bold=run.get("weight") == "Bolder", italic=bool(run.get("italic")), link=link)
