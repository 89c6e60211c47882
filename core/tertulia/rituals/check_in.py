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
from tertulia.wording import Words, words

MOODS = ("Bright", "Steady", "Curious", "Busy", "Scattered", "Tired", "Foggy", "Stormy")
PROJECT, DAILY = ("going", "work", "blockers", "help"), ("mood", "life")
ROOM = {"work": 1500, "blockers": 300, "life": 1500}


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
        say = words(language)
        return Draft(
            title="",
            body=Markup.literal(say("A short check-in. Fill in what you like, leave out the rest.")),
            recorded=recorded(visibility, say),
            fields=_fields(content, say),
            actions=(
                Action(verb="answer", label=say("Share"), style="primary"),
                Action(verb="pass", label=say("Pass")),
            ),
            visibility=visibility,
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what was filled in; an empty form is a mistake, not a pass."""
        given: dict[str, str | bool] = {}
        say = words()
        for field in _fields(content, say):
            if field.kind == "confirm":
                continue
            taken = choice(values, field) if field.options else text(values, field, ROOM[field.key])
            if taken is not None:
                given[field.key] = taken
        if not given:
            raise Mistake(say("Nothing is filled in; write or choose something, or pass."))
        if help_offers.wants({**given, "help": values.get("help") in (True, "true", "on")}):
            given["help"] = True
        return Given(values=given)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show what follows: who asks for help, or who can."""
        return help_offers.draft(content, share, words(language))

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take an offer of help."""
        return help_offers.accept(content, share, values, words())

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Offer the blockers for which somebody asked for help to colleagues."""
        return Conclusion(follow_ups=tuple(help_offers.follow(content, outcome)))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the digest: how many took part, points and words without names, texts with their givers."""
        if not tally.answered or content.get("stage"):
            return None
        say = words(language)
        blocks: list[Block] = [Paragraph((Span(_turnout(tally, say)),))]
        blocks.extend(_counts(given, say))
        for key, heading in _headings(say).items():
            items = _texts(given, key)
            if items:
                blocks += [Paragraph((Span(heading, bold=True),)), Bullets(tuple(items))]
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded=say("Shown is what each shared; who passed or did not answer is not named."),
            visibility=content["visibility"],
        )


def recorded(visibility: Visibility, say: Words) -> str:
    """Say what is kept of a named answer and who sees it."""
    kept = say("Your answer is kept under your name; {seen_by}.", seen_by=say(SEEN_BY[visibility]))
    return f"{kept} {say('Passes are counted, never named.')}"


def _fields(content: Json, say: Words) -> tuple[Field, ...]:
    asked: dict[str, tuple[str, ...]] = {"project": PROJECT, "life": DAILY, "both": PROJECT + DAILY}
    # what only its giver sees is offered to nobody
    offers = content.get("offers", False) and content["visibility"] != "me"
    known = {
        "going": _going(say),
        "work": Field(key="work", kind="long", label=say("What are you on?"), hint=say("A line or two is plenty.")),
        "blockers": Field(key="blockers", kind="short", label=say("What is in the way, if anything?")),
        "help": help_offers.field(say),
        "mood": _mood(say),
        "life": Field(key="life", kind="long", label=say("Something from life you like to share")),
    }
    return tuple(known[key] for key in asked[content["ask"]] if key != "help" or offers)


def _going(say: Words) -> Field:
    return Field(
        key="going",
        kind="scale",
        label=say("How is the work going?"),
        options=tuple(Option(value=str(point), label=str(point)) for point in range(1, 6)),
        ends=(say("stuck"), say("flowing")),
    )


def _mood(say: Words) -> Field:
    options = tuple(Option(value=word.lower(), label=say(word)) for word in MOODS)
    return Field(key="mood", kind="one", label=say("A word for today"), options=options)


def _headings(say: Words) -> dict[str, str]:
    return {"work": say("On the desk"), "blockers": say("In the way"), "life": say("From life")}


def _turnout(tally: Tally, say: Words) -> str:
    if not tally.passed:
        return say.many("{number} person checked in.", "{number} people checked in.", tally.answered)
    return say.many(
        "{number} person checked in, {passed} passed.",
        "{number} people checked in, {passed} passed.",
        tally.answered,
        passed=tally.passed,
    )


def _counts(given: Sequence[Shared], say: Words) -> Iterable[Block]:
    for field in (_going(say), _mood(say)):
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
