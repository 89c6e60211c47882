"""Sharing: a playlist of the week, photo themes, pets, desks and recipes, kept in the gallery for a while.

Words and links are the answer itself. Pictures are added on the page behind the personal link or in the gallery, and
never leave it; see decision 24. Words are always enough, so nobody needs a camera or eyes to take part.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limits

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import SEEN_BY, Action, Draft, Field, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import text
from tertulia.kinds import Exhibit, Exhibition
from tertulia.rituals import music
from tertulia.rituals.day_names import in_full
from tertulia.rituals.sharing_themes import BANKS, About, asks, title
from tertulia.wording import Words, words

ROOM = {"link": music.LONGEST, "title": 200, "why": 300, "words": 3000}
TOLD = 12
"""So many are shown in a place; the rest is counted and stands in the gallery."""
SNIPPET = 280
"""Characters of a longer text that a place shows."""


class Options(BaseModel):
    """Choose what is shared, who sees it, own themes to go through in turn, and for how many days it is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: About = "photos"
    visibility: Literal["team", "workspace"] = "workspace"
    themes: tuple[str, ...] = Limits(default=(), max_length=60)
    keep_days: int = Limits(default=90, ge=7, le=365)


class Sharing:
    """Ask for something to share; what was given hangs in the gallery until its giver or the time takes it down."""

    name = "sharing"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    playful = True

    def prepare(self, request: RoundRequest) -> Prepared:
        """Take the next theme, and say until when what is shared is kept."""
        options: Options = request.options
        bank = options.themes or BANKS.get(options.about, ())
        opened = datetime.fromisoformat(request.occurrence).date()
        return Prepared(
            content={
                "about": options.about,
                "theme": bank[request.turn % len(bank)] if bank else None,
                "visibility": options.visibility,
                "keep_until": (opened + timedelta(days=options.keep_days)).isoformat(),
            }
        )

    def prompt(self, content: Json, language: str) -> Draft:
        """Ask for it."""
        say = words(language)
        return Draft(
            title="",
            body=_ask(content, say),
            recorded=_recorded(content, language, say),
            fields=_fields(content, say),
            actions=(
                Action(verb="answer", label=say("Share"), style="primary"),
                Action(verb="pass", label=say("Pass")),
            ),
            visibility=content["visibility"],
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what was written; a link must lead to music on a known service."""
        say = words()
        fields = _fields(content, say)
        given = {field.key: text(values, field, ROOM[field.key]) for field in fields}
        kept: dict[str, str] = {key: value for key, value in given.items() if value is not None}
        for field in fields:
            if field.required and field.key not in kept:
                raise Mistake(say("“{label}” is empty; fill it in, or pass.", label=field.label))
        if not kept:
            raise Mistake(say("There is nothing in it yet; write something, add a picture on its page, or pass."))
        if "link" in kept:
            song = music.read(kept["link"])
            kept |= {"link": song.link, "service": song.service}
        return Given(values=kept)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the words and the links; pictures stay in the gallery."""
        told = [one for one in given if one.values]
        if not told:
            return None
        say = words(language)
        items = tuple(_line(self.exhibit(content, one.values), one.name) for one in told[:TOLD])
        theme = content["theme"] or asks(content["about"], say)
        blocks: list[Block] = [Paragraph((Span(theme, bold=bool(content["theme"])),)), Bullets(items)]
        if len(told) > TOLD:
            blocks.append(Paragraph((Span(say("And {number} more.", number=len(told) - TOLD)),)))
        if content["about"] == "playlist":
            rest = say("The whole list is in the gallery, on your own page.")
        else:
            rest = say("All of it, and the pictures, are in the gallery, on your own page.")
        blocks.append(Paragraph((Span(rest),)))
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded=say("Shown is what each shared, until they take it back; nobody else is named."),
            visibility=content["visibility"],
        )

    def exhibition(self, content: Json) -> Exhibition:
        """Say what may hang in the gallery, for whom and until when."""
        until = datetime.combine(date.fromisoformat(content["keep_until"]), time(), UTC)
        return Exhibition(
            title=content["theme"] or title(content["about"], words()),
            visibility=content["visibility"],
            until=until,
            pictures=content["about"] != "playlist",
            listed=content["about"] == "playlist",
        )

    def exhibit(self, content: Json, values: Json) -> Exhibit:
        """Say how one answer is shown."""
        words = values.get("why") if content["about"] == "playlist" else values.get("words")
        return Exhibit(title=values.get("title"), words=words, link=values.get("link"), source=values.get("service"))

    def with_picture(self, content: Json, values: Json, alt: str) -> Json:
        """Complete what comes with a picture, so that it is an answer in words too."""
        filled = {"title": alt[: ROOM["title"]], "words": alt} if content["about"] == "recipes" else {"words": alt}
        return {**filled, **{key: value for key, value in values.items() if value}}


def _fields(content: Json, say: Words) -> tuple[Field, ...]:
    if content["about"] == "playlist":
        hosts = say("From {services}.", services=", ".join(music.KNOWN))
        return (
            Field(key="link", kind="short", label=say("Link to the song"), required=True, hint=hosts),
            Field(key="title", kind="short", label=say("Who plays what?"), required=True),
            Field(key="why", kind="short", label=say("Why this one?"), hint=say("Leave it empty if you like.")),
        )
    if content["about"] == "recipes":
        hint = say("Tell also for whom it is not: nuts, milk, meat …")
        return (
            Field(key="title", kind="short", label=say("What is it called?"), required=True),
            Field(key="words", kind="long", label=say("How is it made?"), required=True, hint=hint),
        )
    hint = say("With a picture or instead of one.")
    return (Field(key="words", kind="long", label=say("In words"), hint=hint),)


def _ask(content: Json, say: Words) -> Markup:
    theme = (Paragraph((Span(content["theme"], bold=True),)),) if content["theme"] else ()
    asked = asks(content["about"], say)
    if content["about"] != "playlist":
        asked = f"{asked} {say('A picture is added on the page behind your personal link.')}"
    return Markup((*theme, Paragraph((Span(asked),))))


def _recorded(content: Json, language: str, say: Words) -> str:
    until = in_full(date.fromisoformat(content["keep_until"]), language)
    seen = say(SEEN_BY[content["visibility"]])
    kept = say("What you share is kept under your name until {until} and shown in the gallery;", until=until)
    return f"{kept} {seen}. {say('You can take it back at any time.')} {say('Passes are counted, never named.')}"


def _line(exhibit: Exhibit, name: str | None) -> tuple[Span, ...]:
    words = exhibit.words or ""
    words = words if len(words) <= SNIPPET else words[: SNIPPET - 1].rstrip() + "…"
    spans = [Span(f"{name}:", bold=True), Span(" ")] if name else []
    if exhibit.title:
        spans.append(Span(exhibit.title, link=exhibit.link) if exhibit.link else Span(exhibit.title))
    if words:
        spans.append(Span(f" · {words}" if exhibit.title else words))
    return tuple(spans)
