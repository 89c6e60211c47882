"""Guess the photo: put in a photo of something of yours, guess whose those of colleagues are, and learn it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy
from tertulia.domain.surveys import FEWEST_ANSWERS
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice
from tertulia.kinds import Conclusion, Exhibit, Exhibition, FollowUp, Outcome, Share
from tertulia.rituals.day_names import in_full
from tertulia.wording import Words, words

GUESS, TOLD = "guess", "told"
READ_FOR = timedelta(days=2)
OPEN_FOR = timedelta(days=7)
"""For how long a round that a host ends is taken to be open."""
SPARE = timedelta(days=2)
"""Days that the photos are kept beyond the game's plan, for quiet hours and weekends."""
PLAYERS = 3
"""With fewer photos there is only one name to choose."""
AROUND = 6
"""Each guesses at most so many photos; enough for how many knew somebody's to be told."""
NAMES = 4
"""Names to choose from, the right one among them."""


class Options(BaseModel):
    """Choose for how many hours colleagues can guess."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guess_hours: int = Setting(default=48, ge=1, le=120)


class GuessThePhoto:
    """Ask for a photo of a desk, a pet, a window; those who put one in guess, everyone may pass."""

    name = "guess-the-photo"
    privacy: Privacy = "named"
    playful = True
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the options, who is dealt what by, and the day after which nothing is kept."""
        options: Options = request.options
        closes = request.closes_at
        if closes is None:
            opened = datetime.fromisoformat(request.occurrence).replace(tzinfo=UTC)
            closes = opened + OPEN_FOR
        ends = closes + timedelta(hours=options.guess_hours) + READ_FOR + SPARE
        until = ends.date().isoformat()
        return Prepared(
            content={"guess_hours": options.guess_hours, "seed": request.seed, "keep_until": until, "until": until}
        )

    def prompt(self, content: Json, language: str) -> Draft:
        """Ask for the photo, which is added on the page behind the personal link alone."""
        say = words(language)
        asked = say(
            "Show something of yours and let the others guess whose it is: your desk, your pet, the view from your "
            "window, a place of your childhood. Nobody needs to be on it. The photo is added on the page behind your "
            "personal link."
        )
        recorded = say(
            "Your photo is kept under your name until {until} at the latest. Those who put one in see it without "
            "your name, guess, and are then told that it is yours; no platform gets it. You can take it back at any "
            "time. Passes are counted, never named.",
            until=_day(content, language),
        )
        add = Action(verb="answer", label=say("Add a photo"), style="primary")
        actions = (add, Action(verb="pass", label=say("Pass")))
        return Draft(title="", body=Markup.literal(asked), recorded=recorded, actions=actions, visibility="group")

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take a photo that came with its owner's agreement."""
        say = words()
        if values.get("photo") is not True:
            raise Mistake(say("A photo is added on the page behind your personal link. Nothing is kept yet."))
        if values.get("consent") is not True:
            raise Mistake(
                say("You have not agreed that your photo is shown in this game; tick that, or leave it out.")
            )
        return Given(values={"photo": True})

    def consent(self, content: Json, language: str) -> Field:
        """Ask for the agreement to this game."""
        say = words(language)
        agreed = say(
            "I agree that this photo is shown in this game, to those who put one in themselves, until {until} at the "
            "latest; and that they are told at the end that it is mine.",
            until=_day(content, language),
        )
        hint = say("This agreement is for this game alone. Write no names beside the photo, they would give it away.")
        return Field(key="consent", kind="confirm", label=agreed, required=True, hint=hint)

    def exhibition(self, content: Json) -> Exhibition:
        """Let one photo be added while they are collected; only its owner finds it in the gallery."""
        say = words()
        until = datetime.combine(date.fromisoformat(content["until"]), time(), UTC)
        return Exhibition(
            title=say("Guess the photo"), visibility="group", until=until, pictures=not content.get("stage"), room=1
        )

    def exhibit(self, content: Json, values: Json) -> Exhibit:
        """Say nothing beside the photo."""
        return Exhibit()

    def with_picture(self, content: Json, values: Json, alt: str) -> Json:
        """Note that a photo came along."""
        return {**values, "photo": True}

    def pictured(self, content: Json, share: Json) -> Mapping[str, Id]:
        """Say whose photo stands beside which question."""
        if not content.get("stage"):
            return {}
        least = 1 if content["stage"] == TOLD else 2
        return {photo.key: photo.owner for photo in _photos(share, least)}

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Ask whose the photos are, or tell it."""
        say = words(language)
        if content.get("stage") == TOLD:
            return _told(share, say)
        fields = tuple(_guesses(share, say))
        asked = say("Whose photos are these? They are on the page behind your personal link.")
        body = asked if fields else say("The photos that you were to guess were taken back.")
        send = Action(verb="answer", label=say("Send"), style="primary")
        actions = (send, Action(verb="pass", label=say("Pass"))) if fields else (_fine(say),)
        recorded = say(
            "Your guesses are kept under your name, and only you see them. How you did fades within weeks and is "
            "shown to nobody else."
        )
        return Draft(
            title=say("Whose photo is it?"),
            body=Markup.literal(body),
            recorded=recorded,
            fields=fields,
            actions=actions,
            visibility="me",
        )

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
            raise Mistake(say("Nothing is guessed yet; choose a name, or pass."))
        return Given(values=given)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing in shared places: those who play are told themselves."""
        return None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Let those who put in a photo guess, and then tell them."""
        plain = {key: value for key, value in content.items() if key not in ("stage", "keep_until")}
        at = outcome.closed_at
        if outcome.stage == "":
            players = sorted(outcome.answers())
            if len(players) < PLAYERS:
                few = {one: Share(share={"people": [], "photos": [], "mine": {}, "few": True}) for one in players}
                told = FollowUp(stage=TOLD, at=at, open_for=READ_FOR, shares=few, content=plain)
                return Conclusion(follow_ups=(told,) if few else ())
            shares = _dealt(players, content["seed"])
            open_for = timedelta(hours=content["guess_hours"])
            guess = FollowUp(stage=GUESS, at=at, open_for=open_for, shares=shares, content=plain)
            return Conclusion(follow_ups=(guess,))
        if outcome.stage == GUESS:
            shares, scores = _results(outcome)
            told = FollowUp(stage=TOLD, at=at, open_for=READ_FOR, shares=shares, content=plain)
            return Conclusion(follow_ups=(told,) if shares else (), scores=scores)
        return Conclusion()


@dataclass(frozen=True)
class _Photo:
    """Hold a photo to guess: who of those that are still there may be behind it, by what a guess says."""

    key: str
    number: int
    owner: Id
    name: str
    names: Mapping[str, tuple[Id, str]]


def _day(content: Json, language: str) -> str:
    return in_full(date.fromisoformat(content["until"]), language)


def _fine(say: Words) -> Action:
    return Action(verb="pass", label=say("All right"))


def _drawn(people: Iterable[Id], *by: object) -> list[Id]:
    """Order *people* by chance, always the same for the same *by*."""
    return sorted(people, key=lambda one: hashlib.sha256(":".join(map(str, (*by, one))).encode()).digest())


def _dealt(people: Sequence[Id], seed: int) -> Mapping[Id, Share]:
    """Let each guess the photos of those who follow in a circle that the seed draws: each is guessed as often."""
    circle = _drawn(people, seed)
    shares = {}
    for place, one in enumerate(circle):
        steps = range(1, min(AROUND, len(circle) - 1) + 1)
        owners = _drawn((circle[(place + step) % len(circle)] for step in steps), seed, one)
        photos = []
        for owner in owners:
            others = _drawn((other for other in circle if other not in (one, owner)), seed, one, owner)
            names = _drawn((owner, *others[: NAMES - 1]), seed, one, owner, "order")
            photos.append({"of": owner, "names": names})
        named = sorted({name for photo in photos for name in photo["names"]})
        shares[one] = Share(share={"people": named, "photos": photos})
    return shares


def _photos(share: Json, least: int) -> Iterable[_Photo]:
    """Yield the photos that still hang, with *least* names to choose from that are still there.

    Numbers stay when a photo is taken back, and no key tells whose it is.
    """
    there = {one["dealt"]: one for one in share.get("people", ()) if "photo" in one["given"].get("", {})}
    for number, photo in enumerate(share.get("photos", ()), 1):
        owner = there.get(photo["of"])
        names = {
            str(place): (there[one]["id"], there[one]["name"])
            for place, one in enumerate(photo["names"], 1)
            if one in there
        }
        if owner is not None and len({one for one, _ in names.values()}) >= least:
            yield _Photo(f"photo{number}", number, owner["id"], owner["name"], names)


def _guesses(share: Json, say: Words) -> Iterable[Field]:
    for photo in _photos(share, 2):
        options = tuple(Option(value=place, label=name) for place, (_, name) in photo.names.items())
        label = say("Photo {number}: whose is it?", number=photo.number)
        yield Field(key=photo.key, kind="one", label=label, options=options)


def _results(outcome: Outcome) -> tuple[Mapping[Id, Share], Mapping[Id, float]]:
    """Deal to everybody what they guessed, how many knew their own photo, and how many the best guessed."""
    about: dict[Id, list[bool]] = {}
    right: dict[Id, int] = {}
    standing, guesses = outcome.earlier.get("", {}), outcome.answers()
    counting: dict[Id, int] = {}
    for one, share in outcome.shares.items():
        for number, photo in enumerate(share.share["photos"], 1):
            guess = guesses.get(one, {}).get(f"photo{number}")
            if photo["of"] not in standing or one not in guesses:
                continue
            knew = guess is not None and photo["names"][int(guess) - 1] == photo["of"]
            right[one], counting[one] = right.get(one, 0) + knew, counting.get(one, 0) + 1
            if guess is not None:
                about.setdefault(photo["of"], []).append(knew)
    best = {"best": max(right.values())} if len(right) >= FEWEST_ANSWERS else {}
    shares = {}
    for one, share in outcome.shares.items():
        own = about.get(one, [])
        counts = {"knew": sum(own), "guessed": len(own)} if len(own) >= FEWEST_ANSWERS else {}
        shares[one] = Share(share={**share.share, "mine": dict(guesses.get(one, {})), **best, **counts})
    return shares, {one: right[one] / many for one, many in counting.items()}


def _told(share: Json, say: Words) -> Draft:
    lines, right = [], 0
    for photo in _photos(share, 1):
        sentence = say("Photo {number} was put in by {name}.", number=photo.number, name=photo.name)
        guess = photo.names.get(share["mine"].get(photo.key, ""))
        if photo.key in share["mine"]:
            knew = guess is not None and guess[0] == photo.owner
            right += knew
            sentence += " " + (say("You knew it.") if knew else say("You thought of somebody else."))
        lines.append(sentence)
    if share.get("few"):
        body = Markup.literal(say("Too few photos were put in to guess this time; yours was shown to nobody."))
    elif lines:
        body = Markup.bullets(lines)
    else:
        body = Markup.literal(say("The photos that you were to guess were taken back."))
    if lines and "best" in share and share["mine"]:
        body += Markup.literal(
            say("Nobody knew more than you.")
            if right >= share["best"]
            else say("The most that anybody knew is {number}.", number=share["best"])
        )
    if "guessed" in share and "photo" in share["me"]["given"].get("", {}):
        told = say("{knew} of {guessed} knew yours.", knew=share["knew"], guessed=share["guessed"])
        body += Markup.literal(told)
    recorded = say("Nothing is asked here.")
    return Draft(
        title=say("Whose photos they were"), body=body, recorded=recorded, actions=(_fine(say),), visibility="me"
    )
