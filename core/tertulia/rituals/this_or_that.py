"""This or that: a few pairs to choose from, told in numbers."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice
from tertulia.wording import words


class Options(BaseModel):
    """Choose how many pairs a round has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: int = Setting(default=3, ge=1, le=6)


@cache
def bank() -> tuple[Json, ...]:
    """Return all pairs."""
    source = files("tertulia.rituals").joinpath("this_or_that_pairs.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(source)["pairs"])


class ThisOrThat:
    """Let everybody choose between two; everyone may pass."""

    name = "this-or-that"
    privacy: Privacy = "named"
    playful = True
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Draw pairs that the group has not had, or had longest ago."""
        options: Options = request.options
        last = {item: place for place, item in enumerate(request.used, start=1)}

        def turn(pair: Json) -> tuple[int, bytes]:
            return last.get(pair["id"], 0), hashlib.sha256(f"{request.seed}:{pair['id']}".encode()).digest()

        drawn = sorted(bank(), key=turn)[: options.pairs]
        return Prepared(content={"pairs": drawn}, uses=tuple(pair["id"] for pair in drawn))

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the pairs."""
        say = words(language)
        send = Action(verb="answer", label=say("Send"), style="primary")
        return Draft(
            title="",
            body=Markup.literal(say("This or that? Choose without thinking.")),
            recorded=say(
                "Your choice is kept under your name, and only you see it; all others see how many chose what."
            ),
            fields=_fields(content),
            actions=(send, Action(verb="pass", label=say("Pass"))),
            visibility="me",
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what was chosen."""
        say, given = words(), dict[str, Any]()
        for field in _fields(content):
            chosen = choice(values, field)
            if chosen is not None:
                given[field.key] = chosen
        if not given:
            raise Mistake(say("Nothing is chosen; choose at least once, or pass."))
        return Given(values=given)

    def count(self, content: Json, given: Sequence[Json]) -> Json:
        """Count both sides of each pair, where enough chose."""
        told: list[tuple[int, int] | None] = []
        for field in _fields(content):
            left, right = (sum(one.get(field.key) == side for one in given) for side in ("left", "right"))
            told.append((left, right) if left + right >= FEWEST_ANSWERS else None)
        return {"pairs": told}

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show how many chose what."""
        say = words(language)
        counts = zip(content["pairs"], tally.counted.get("pairs", ()), strict=False)
        lines = [f"{pair['left']}: {both[0]}, {pair['right']}: {both[1]}" for pair, both in counts if both]
        if not lines:
            return None
        recorded = say("Shown are numbers; nobody's choice is told.")
        return Draft(title="", body=Markup.bullets(lines), recorded=recorded)


def _fields(content: Json) -> tuple[Field, ...]:
    return tuple(
        Field(
            key=f"pair{number}",
            kind="one",
            label=f"{pair['left']} / {pair['right']}",
            options=(Option(value="left", label=pair["left"]), Option(value="right", label=pair["right"])),
        )
        for number, pair in enumerate(content["pairs"], start=1)
    )
