"""The check-in: how the work goes, and a word about the day; shared with those one wants to share it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import SEEN_BY, Action, Draft, Field, Given, Option, Privacy, Visibility
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice, text
from tertulia.kinds import Conclusion, Outcome
from tertulia.rituals import help_offers
from tertulia.rituals.help_offers import HELP

GOING = Field(
    key="going",
    kind="scale",
    label="How is the work going?",
    options=tuple(Option(value=str(point), label=str(point)) for point in range(1, 6)),
    ends=("stuck", "flowing"),
)
WORK = Field(key="work", kind="long", label="What are you on?", hint="A line or two is plenty.")
BLOCKERS = Field(key="blockers", kind="short", label="What is in the way, if anything?")
MOOD = Field(
    key="mood",
    kind="one",
    label="A word for today",
    options=tuple(
        Option(value=word.lower(), label=word)
        for word in ("Bright", "Steady", "Curious", "Busy", "Scattered", "Tired", "Foggy", "Stormy")
    ),
)
LIFE = Field(key="life", kind="long", label="Something from life you like to share")
PROJECT, DAILY = (GOING, WORK, BLOCKERS, HELP), (MOOD, LIFE)
ROOM = {"work": 1500, "blockers": 300, "life": 1500}
HEADINGS = {"work": "On the desk", "blockers": "In the way", "life": "From life"}


class Options(BaseModel):
    """Choose what is asked, who sees the answers, and whether one can ask colleagues for help with a blocker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: Literal["project", "life", "both"] = "both"
    visibility: Literal["me", "team", "workspace"] = "team"
    offers: bool = True


class CheckIn:
    """Ask how the work and the day go; every field may stay empty, and everyone may pass."""

    name = "check-in"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep what is asked with the round."""
        options: Options = request.options
        return Prepared(content=options.model_dump())

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the fields that the practice asks for."""
        visibility: Visibility = content["visibility"]
        return Draft(
            title="",
            body=Markup.parse("A short check-in. Fill in what you like, leave out the rest."),
            recorded=f"Your answer is kept under your name; {SEEN_BY[visibility]}. Passes are counted, never named.",
            fields=_fields(content),
            actions=(Action(verb="answer", label="Share", style="primary"), Action(verb="pass", label="Pass")),
            visibility=visibility,
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what was filled in; an empty form is a mistake, not a pass."""
        given: dict[str, str | bool] = {}
        for field in _fields(content):
            if field.kind == "confirm":
                continue
            taken = choice(values, field) if field.options else text(values, field, ROOM[field.key])
            if taken is not None:
                given[field.key] = taken
        if not given:
            raise Mistake("Nothing is filled in; write or choose something, or pass.")
        if help_offers.wants({**given, "help": values.get("help") in (True, "true", "on")}):
            given["help"] = True
        return Given(values=given)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show what follows: who asks for help, or who can."""
        return help_offers.draft(content, share)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take an offer of help."""
        return help_offers.accept(content, share, values)

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Offer the blockers for which somebody asked for help to colleagues."""
        return Conclusion(follow_ups=tuple(help_offers.follow(content, outcome)))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the digest: how many took part, points and words without names, texts with their givers."""
        if not tally.answered or content.get("stage"):
            return None
        blocks: list[Block] = [Paragraph((Span(_turnout(tally)),))]
        blocks.extend(_counts(given))
        for key, heading in HEADINGS.items():
            items = _texts(given, key)
            if items:
                blocks += [Paragraph((Span(heading, bold=True),)), Bullets(tuple(items))]
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded="Shown is what each shared; who passed or did not answer is not named.",
            visibility=content["visibility"],
        )


def _fields(content: Json) -> tuple[Field, ...]:
    asked: dict[str, tuple[Field, ...]] = {"project": PROJECT, "life": DAILY, "both": PROJECT + DAILY}
    # what only its giver sees is offered to nobody
    offers = content.get("offers", False) and content["visibility"] != "me"
    return tuple(field for field in asked[content["ask"]] if field is not HELP or offers)


def _turnout(tally: Tally) -> str:
    people = "person" if tally.answered == 1 else "people"
    passed = f", {tally.passed} passed" if tally.passed else ""
    return f"{tally.answered} {people} checked in{passed}."


def _counts(given: Sequence[Shared]) -> Iterable[Block]:
    for field in (GOING, MOOD):
        counts = Counter(shared.values[field.key] for shared in given if field.key in shared.values)
        if counts:
            parts = [f"{option.label} × {counts[option.value]}" for option in field.options if counts[option.value]]
            yield Paragraph((Span(f"{field.label} ", bold=True), Span(", ".join(parts))))


def _texts(given: Sequence[Shared], key: str) -> list[tuple[Span, ...]]:
    several = len({shared.team for shared in given}) > 1
    wrote = [shared for shared in given if shared.values.get(key)]
    wrote.sort(key=lambda shared: (shared.team or "", shared.name or ""))
    return [
        (Span(_who(shared, several), bold=True), Span(f" {shared.values[key]}")) for shared in wrote if shared.name
    ]


def _who(shared: Shared, several: bool) -> str:
    return f"{shared.name} ({shared.team}):" if several and shared.team else f"{shared.name}:"
