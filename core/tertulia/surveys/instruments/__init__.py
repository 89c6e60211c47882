"""Instruments as data: what is asked, how it is scored, whose it is, and under which licence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tertulia.domain.surveys import Item
from tertulia.errors import Mistake
from tertulia.surveys.questions import Question, Scale

LICENSES = frozenset({"Apache-2.0", "OGL-UK-3.0", "LicenseRef-US-Government-Work"})
"""Under which wording may be shipped with this product."""
Scoring = Literal["recommendation", "mean", "favourable", "shares"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Strict):
    """Hold one question; its text is missing where only the customer may supply it."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    scale: Scale
    text: str | None = Field(default=None, min_length=5, max_length=300)
    reversed: bool = False
    adapted: bool = False
    choices: Mapping[str, str] = Field(default_factory=dict)


class Benchmark(_Strict):
    """Hold a published yearly series of an instrument's score."""

    name: str
    source: str
    license: str
    series: Mapping[int, float]


class Instrument(_Strict):
    """Hold an instrument as its file has it."""

    key: str
    title: str
    license: str
    source: str = Field(min_length=3)
    wording_shipped: bool
    scoring: Scoring
    note: str = ""
    item: tuple[Wording, ...] = ()
    benchmark: Benchmark | None = None

    @model_validator(mode="after")
    def _licensed(self) -> Instrument:
        texts = [question.text for question in self.item if question.text is not None]
        if self.wording_shipped and (self.license not in LICENSES or len(texts) < len(self.item) or not texts):
            raise ValueError(f"{self.key} ships wording without a licence that allows it, or without all its texts")
        if texts and not self.wording_shipped:
            raise ValueError(f"{self.key} says that it ships no wording, and does")
        if self.benchmark is not None and self.benchmark.license not in LICENSES:
            raise ValueError(f"{self.key} ships a benchmark without a licence that allows it")
        return self

    def questions(self, wording: Mapping[str, str] | None = None) -> tuple[Question, ...]:
        """Return what is asked; *wording* supplies the texts that are not shipped."""
        return tuple(_question(self, one, one.text or (wording or {}).get(one.key)) for one in self.item)

    def items(self, wording: Mapping[str, str] | None = None) -> tuple[Item, ...]:
        """Return what is counted."""
        return tuple(item for question in self.questions(wording) for item in question.items())


def _question(instrument: Instrument, asked: Wording, text: str | None) -> Question:
    key = f"{instrument.key}.{asked.key}"
    if not text:
        raise Mistake(
            f"The wording of {key} may not be shipped: get its owner's permission, then give it in the option "
            f"`wording` as {asked.key}."
        )
    return Question(
        key=key,
        text=text,
        scale=asked.scale,
        reversed=asked.reversed,
        choices=dict(asked.choices),
        instrument=instrument.key,
    )


@cache
def instruments() -> Mapping[str, Instrument]:
    """Return all instruments by name."""
    found = {}
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        name, _, ending = file.name.rpartition(".")
        if ending == "toml":
            found[name] = Instrument.model_validate({"key": name, **tomllib.loads(file.read_text(encoding="utf-8"))})
    return found


def instrument(name: str) -> Instrument:
    """Return the instrument called *name*."""
    found = instruments().get(name)
    if found is None:
        raise Mistake(f"There is no instrument {name!r}; choose among {', '.join(instruments())}.")
    return found
