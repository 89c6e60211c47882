"""Two truths and a lie: write three sentences, guess those of colleagues, and learn what was made up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice, text
from tertulia.kinds import Conclusion, FollowUp, Outcome, Share
from tertulia.wording import Words, words

GUESS, TOLD = "guess", "told"
READ_FOR = timedelta(days=2)
AROUND = 6
"""Each guesses the lies of at most that many others; enough for how many were fooled to be told."""
ROOM = 200
KEYS = ("1", "2", "3")


class Options(BaseModel):
    """Choose for how many hours colleagues can guess."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guess_hours: int = Setting(default=24, ge=1, le=120)


class TwoTruths:
    """Ask for two true sentences and a lie; everyone may pass."""

    name = "two-truths"
    privacy: Privacy = "named"
    playful = True
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the options, and who guesses whom by."""
        options: Options = request.options
        return Prepared(content={"guess_hours": options.guess_hours, "seed": request.seed})

    def prompt(self, content: Json, language: str) -> Draft:
        """Ask for the sentences."""
        say = words(language)
        return _draft(
            say("Write two things about you that are true, and one that is not."),
            say(
                "Your sentences are kept under your name, and everyone in the workspace may see them. Which one is "
                "the lie is told once the others have guessed."
            ),
            _sentences(say),
            (Action(verb="answer", label=say("Send"), style="primary"), Action(verb="pass", label=say("Pass"))),
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take three sentences and which one is the lie."""
        say = words()
        fields = _sentences(say)
        given = {field.key: text(values, field, ROOM) for field in fields[:3]}
        lie = choice(values, fields[3])
        if lie is None or None in given.values():
            raise Mistake(say("Write all three sentences and say which one is the lie, or pass."))
        if len({str(sentence).casefold() for sentence in given.values()}) < len(KEYS):
            raise Mistake(say("Two of your sentences are the same; write another one."))
        return Given(values={**given, "lie": lie})

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show colleagues' sentences to guess, or what was made up."""
        say = words(language)
        if content.get("stage") == TOLD:
            return _told(share, say)
        fields = tuple(_guesses(share, say))
        send = Action(verb="answer", label=say("Send"), style="primary")
        actions = (send, Action(verb="pass", label=say("Pass"))) if fields else (_fine(say),)
        recorded = say("Your guesses are kept under your name, and only you see them.")
        return _draft(say("Which one is made up?"), recorded, fields, actions, mine=True)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take the guesses."""
        if content.get("stage") == TOLD:
            return Given(passed=True)
        say, given = words(), dict[str, Any]()
        for field in _guesses(share, say):
            chosen = choice(values, field)
            if chosen is not None:
                given[field.key] = chosen
        if not given:
            raise Mistake(say("Nothing is guessed yet; choose a sentence, or pass."))
        return Given(values=given)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing in shared places: those who play are told themselves."""
        return None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Let those who wrote guess, and then tell them."""
        plain = {key: value for key, value in content.items() if key != "stage"}
        at = outcome.closed_at
        if outcome.stage == "":
            shares = _around(sorted(outcome.answers()), content["seed"])
            open_for = timedelta(hours=content["guess_hours"])
            guess = FollowUp(stage=GUESS, at=at, open_for=open_for, shares=shares, content=plain)
            return Conclusion(follow_ups=(guess,) if shares else ())
        if outcome.stage == GUESS:
            shares = _results(outcome)
            told = FollowUp(stage=TOLD, at=at, open_for=READ_FOR, shares=shares, content=plain)
            return Conclusion(follow_ups=(told,) if shares else ())
        return Conclusion()


def _draft(
    body: str, recorded: str, fields: tuple[Field, ...], actions: tuple[Action, ...], *, mine: bool = False
) -> Draft:
    return Draft(
        title="",
        body=Markup.literal(body),
        recorded=recorded,
        fields=fields,
        actions=actions,
        visibility="me" if mine else "workspace",
    )


def _fine(say: Words) -> Action:
    return Action(verb="pass", label=say("All right"))


def _sentences(say: Words) -> tuple[Field, ...]:
    numbered = [Field(key=key, kind="short", label=say("Sentence {number}", number=key)) for key in KEYS]
    options = tuple(Option(value=key, label=key) for key in KEYS)
    return (*numbered, Field(key="lie", kind="one", label=say("Which one is the lie?"), options=options))


def _around(people: Sequence[Id], seed: int) -> Mapping[Id, Share]:
    """Let each guess those who follow in a circle that the seed draws, so that everybody is guessed as often."""
    circle = sorted(people, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    many = min(AROUND, len(circle) - 1)
    if many < 1:
        return {}
    return {
        one: Share(share={"people": [circle[(place + step) % len(circle)] for step in range(1, many + 1)]})
        for place, one in enumerate(circle)
    }


def _wrote(share: Json) -> Iterable[tuple[Id, str, Json]]:
    """Yield id, name and sentences of those whom the person guesses and who are still there."""
    for one in share.get("people", ()):
        if "lie" in one["given"].get("", {}):
            yield one["id"], one["name"], one["given"][""]


def _guesses(share: Json, say: Words) -> Iterable[Field]:
    for person, name, sentences in _wrote(share):
        options = tuple(Option(value=key, label=sentences[key]) for key in KEYS)
        # by the person, so that somebody who leaves in between shifts nobody's guess
        yield Field(key=f"p{person}", kind="one", label=say("{name}: the lie is …", name=name), options=options)


def _results(outcome: Outcome) -> Mapping[Id, Share]:
    """Deal to everybody what they guessed, and how many others believed their own lie."""
    lies = {one: values["lie"] for one, values in outcome.earlier.get("", {}).items() if "lie" in values}
    guesses = outcome.answers()
    shares = {}
    for one, share in outcome.shares.items():
        about = [values[f"p{one}"] for values in guesses.values() if f"p{one}" in values]
        fooled = [guess for guess in about if guess != lies.get(one)]
        counts = (
            {"fooled": len(fooled), "guessed": len(about)} if one in lies and len(about) >= FEWEST_ANSWERS else {}
        )
        mine = dict(guesses.get(one, {}))
        shares[one] = Share(share={"people": share.share["people"], "mine": mine, **counts})
    return shares


def _told(share: Json, say: Words) -> Draft:
    lines = []
    for person, name, sentences in _wrote(share):
        guess = share["mine"].get(f"p{person}")
        sentence = say("{name} made up: {lie}", name=name, lie=sentences[sentences["lie"]])
        if guess is not None:
            sentence += " " + (say("You saw it.") if guess == sentences["lie"] else say("You were fooled."))
        lines.append(sentence)
    body = Markup.bullets(lines) if lines else Markup.literal(say("Those whom you guessed have left the game."))
    if "guessed" in share:
        told = say("{fooled} of {guessed} believed yours.", fooled=share["fooled"], guessed=share["guessed"])
        body += Markup.literal(told)
    recorded = say("Nothing is asked here.")
    title = say("What was made up")
    return Draft(title=title, body=body, recorded=recorded, actions=(_fine(say),), visibility="me")
