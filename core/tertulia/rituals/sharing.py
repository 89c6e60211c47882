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
from tertulia.rituals.sharing_themes import ASKS, BANKS, About

HOSTS = f"From {', '.join(music.KNOWN)}."
LINK = Field(key="link", kind="short", label="Link to the song", required=True, hint=HOSTS)
TITLE = Field(key="title", kind="short", label="Who plays what?", required=True)
WHY = Field(key="why", kind="short", label="Why this one?", hint="Leave it empty if you like.")
DISH = Field(key="title", kind="short", label="What is it called?", required=True)
NOT_FOR = "Tell also for whom it is not: nuts, milk, meat …"
METHOD = Field(key="words", kind="long", label="How is it made?", required=True, hint=NOT_FOR)
WORDS = Field(key="words", kind="long", label="In words", hint="With a picture or instead of one.")
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
        return Draft(
            title="",
            body=_ask(content),
            recorded=_recorded(content),
            fields=_fields(content),
            actions=(Action(verb="answer", label="Share", style="primary"), Action(verb="pass", label="Pass")),
            visibility=content["visibility"],
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what was written; a link must lead to music on a known service."""
        given = {field.key: text(values, field, ROOM[field.key]) for field in _fields(content)}
        kept: dict[str, str] = {key: value for key, value in given.items() if value is not None}
        for field in _fields(content):
            if field.required and field.key not in kept:
                raise Mistake(f"“{field.label}” is empty; fill it in, or pass.")
        if not kept:
            raise Mistake("There is nothing in it yet; write something, add a picture on its page, or pass.")
        if "link" in kept:
            song = music.read(kept["link"])
            kept |= {"link": song.link, "service": song.service}
        return Given(values=kept)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the words and the links; pictures stay in the gallery."""
        told = [one for one in given if one.values]
        if not told:
            return None
        items = tuple(_line(self.exhibit(content, one.values), one.name) for one in told[:TOLD])
        blocks: list[Block] = [*_ask(content).blocks[:1], Bullets(items)]
        if len(told) > TOLD:
            blocks.append(Paragraph((Span(f"And {len(told) - TOLD} more."),)))
        whole = "The whole list and" if content["about"] == "playlist" else "All of it, and"
        blocks.append(Paragraph((Span(f"{whole} the pictures are in the gallery, on your own page."),)))
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded="Shown is what each shared, until they take it back; who passed or did not answer is not named.",
            visibility=content["visibility"],
        )

    def exhibition(self, content: Json) -> Exhibition:
        """Say what may hang in the gallery, for whom and until when."""
        until = datetime.combine(date.fromisoformat(content["keep_until"]), time(), UTC)
        return Exhibition(
            title=content["theme"] or str(content["about"]).capitalize(),
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


def _fields(content: Json) -> tuple[Field, ...]:
    if content["about"] == "playlist":
        return LINK, TITLE, WHY
    return (DISH, METHOD) if content["about"] == "recipes" else (WORDS,)


def _ask(content: Json) -> Markup:
    theme = (Paragraph((Span(content["theme"], bold=True),)),) if content["theme"] else ()
    asked = ASKS[content["about"]]
    pictures = "" if content["about"] == "playlist" else " A picture is added on the page behind your personal link."
    return Markup((*theme, Paragraph((Span(asked + pictures),))))


def _recorded(content: Json) -> str:
    until = date.fromisoformat(content["keep_until"])
    return (
        f"What you share is kept under your name until {until:%d %B %Y} and shown in the gallery; "
        f"{SEEN_BY[content['visibility']]}. You can take it back at any time. Passes are counted, never named."
    )


def _line(exhibit: Exhibit, name: str | None) -> tuple[Span, ...]:
    words = exhibit.words or ""
    words = words if len(words) <= SNIPPET else words[: SNIPPET - 1].rstrip() + "…"
    spans = [Span(f"{name}:", bold=True), Span(" ")] if name else []
    if exhibit.title:
        spans.append(Span(exhibit.title, link=exhibit.link) if exhibit.link else Span(exhibit.title))
    if words:
        spans.append(Span(f" · {words}" if exhibit.title else words))
    return tuple(spans)
