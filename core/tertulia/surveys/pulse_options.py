"""What a program says of a pulse: what is asked, and of how many parts of the audience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.surveys import linter, sampling
from tertulia.surveys.instruments import instrument
from tertulia.surveys.questions import Question

OWN = "own"
MOST_PARTS = 8


class OwnQuestion(BaseModel):
    """Ask a *text* of the customer's own: how far people agree, one of *choices*, or several of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=5, max_length=300)
    scale: Literal["agreement", "choice", "several"] = "agreement"
    choices: tuple[str, ...] = Field(default=(), max_length=12)

    @field_validator("text")
    @classmethod
    def _linted(cls, text: str) -> str:
        return linter.checked(text)

    @model_validator(mode="after")
    def _offers(self) -> OwnQuestion:
        enough = 2 if self.scale != "agreement" else 0
        different = len(set(self.choices)) == len(self.choices)
        if len(self.choices) < enough or (self.choices and not enough) or not different or not all(self.choices):
            raise ValueError("needs two to twelve different choices where one or several may be chosen, else none")
        return self

    def question(self, number: int) -> Question:
        """Return the question as number *number* of the customer's own."""
        offered = {str(place): label for place, label in enumerate(self.choices, start=1)}
        return Question(key=f"{OWN}.{number}", text=self.text, scale=self.scale, choices=offered, instrument=OWN)


class Options(BaseModel):
    """Ask *questions* items of the *instruments* and of the customer's *own* ones, the *anchor* every time.

    *wording* supplies texts that may not be shipped. *fewest* people stand behind every figure that is published.
    The audience is divided by lot into *parts* which are asked different items, 0 for as many as it is large enough
    for; 1 asks everybody the same, which gives the most figures of small groups. *staggered* asks each person in one
    of four weeks. *comment* asks for a comment in that many words; empty asks for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruments: tuple[str, ...] = ("recommendation", "civil_service_engagement", "belonging", "speaking_up")
    anchor: str = "recommendation.recommend"
    questions: int = Field(default=4, ge=sampling.FEWEST, le=sampling.MOST)
    own: tuple[OwnQuestion, ...] = Field(default=(), max_length=20)
    wording: Mapping[str, str] = Field(default_factory=dict)
    fewest: int = Field(default=FEWEST_ANSWERS, ge=FEWEST_ANSWERS, le=50)
    parts: int = Field(default=0, ge=0, le=MOST_PARTS)
    staggered: bool = False
    comment: str = Field(default="", max_length=300)

    @field_validator("comment")
    @classmethod
    def _comment(cls, text: str) -> str:
        for finding in linter.lint(text) if text else ():
            if finding.refused:
                raise ValueError(finding.sentence)
        return text

    @field_validator("own", mode="before")
    @classmethod
    def _tables(cls, own: object) -> object:
        return (
            [{"text": one} if isinstance(one, str) else one for one in own] if isinstance(own, list | tuple) else own
        )

    @field_validator("own")
    @classmethod
    def _different(cls, own: tuple[OwnQuestion, ...]) -> tuple[OwnQuestion, ...]:
        if len({one.text for one in own}) < len(own):
            raise ValueError("must be different questions")
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
        needed = self.parts * (self.questions - 1) + 1
        if len(bank) < needed:
            raise ValueError(f"{self.parts} parts need {needed} items, and the instruments have {len(bank)}")
        return self

    def bank(self) -> dict[str, Question]:
        """Return all that may be asked, by key."""
        found = {one.key: one for name in self.instruments for one in instrument(name).questions(self.wording)}
        own = (one.question(number) for number, one in enumerate(self.own, start=1))
        return found | {one.key: one for one in own}
