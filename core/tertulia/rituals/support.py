"""The support round that hard weeks open: the candle first, nothing expected, and colleagues who offer to listen.

Its practice is in no program; `services.hard_weeks` opens it. Stages: the round itself; `listeners`, which tells who
offered, to everybody who was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Given, Privacy, Visibility
from tertulia.domain.walltime import wall_time
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.kinds import Conclusion, FollowUp, Outcome, Share
from tertulia.wording import Words, words

LISTENERS = "listeners"
NAMED = 8
"""Listeners that one person is told of; of more, each is told of others, so that nobody is asked by all."""
SHORTEST = timedelta(hours=2)


class Options(BaseModel):
    """Take none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Support:
    """Say that these are hard weeks, where to find somebody, and that everything else may wait."""

    name = "support"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    unplanned = True

    def prepare(self, request: RoundRequest) -> Prepared:
        """Refuse to be a practice of a program: hard weeks alone open such a round."""
        raise Mistake("Support rounds are opened by `tertulia rest begin`, not by a program.")

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the candle before anything else."""
        until, say = datetime.fromisoformat(content["until"]), words(language)
        body = _candle(say)
        if content["word"]:
            body += Markup.literal(content["word"])
        body += Markup.literal(
            say(
                "Invitations to play and chat rest until {day}. Nothing is expected of you here. If you have time "
                "and an ear for a colleague, you can offer it.",
                day=f"{wall_time(until, content['zone']):%Y-%m-%d}",
            )
        )
        listen = Action(verb="listen", label=say("I have time to listen"))
        fine = Action(verb="pass", label=say("All right"), style="primary")
        recorded = say(
            "Nothing is kept unless you offer to listen. Then your name is shown to those who get this message, "
            "until the day it names."
        )
        return _draft(content, body, recorded, (fine, listen))

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take an offer to listen."""
        if verb != "listen":
            say = words()
            raise Mistake(say("There is nothing to answer here."))
        return Given(values={"listens": True}, counts=False)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Tell who offered to listen."""
        say, names = words(language), [mate["name"] for mate in share["people"]]
        body = _candle(say)
        if names:
            told = say("These colleagues have time to listen; just write to one of them:")
            body += Markup.literal(told) + Markup.bullets(names)
        recorded = say("Nothing is kept. Whom you speak to is between you and them.")
        return _draft(content, body, recorded, (Action(verb="pass", label=say("All right")),))

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take nothing: whoever is told needs not answer."""
        say = words()
        raise Mistake(say("There is nothing to answer here."))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing."""
        return None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Tell everybody who was asked of some who offered to listen."""
        until = datetime.fromisoformat(content["until"])
        listeners = sorted(outcome.answers())
        open_for = until - outcome.closed_at
        if outcome.stage or not listeners or open_for < SHORTEST:
            return Conclusion()
        shares = {}
        for number, one in enumerate(sorted(outcome.invited)):
            told = _some(listeners, one, number)
            if told:
                shares[one] = Share(share={"people": told})
        follow_up = FollowUp(
            stage=LISTENERS, at=outcome.closed_at, open_for=open_for, shares=shares, content=dict(content)
        )
        return Conclusion(follow_ups=(follow_up,))


def _candle(say: Words) -> Markup:
    return Markup.parse(
        say(
            "**If you need somebody:** write **candle** to me in private, or open *A candle in the wind* on your own "
            "Tertulia page. It reaches one person, and nobody else is told."
        )
    )


def _some(listeners: Sequence[Id], one: Id, number: int) -> list[Id]:
    """Return some of *listeners* other than *one*, beginning further on for each next person."""
    begin = number % len(listeners)
    turned = [*listeners[begin:], *listeners[:begin]]
    return [other for other in turned if other != one][:NAMED]


def _draft(content: Json, body: Markup, recorded: str, actions: tuple[Action, ...]) -> Draft:
    visibility: Visibility = "team" if content["team"] else "workspace"
    return Draft(title="", body=body, recorded=recorded, actions=actions, visibility=visibility)
