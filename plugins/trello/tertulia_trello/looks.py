"""Show how a prompt looks on Trello before anybody sees it, read from the very card that would be made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tertulia import Bullets, Look, Markup, Mistake, Paragraph, Piece, Place, Prompt, Span
from tertulia_trello import cards
from tertulia_trello.rituals import CHECKLIST, hidden, ticks

ESCAPED = 0xE000
"""Where private characters begin that stand for escaped ones while a description is read; it has none of its own."""


@dataclass(frozen=True)
class CardLooks:
    """Be the preview port; *username* is that of our own account."""

    username: str

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        """Return the card: its name, its description and its checklist."""
        if place is None:
            raise Mistake("Trello has no private channel; whoever is asked privately is asked on another platform.")
        if hidden(prompt):
            raise Mistake(
                "A question whose answer others must not see is never put on a card: take the board out of the "
                "places of this practice."
            )
        lines = [label for _, label in ticks(prompt)]
        sent = {"name": cards.title(prompt), "desc": cards.description(prompt, self.username)}
        due = {"due": prompt.closes.isoformat()} if prompt.closes else {}
        checklist = {"checklist": {"name": CHECKLIST, "items": lines}} if lines else {}
        return (
            Look(
                title="Card on the ritual list", pieces=tuple(_pieces(sent, lines)), sent={**sent, **due, **checklist}
            ),
        )


def _pieces(card: dict[str, str], lines: Sequence[str]) -> Iterator[Piece]:
    yield Piece(kind="title", words=Markup.literal(card["name"]))
    yield Piece(kind="text", words=read(card["desc"]))
    for line in lines:
        yield Piece(kind="tick", label=line)


def read(description: str) -> Markup:
    """Read what `cards` wrote in Trello's dialect: escaped characters stand for themselves."""
    kept, rest = [], iter(description)
    for character in rest:
        kept.append(chr(ESCAPED + ord(next(rest, "\\"))) if character == "\\" else character)
    found = Markup.parse("".join(kept))
    return Markup(tuple(_block(block) for block in found.blocks))


def _block(block: Paragraph | Bullets) -> Paragraph | Bullets:
    if isinstance(block, Bullets):
        return Bullets(tuple(_spans(item) for item in block.items))
    return Paragraph(_spans(block.spans))


def _spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(replace(span, text="".join(_plain(character) for character in span.text)) for span in spans)


def _plain(character: str) -> str:
    code = ord(character) - ESCAPED
    return chr(code) if 0 <= code < 0x80 else character
