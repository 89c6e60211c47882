"""How a message looks on a platform, described part by part, for showing it before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Field, Prompt

PieceKind = Literal["title", "text", "small", "picture", "one", "many", "line", "lines", "tick", "button", "link"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Describe one part of a message as people see it.

    `title`, `text` and `small` show *words*. `picture` is told by *label*. `one` and `many` let choose among
    *options*, `line` and `lines` take words, `tick` is a box, `button` and `link` can be pressed; *label* says what
    for.
    """

    kind: PieceKind
    label: str = ""
    words: Markup = field(default_factory=Markup)
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Look:
    """Hold how one message looks: its *pieces* from top to bottom.

    *title* says in a few words what it is on that platform, such as `Card in a chat`. *sent* is the JSON that would
    be sent for it, `None` where nothing is sent.
    """

    title: str
    pieces: tuple[Piece, ...]
    sent: Json | None = None


def described(prompt: Prompt) -> tuple[Piece, ...]:
    """Describe *prompt* as a plain form: what it says, what it asks, its buttons, and what is kept."""
    return tuple(_described(prompt))


def _described(prompt: Prompt) -> Iterator[Piece]:
    yield Piece(kind="title", words=Markup.literal(prompt.title))
    yield Piece(kind="text", words=prompt.body)
    for media in prompt.media:
        yield Piece(kind="picture" if media.kind == "image" else "link", label=media.alt)
    yield from (_field(asked) for asked in prompt.fields)
    yield Piece(kind="small", words=Markup.literal(prompt.recorded))
    yield from (_action(action) for action in prompt.actions)


def _field(asked: Field) -> Piece:
    options = tuple(option.label for option in asked.options)
    if asked.ends and options:
        options = (f"{options[0]} – {asked.ends[0]}", *options[1:-1], f"{options[-1]} – {asked.ends[1]}")
    return Piece(kind=_KINDS[asked.kind], label=asked.label, options=options)


_KINDS: dict[str, PieceKind] = {
    "one": "one", "scale": "one", "many": "many", "short": "line", "long": "lines", "confirm": "tick"
}  # fmt: skip


def _action(action: Action) -> Piece:
    return Piece(kind="button", label=action.label)
