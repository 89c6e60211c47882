"""A short card in a channel: what has changed in the overview of the workspace; nobody answers it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Draft, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.measures import card


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OverviewCard:
    """Tell a channel how the workspace is doing; whoever writes it into the program lets the channel read that."""

    name = "overview-card"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Choose nothing: `told` says what there is to tell."""
        return Prepared(content={})

    def told(self, content: Json, said: Json) -> Json:
        """Keep what the card says with the round, so that it stays what was shown."""
        return {**content, **said}

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the card."""
        return card.draft(content)

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take no answer."""
        raise Mistake("There is nothing to answer: the card only tells.")

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Leave the card as it is."""
        return card.draft(content)
