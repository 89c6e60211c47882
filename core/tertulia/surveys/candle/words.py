"""The sentences around a candle, the same on the page and in every chat: short, and nothing that sounds alarmed."""

from __future__ import annotations

from collections.abc import Sequence

from tertulia.domain.markup import Markup, Paragraph, Span
from tertulia.surveys.candle.lines import NOT_FOR_CRISES, Line

TITLE = "A candle in the wind"
WHAT = (
    "If you need somebody to look after you, light a candle. You do not have to say why. One person is told that you "
    "asked, and gets in touch with you."
)
DISCREET = "Others may see my screen or hear my calls, so be discreet"
NOTHING_YET = "Nothing is kept yet, and nobody has been told."
SENT = "Nobody else can read your name. You can take it back at any time. It is erased after 90 days."
NOT_NOW = "Nothing was sent, and nobody was told. You can come back whenever you like."
TAKEN_BACK = "Your candle is taken back. Who has read your name already is asked to leave it at that."
TOO_LATE = "This was asked a while ago, so nothing was sent. Write **candle** again, and you start afresh."
LINE_UNKNOWN = "We do not know who leads you. Please choose somebody who does not."


def sends(responder: str) -> Markup:
    """Say what the second step does, before it is taken."""
    named = Span(f" to {responder}; your answers stay separate; nobody else is told.")
    return Markup((Paragraph((Span("This sends "), Span("your name", bold=True), named)),))


def passed_on(responder: str, deputy: str | None) -> str:
    """Say what happens where nobody opens it."""
    overdue = "After three working days, the owners of the workspace learn that one request waits, and nothing else."
    if deputy is None:
        return f"Nobody takes over if {responder} is away. {overdue}"
    return f"If {responder} has not opened it by the end of the next working day, {deputy} gets it too. {overdue}"


def lit(responder: str, reference: str) -> str:
    """Say that a candle is lit."""
    return (
        f"{responder} is told that somebody asks for care, and nothing more until opening it. We call it {reference}."
    )


def numbers(lines: Sequence[Line]) -> Markup:
    """Say what this is not, and who helps at once."""
    shown = [f"{one.country + ': ' if one.country else ''}{one.label}: {one.number}" for one in lines]
    at_once = "If you need help now:" if shown else "If you need help now, call your local emergency number."
    return Markup.literal(f"{NOT_FOR_CRISES} {at_once}") + (Markup.bullets(shown) if shown else Markup())
