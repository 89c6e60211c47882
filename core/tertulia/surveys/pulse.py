"""A pulse: three to five confidential questions of a rotating bank, with one that is always asked."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.surveys import CONFIDENTIAL, FEWEST_ANSWERS, Item, agreement, choice_of, recommendation
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice
from tertulia.surveys import linter, sampling, scoring
from tertulia.surveys.instruments import instrument

AGREEMENT = ("strongly disagree", "disagree", "neither", "agree", "strongly agree")
OWN = "own"
BANDS = {"low": "low", "middle": "in the middle", "high": "high"}


class Options(BaseModel):
    """Ask *questions* items of the *instruments* and of the customer's *own* statements, the *anchor* every time.

    *wording* supplies texts that may not be shipped. *fewest* people stand behind every figure that is published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruments: tuple[str, ...] = ("recommendation", "civil_service_engagement", "belonging", "speaking_up")
    anchor: str = "recommendation.recommend"
    questions: int = Setting(default=4, ge=sampling.FEWEST, le=sampling.MOST)
    own: tuple[str, ...] = Setting(default=(), max_length=20)
    wording: Mapping[str, str] = Setting(default_factory=dict)
    fewest: int = Setting(default=FEWEST_ANSWERS, ge=FEWEST_ANSWERS, le=50)

    @field_validator("own")
    @classmethod
    def _linted(cls, own: tuple[str, ...]) -> tuple[str, ...]:
        for text in own:
            if not 5 <= len(text) <= 300 or own.count(text) > 1:
                raise ValueError("must be different statements of 5 to 300 letters")
            for finding in linter.lint(text):
                if finding.refused:
                    raise ValueError(finding.sentence)
        return own

    @model_validator(mode="after")
    def _askable(self) -> Options:
        try:
            bank = self.bank()
        except Mistake as mistake:
            raise ValueError(str(mistake)) from mistake
        if self.anchor not in bank:
            raise ValueError(f"the anchor {self.anchor!r} is not an item of the instruments: {', '.join(bank)}")
        if len(bank) < self.questions:
            raise ValueError(f"{self.questions} questions are asked, and the instruments have {len(bank)}")
        return self

    def bank(self) -> dict[str, Item]:
        """Return all that may be asked, by key."""
        found = {item.key: item for name in self.instruments for item in instrument(name).items(self.wording)}
        own = (agreement(f"{OWN}.{number}", text, instrument=OWN) for number, text in enumerate(self.own, start=1))
        return found | {item.key: item for item in own}


class Pulse:
    """Ask a pulse."""

    name = "pulse"
    privacy: Privacy = "confidential"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Choose the anchor and what was not asked for longest."""
        options: Options = request.options
        bank = options.bank()
        order = sorted(bank)
        random.Random(request.seed).shuffle(order)
        chosen = sampling.rotation(order, options.anchor, request.used, options.questions)
        content = {"items": [_kept(bank[key]) for key in chosen], "fewest": options.fewest}
        return Prepared(content=content, uses=chosen)

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the questions."""
        return Draft(
            title="",
            body=Markup.literal(f"{len(content['items'])} questions, about a minute."),
            recorded=CONFIDENTIAL,
            fields=tuple(_field(kept) for kept in content["items"]),
            actions=(
                Action(verb="answer", label="Send", style="primary"),
                Action(verb="pass", label="Not this time"),
            ),
            visibility="me",
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take one answer to each question."""
        given = {kept["key"]: choice(values, _field(kept)) for kept in content["items"]}
        if None in given.values():
            raise Mistake("A question has no answer; choose one for each, or pass.")
        return Given(values=given)

    def items(self, content: Json) -> Sequence[Item]:
        """Return what is counted."""
        return [_item(kept) for kept in content["items"]]

    def results(self, content: Json, whole: Mapping[str, Json], tally: Tally, language: str) -> Draft | None:
        """Tell those who answered what came of it."""
        lines = [f"{item.text} {_told(item, whole[item.key])}" for item in self.items(content) if item.key in whole]
        if not lines:
            body = Markup.literal("Nothing is published of this round: too few answered, or a figure told too much.")
        else:
            body = Markup.literal(f"At least {tally.answered} people answered.") + Markup.bullets(lines)
        recorded = "Counts are rounded, so that nobody's answer follows from them; ballots and keys are destroyed."
        return Draft(title="", body=body, recorded=recorded)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: what may be shown is in `results`."""
        return None


def _kept(item: Item) -> dict[str, Any]:
    scale = "recommendation" if "promoter" in item.points else "agreement" if item.ranked else "choice"
    return {
        "key": item.key,
        "text": item.text,
        "scale": scale,
        "reversed": item.reversed,
        "choices": dict(item.labels),
        "instrument": item.instrument,
    }


def _item(kept: Json) -> Item:
    if kept["scale"] == "recommendation":
        return recommendation(kept["key"], kept["text"], kept["instrument"])
    if kept["scale"] == "choice":
        return choice_of(kept["key"], kept["text"], kept["choices"], kept["instrument"])
    return agreement(kept["key"], kept["text"], reversed=kept["reversed"], instrument=kept["instrument"])


def _field(kept: Json) -> Field:
    if kept["scale"] == "choice":
        options = tuple(Option(value=name, label=label) for name, label in kept["choices"].items())
        return Field(key=kept["key"], kind="one", label=kept["text"], options=options, required=True)
    if kept["scale"] == "recommendation":
        points = tuple(Option(value=str(point), label=str(point)) for point in range(11))
        ends = ("not at all likely", "extremely likely")
        return Field(key=kept["key"], kind="scale", label=kept["text"], options=points, ends=ends, required=True)
    steps = tuple(Option(value=str(number), label=label) for number, label in enumerate(AGREEMENT, start=1))
    return Field(key=kept["key"], kind="one", label=kept["text"], options=steps, required=True)


def _told(item: Item, published: Json) -> str:
    """Word a published figure: a score with its interval, a band where answers are few, shares of choices."""
    counts: Mapping[str, int] = published["figures"]
    if not item.ranked:
        return ", ".join(f"{item.labels[name]}: about {count}" for name, count in counts.items())
    by_level = {name: counts.get(name, sum(counts.get(point, 0) for point in points)) for name, points in item.levels}
    if len(by_level) > len(counts):
        return f"{item.levels[0][0]}: about {by_level[item.levels[0][0]]} of {published['answered']}"
    if item.levels[0][0] == "promoter":
        score = scoring.recommendation_score(*by_level.values())
        if score is None or score.n < scoring.FEW_FOR_A_SCORE:
            return "too few answers for a number" if score is None else BANDS[scoring.score_band(score)]
        return f"{score.value:+.0f} (between {score.low:+.0f} and {score.high:+.0f})"
    favourable = scoring.share(by_level["favourable"], sum(by_level.values()))
    if favourable is None:
        return "too few answers for a number"
    return f"{favourable.value:.0f} % agree (between {favourable.low:.0f} and {favourable.high:.0f} %)"
