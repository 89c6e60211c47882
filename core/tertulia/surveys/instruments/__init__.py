"""Instruments as data: what is asked, how it is scored, whose it is, and under which licence."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tertulia.domain.surveys import Item, agreement, choice_of, recommendation
from tertulia.errors import Mistake

LICENSES = frozenset({"Apache-2.0", "OGL-UK-3.0", "LicenseRef-US-Government-Work"})
"""Under which wording may be shipped with this product."""
Scale = Literal["recommendation", "agreement", "choice"]
Scoring = Literal["recommendation", "mean", "favourable", "shares"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Strict):
    """Hold one item; its text is missing where only the customer may supply it."""

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
    item: tuple[Question, ...] = ()
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

    def items(self, wording: Mapping[str, str] | None = None) -> tuple[Item, ...]:
        """Return what is asked; *wording* supplies the texts that are not shipped."""
        return tuple(
            _item(self, question, question.text or (wording or {}).get(question.key)) for question in self.item
        )


def _item(instrument: Instrument, question: Question, text: str | None) -> Item:
    key = f"{instrument.key}.{question.key}"
    if not text:
        raise Mistake(
            f"The wording of {key} may not be shipped: get its owner's permission, then give it in the option "
            f"`wording` as {question.key}."
        )
    if question.scale == "recommendation":
        return recommendation(key, text, instrument.key)
    if question.scale == "choice":
        return choice_of(key, text, question.choices, instrument.key)
    return agreement(key, text, reversed=question.reversed, instrument=instrument.key)


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
