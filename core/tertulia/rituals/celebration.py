"""Celebrations: birthdays without a year, work anniversaries, welcomes and farewells, each only as its person chose.

A round asks colleagues for wishes for the days that lie ahead; nobody reads them before. On the day its person gets
them, and the places that the person chose are told. Nobody is celebrated who did not ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limits

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Privacy
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import text
from tertulia.kinds import Dealing, FollowUp, Occasion, Share
from tertulia.rituals.day_names import of_the_week
from tertulia.wording import Words, words

Name = Literal["birthday", "anniversary", "welcome", "farewell"]
YEARLY: Mapping[str, bool] = {"birthday": True, "anniversary": True, "welcome": False, "farewell": False}
DAY = "day"
OPEN_FOR = timedelta(hours=14)
KEPT_DAYS = 75
"""After a round opened: then wishes and who was asked for them are deleted."""
MOST = 5
"""Colleagues for whom one person is asked to write at a time."""
ROOM = 500


class Options(BaseModel):
    """Choose which occasions people can ask to be celebrated for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    occasions: tuple[Name, ...] = Limits(default=("birthday", "anniversary", "welcome", "farewell"), min_length=1)


class Celebration:
    """Collect wishes, and hand them over on the day."""

    name = "celebration"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    occasions: Mapping[str, bool] = YEARLY

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep which occasions are celebrated, and until when what is given is kept."""
        options: Options = request.options
        opened = datetime.fromisoformat(request.occurrence).date()
        until = (opened + timedelta(days=KEPT_DAYS)).isoformat()
        return Prepared(content={"occasions": list(options.occasions), "keep_until": until})

    def deal(self, content: Json, dealing: Dealing) -> Mapping[Id, Share]:
        """Ask each for a few colleagues at most, whose day comes first."""
        wanted = [one for one in dealing.occasions if one.name in content["occasions"]]
        shares: dict[Id, Share] = {}
        for person in dealing.people:
            about: dict[Id, dict[str, str]] = {}
            for one in wanted:
                if person in one.circle and one.person not in about and len(about) < MOST:
                    about[one.person] = {"occasion": one.name, "day": one.day.isoformat()}
            if about:
                shares[person] = Share(share={"people": list(about), "about": about})
        return shares

    def handing_over(self, content: Json, occasion: Occasion) -> FollowUp:
        """Give the wishes to their person on the morning of the day."""
        share = Share(share={"people": sorted(occasion.circle), "of": occasion.person})
        return FollowUp(
            stage=DAY,
            at=occasion.at,
            open_for=OPEN_FOR,
            shares={occasion.person: share},
            content={"occasions": content["occasions"], "keep_until": content["keep_until"]},
        )

    def prompt(self, content: Json, language: str) -> Draft:
        """Say that there is nothing to do for those who are not asked."""
        say = words(language)
        return _told("", Markup.literal(say("There is nothing to celebrate here at the moment.")), say)

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take nothing from those who are not asked."""
        say = words()
        raise Mistake(say("Nobody is waiting for wishes from you here."))

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Ask for wishes, hand them over, or tell a place whose day it is."""
        if content.get("stage") == DAY:
            shown = _in_place if share["me"] is None else _handed
            return shown(content, share, words(language))
        if not share["people"]:
            return self.prompt(content, language)
        say = words(language)
        body = say("Days to celebrate are coming. What you write is handed over on the day; nobody reads it before.")
        return Draft(
            title="",
            body=Markup.literal(body),
            recorded=_recorded(say),
            fields=tuple(_field(mate, share["about"], language, say) for mate in share["people"]),
            actions=(
                Action(verb="answer", label=say("Send wishes"), style="primary"),
                Action(verb="pass", label=say("Pass")),
            ),
            visibility="group",
        )

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take wishes."""
        say = words()
        if content.get("stage") == DAY:
            raise Mistake(say("There is nothing to answer here."))
        fields = [Field(key=mate["dealt"], kind="long", label=mate["name"]) for mate in share["people"]]
        given = {field.key: text(values, field, ROOM) for field in fields}
        kept = {key: value for key, value in given.items() if value is not None}
        if not kept:
            raise Mistake(say("There are no wishes in it yet; write some, or pass."))
        return Given(values=kept)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: wishes are for one person."""
        return None


def _recorded(say: Words) -> str:
    kept = say("What you write is kept under your name; the person it is for reads it, and nobody before the day.")
    gone = say("It is deleted {number} days after this question.", number=KEPT_DAYS)
    return f"{kept} {gone} {say('Passes are counted, never named.')}"


def _field(mate: Json, about: Json, language: str, say: Words) -> Field:
    told = about[mate["dealt"]]
    when = of_the_week(date.fromisoformat(told["day"]), language)
    label = f"{mate['name']}: {_coming(told['occasion'], say)}, {when}"
    return Field(key=mate["dealt"], kind="long", label=label)


def _coming(occasion: Name, say: Words) -> str:
    names: dict[Name, str] = {
        "birthday": say("birthday"),
        "anniversary": say("another year with us"),
        "welcome": say("starts with us"),
        "farewell": say("says goodbye"),
    }
    return names[occasion]


def _title(occasion: Name, say: Words) -> str:
    titles: dict[Name, str] = {
        "birthday": say("Happy birthday!"),
        "anniversary": say("Another year together"),
        "welcome": say("Welcome!"),
        "farewell": say("Farewell, and thank you"),
    }
    return titles[occasion]


def _handed(content: Json, share: Json, say: Words) -> Draft:
    # wishes are kept by who was asked about, even where that person turned out to be another one
    me = share.get("of", share["me"]["id"])
    wishes = [
        (Span(f"{mate['name']}:", bold=True), Span(f" {mate['given'][''][me]}"))
        for mate in share["people"]
        if me in mate["given"].get("", {})
    ]
    if wishes:
        body = Markup((Paragraph((Span(say("From your colleagues:")),)), Bullets(tuple(wishes))))
    else:
        body = Markup.literal(say("All the best from your colleagues."))
    return _told(_title(content["announces"], say), body, say)


def _in_place(content: Json, share: Json, say: Words) -> Draft:
    occasion, name = content["announces"], share["name"]
    said: dict[Name, str] = {
        "birthday": say("Today is the birthday of {name}.", name=name),
        "anniversary": say("{name} has been with us for another year.", name=name),
        "welcome": say("{name} is new here. Welcome!", name=name),
        "farewell": say("{name} says goodbye today.", name=name),
    }
    recorded = say("Shown here because its person wished it.")
    return Draft(title=_title(occasion, say), body=Markup.literal(said[occasion]), recorded=recorded)


def _told(title: str, body: Markup, say: Words) -> Draft:
    fine = Action(verb="pass", label=say("Thank you"))
    return Draft(title=title, body=body, recorded=say("Nothing is recorded."), actions=(fine,), visibility="me")
