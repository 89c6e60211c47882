"""What is shown and what comes back, free of any platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup

FieldKind = Literal["one", "many", "scale", "short", "long", "confirm"]
Style = Literal["primary", "default", "destructive"]
Privacy = Literal["named", "confidential"]
Visibility = Literal["me", "group", "team", "workspace"]
ReplyStatus = Literal["taken", "changed", "closed", "refused", "unknown_actor"]

SEEN_BY: dict[Visibility, str] = {
    "me": "only you see it",
    "group": "of it, your group alone sees what the question said",
    "team": "your team sees it",
    "workspace": "everyone in the workspace sees it",
}
"""What a person is told before and after answering."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """Offer one choice of a field; *value* is what comes back."""

    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """Ask for one value.

    `one` and `many` choose among *options*; `scale` too, its options are the points in order and *ends* labels both
    ends; `short` and `long` are text; `confirm` is a tick. *value* is what was answered before, to start from.
    """

    key: str
    kind: FieldKind
    label: str
    options: tuple[Option, ...] = ()
    ends: tuple[str, str] | None = None
    required: bool = False
    hint: str | None = None
    value: str | tuple[str, ...] | bool | None = None


@dataclass(frozen=True, kw_only=True)
class Action:
    """Offer a button; *token* is sealed by the core and opaque to plugins, which hand it to `Inbox.answered`."""

    verb: str
    label: str
    style: Style = "default"
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Media:
    """Show a picture, or link a sound or film; *alt* is read aloud."""

    url: str
    kind: Literal["image", "audio", "video"]
    alt: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Show a question, an invitation or a summary.

    *recorded* is the sentence that says what is kept. *visibility* says who will see the answer. *link* is the
    personal link for a port that has no form of its own; it is never put into a shared place. *closes* is the instant
    (UTC) after which no answer is taken, `None` where nothing can be answered.
    """

    id: Id
    version: int
    title: str
    body: Markup
    language: str
    recorded: str
    media: tuple[Media, ...] = ()
    fields: tuple[Field, ...] = ()
    actions: tuple[Action, ...] = ()
    privacy: Privacy = "named"
    visibility: Visibility = "workspace"
    link: str | None = None
    closes: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Tell the actor what became of an answer or a command.

    *prompt* replaces the prompt that was answered. A *private* reply must not be shown in a shared place.
    """

    status: ReplyStatus
    prompt: Prompt | None = None
    text: Markup | None = None
    private: bool = False


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Hold what a ritual kind wants shown, before the core adds identity, tokens and the link."""

    title: str
    body: Markup
    recorded: str
    fields: tuple[Field, ...] = ()
    actions: tuple[Action, ...] = ()
    media: tuple[Media, ...] = ()
    visibility: Visibility = "workspace"


@dataclass(frozen=True, kw_only=True)
class Thanks:
    """Hold thanks to colleagues; *to* are names or e-mail addresses as they were typed.

    *value* is one of the practice's values. *public* thanks may be shown to everybody whom the practice addresses.
    """

    to: tuple[str, ...]
    why: str = ""
    value: str | None = None
    public: bool = False


@dataclass(frozen=True, kw_only=True)
class Given:
    """Hold what a person gave to a ritual, checked by its kind; a pass keeps no values.

    *counts* tells whether giving this is taking part in the round. *reserves* are the items of which the person wants
    a place from now on, `None` leaves reservations as they are. *private* is sealed apart until *private_until* (UTC)
    and comes back without a name only. *standing* signs the person up for the practice, or takes them off its list.
    *thanks* are told to those whom they name. *reply* is said instead of who sees the answer and until when it can be
    changed. *visibility* is what the giver chose for this answer, where that is not what the question says.
    """

    values: Json = field(default_factory=dict)
    passed: bool = False
    counts: bool = True
    reserves: tuple[str, ...] | None = None
    private: Json | None = None
    private_until: datetime | None = None
    standing: Literal["join", "leave"] | None = None
    thanks: Thanks | None = None
    reply: str | None = None
    visibility: Visibility | None = None
