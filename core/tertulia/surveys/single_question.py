"""A survey of one question: the smallest that goes the whole ballot path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.surveys import CONFIDENTIAL, Item, choice_of
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice
from tertulia.surveys import linter

POINTS = range(11)
LEVELS = (
    ("high", "chose 7 to 10", range(7, 11)),
    ("middle", "chose 4 to 6", range(4, 7)),
    ("low", "chose 0 to 3", range(4)),
)
"""What is published of a scale, but for large groups, of which every point is: name, words, points."""


class Options(BaseModel):
    """Ask *question* on a scale of 0 to 10, or with *choices*."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Setting(min_length=5, max_length=300)
    choices: tuple[str, ...] = Setting(default=(), max_length=12)
    ends: tuple[str, str] = ("not at all", "very much")

    @field_validator("question")
    @classmethod
    def _linted(cls, question: str) -> str:
        return linter.checked(question)

    @field_validator("choices")
    @classmethod
    def _distinct(cls, choices: tuple[str, ...]) -> tuple[str, ...]:
        if len(choices) == 1 or len(set(choices)) < len(choices) or any(not 0 < len(c) <= 100 for c in choices):
            raise ValueError("must be two to twelve different texts of at most 100 characters")
        return choices


class SingleQuestion:
    """Ask one confidential question."""

    name = "single-question"
    privacy: Privacy = "confidential"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the question with the round."""
        options: Options = request.options
        content = {"question": options.question, "choices": list(options.choices), "ends": list(options.ends)}
        return Prepared(content=content)

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the question."""
        return Draft(
            title="",
            body=Markup.literal(content["question"]),
            recorded=CONFIDENTIAL,
            fields=(_field(content),),
            actions=(Action(verb="answer", label="Send", style="primary"), Action(verb="pass", label="Pass")),
            visibility="me",
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take one point or choice."""
        chosen = choice(values, _field(content))
        if chosen is None:
            raise Mistake("Nothing is chosen; choose an answer, or pass.")
        return Given(values={"answer": chosen})

    def items(self, content: Json) -> Sequence[Item]:
        """Return the one item: its choices, or the points in three levels."""
        if content["choices"]:
            return (choice_of("answer", content["question"], {o.value: o.label for o in _field(content).options}),)
        return (
            Item(
                key="answer",
                text=content["question"],
                points=tuple(str(point) for point in POINTS),
                levels=tuple((name, tuple(str(point) for point in points)) for name, _, points in LEVELS),
                labels={name: label for name, label, _ in LEVELS},
            ),
        )

    def results(self, content: Json, whole: Mapping[str, Json], tally: Tally, language: str) -> Draft | None:
        """Tell about how many gave what, where anything may be told."""
        (item,) = self.items(content)
        if item.key in whole:
            counts = whole[item.key]["figures"]
            lines = [f"{item.labels.get(name, name)}: about {count}" for name, count in counts.items()]
            body = Markup.literal(f"At least {tally.answered} people answered.") + Markup.bullets(lines)
        else:
            body = Markup.literal("Nothing is published: too few answered, or a figure told too much.")
        recorded = "Counts are rounded, so that nobody's answer follows from them; ballots and keys are destroyed."
        return Draft(title="", body=Markup.literal(content["question"]) + body, recorded=recorded)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: what may be shown is in `results`."""
        return None


def _field(content: Json) -> Field:
    if content["choices"]:
        options = tuple(Option(value=str(n), label=label) for n, label in enumerate(content["choices"], start=1))
        return Field(key="answer", kind="one", label="Your answer", options=options, required=True)
    points = tuple(Option(value=str(point), label=str(point)) for point in POINTS)
    low, high = content["ends"]
    return Field(key="answer", kind="scale", label="Your answer", options=points, ends=(low, high), required=True)
