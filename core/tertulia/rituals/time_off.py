"""The nudge to take time off, for those who asked for it: it counts no days and keeps no answer."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.wording import Words, words

WORDS = 6
"""Sentences that take turns."""


class Options(BaseModel):
    """Let an organisation add where its people ask for time off, an address or a sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: str = Setting(default="", max_length=300)


class TimeOff:
    """Remind those who joined that they may rest."""

    name = "time-off"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    opt_in_only = True
    unrecorded = True

    def prepare(self, request: RoundRequest) -> Prepared:
        """Take the sentences in turn."""
        options: Options = request.options
        return Prepared(content={"word": request.turn % WORDS, "how": options.how})

    def prompt(self, content: Json, language: str) -> Draft:
        """Say one sentence; there is nothing to answer."""
        say = words(language)
        body = Markup.literal(_sentences(say)[content["word"]])
        if content["how"]:
            body += Markup.literal(content["how"])
        fine = Action(verb="pass", label=say("All right"))
        return Draft(title="", body=body, recorded=_recorded(say), actions=(fine,), visibility="me")

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take nothing."""
        say = words()
        raise Mistake(say("There is nothing to answer here."))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing."""
        return None


def _sentences(say: Words) -> tuple[str, ...]:
    return (
        say("When was your last day on which you did not think of work? If you have to search, plan the next one."),
        say("Days off that are planned are taken. Ten minutes with your calendar today give you one soon."),
        say("A free afternoon counts as well. Which one would do you good this month?"),
        say("Nobody is thanked for days off not taken. Put one into the calendar before somebody else fills it."),
        say("Is there somebody or something that you have had no time for? A day off is made for that."),
        say("The work will be there when you come back. Will you be rested? Look for a day, and keep it."),
    )


def _recorded(say: Words) -> str:
    return say("Nothing is counted or kept: no days, and not whether you read this. You asked for it, and may leave.")
