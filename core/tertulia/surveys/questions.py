"""A question of a survey as it is kept with a round: how it is shown, what it takes, and by what it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Field, Option
from tertulia.domain.surveys import Item, agreement, choice_of, one_of_several, recommendation
from tertulia.forms import choice, choices

Scale: TypeAlias = Literal["recommendation", "agreement", "choice", "several"]
AGREEMENT = ("strongly disagree", "disagree", "neither", "agree", "strongly agree")
ENDS = ("not at all likely", "extremely likely")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold a question: 0 to 10, five steps of agreement, one of *choices* (name and label), or several of them."""

    key: str
    text: str
    scale: Scale
    reversed: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    instrument: str = ""

    def kept(self) -> Json:
        """Return the question as a round keeps it."""
        return asdict(self)

    def items(self) -> tuple[Item, ...]:
        """Return what is counted: one item, or one for each choice where several may be chosen."""
        if self.scale == "recommendation":
            return (recommendation(self.key, self.text, self.instrument),)
        if self.scale == "agreement":
            return (agreement(self.key, self.text, reversed=self.reversed, instrument=self.instrument),)
        if self.scale == "choice":
            return (choice_of(self.key, self.text, self.choices, self.instrument),)
        return tuple(
            one_of_several(f"{self.key}.{name}", self.text, label, self.instrument)
            for name, label in self.choices.items()
        )

    def field(self) -> Field:
        """Return the field that asks it; nothing is marked as required, because a pass is taken without it."""
        if self.scale == "recommendation":
            points = tuple(Option(value=str(point), label=str(point)) for point in range(11))
            return Field(key=self.key, kind="scale", label=self.text, options=points, ends=ENDS)
        if self.scale == "agreement":
            steps = tuple(Option(value=str(number), label=label) for number, label in enumerate(AGREEMENT, start=1))
            return Field(key=self.key, kind="one", label=self.text, options=steps)
        offered = tuple(Option(value=name, label=label) for name, label in self.choices.items())
        if self.scale == "choice":
            return Field(key=self.key, kind="one", label=self.text, options=offered)
        return Field(key=self.key, kind="many", label=self.text, options=offered, hint="Choose all that fit.")

    def given(self, values: Json) -> Mapping[str, str] | None:
        """Return by item what was answered, `None` where nothing was; raises `Mistake` for what is not offered."""
        if self.scale == "several":
            chosen = choices(values, self.field())
            return (
                {f"{self.key}.{name}": "yes" if name in chosen else "no" for name in self.choices} if chosen else None
            )
        one = choice(values, self.field())
        return None if one is None else {self.key: one}


def question_of(kept: Json) -> Question:
    """Return the question that `Question.kept` wrote."""
    return Question(
        key=kept["key"],
        text=kept["text"],
        scale=kept["scale"],
        reversed=kept["reversed"],
        choices=dict(kept["choices"]),
        instrument=kept["instrument"],
    )
