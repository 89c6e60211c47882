"""What a member sees of a café: who the others are, why they were brought together, and when they can meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Option
from tertulia.domain.walltime import wall_time
from tertulia.wording import Words

NONE = "none"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, kw_only=True)
class Mate:
    """Hold one of the others, with what they gave for the group by stage."""

    id: Id
    name: str
    about: str
    zone: str
    given: Json


@dataclass(frozen=True, kw_only=True)
class View:
    """Hold a share as it is shown: to one member, or (*zone* is `None`) to the whole group in one place."""

    mates: tuple[Mate, ...]
    zone: str | None
    mine: Json
    by: str
    why: str
    yielded: tuple[str, ...]
    times: tuple[datetime, ...]
    group: Id | None
    alone: str | None
    say: Words

    @classmethod
    def of(cls, share: Json, say: Words) -> View:
        """Read a share, to be shown in the language of *say*."""
        me = share.get("me")
        return cls(
            mates=tuple(_mate(one) for one in share.get("people", ())),
            zone=me["zone"] if me else None,
            mine=me["given"] if me else {},
            by=share.get("by", "meeting"),
            why=share.get("why", ""),
            yielded=tuple(share.get("yielded", ())),
            times=tuple(datetime.fromisoformat(one) for one in share.get("times", ())),
            group=share.get("group"),
            alone=share.get("alone"),
            say=say,
        )

    @property
    def lonely(self) -> str | None:
        """Return what a member is told who has nobody to meet."""
        say = self.say
        left = say("The others cannot take part after all. You come first in the next round.")
        return self.alone or (None if self.mates else left)

    def at(self, instant: datetime) -> str:
        """Write a time where the member is; for a whole group where everybody is."""
        zones = [self.zone] if self.zone else sorted({mate.zone for mate in self.mates})
        return "; ".join(f"{self._when(instant, zone)}{'' if self.zone else f' ({_city(zone)})'}" for zone in zones)

    def _when(self, instant: datetime, zone: str) -> str:
        at, say = wall_time(instant, zone), self.say
        day, month = say(WEEKDAYS[at.weekday()]), say(MONTHS[at.month - 1])
        return say("{weekday}, {day} {month}, {time}", weekday=day, day=f"{at:%d}", month=month, time=f"{at:%H:%M}")

    def options(self) -> tuple[Option, ...]:
        """Offer the proposed times."""
        offered = [Option(value=str(at), label=self.at(time)) for at, time in enumerate(self.times)]
        say = self.say
        return (*offered, Option(value=NONE, label=say("None of these: we find one ourselves")))

    def agreed(self) -> datetime | None:
        """Return the first time that suits everybody, once everybody has said what does."""
        said = [self.mine, *(mate.given for mate in self.mates)]
        if not all("" in one for one in said):
            return None
        common = set.intersection(*(set(one[""].get("times", ())) for one in said))
        return next((time for at, time in enumerate(self.times) if str(at) in common), None)

    def best(self) -> datetime | None:
        """Return the agreed time, else the one that suits most; `None` where none is proposed."""
        if not self.times:
            return None
        ticks = Counter(
            tick
            for one in [self.mine, *(mate.given for mate in self.mates)]
            for tick in one.get("", {}).get("times", ())
        )
        counted = [(-ticks[str(at)], at) for at in range(len(self.times))]
        return self.agreed() or self.times[min(counted)[1]]

    def notes(self, stages: Iterable[str]) -> list[tuple[str, str]]:
        """Return what the others wrote in *stages*, with their names."""
        return [
            (mate.name, str(mate.given[stage]["note"]))
            for stage in stages
            for mate in self.mates
            if mate.given.get(stage, {}).get("note")
        ]

    def thanks(self, stages: Iterable[str]) -> list[tuple[str, str]]:
        """Return the words of thanks for the group."""
        return [
            (mate.name, str(mate.given[stage]["thanks"]))
            for stage in stages
            for mate in self.mates
            if mate.given.get(stage, {}).get("thanks")
        ]


def names(mates: Sequence[Mate], say: Words) -> str:
    """Write the names in a row."""
    said = [mate.name for mate in mates]
    return said[0] if len(said) == 1 else say("{names} and {last}", names=", ".join(said[:-1]), last=said[-1])


def introduction(view: View, question: str) -> Markup:
    """Introduce the others, say why, and give a question to begin with."""
    if view.lonely:
        return Markup.literal(view.lonely)
    who = Bullets(
        tuple((Span(mate.name, bold=True), Span(f" {mate.about}" if mate.about else "")) for mate in view.mates)
    )
    say = view.say
    opening = say("You are introduced to:") if view.zone else say("You are introduced to each other:")
    body = Markup((Paragraph((Span(opening),)), who, Paragraph((Span(view.why),))))
    for reason in view.yielded:
        body += Markup.literal(reason)
    if view.by == "notes":
        body += Markup.literal(say("Exchange a few notes over the next days; nobody but your group reads them."))
    elif not view.zone:
        body += Markup((Paragraph((Span(say("Times that fit everybody's hours:")),)),))
        body += Markup.bullets(view.at(time) for time in view.times)
    if question:
        body += Markup((Paragraph((Span(say("To begin with: ")), Span(question, italic=True))),))
    return body


def letters(said: Sequence[tuple[str, str]]) -> Markup:
    """Show what others wrote, each with the name."""
    return Markup((Bullets(tuple((Span(f"{name}:", bold=True), Span(f" {text}")) for name, text in said)),))


def _mate(one: Json) -> Mate:
    about = ", ".join(str(one[key]) for key in ("team", "location") if one.get(key))
    return Mate(
        id=one["id"], name=one["name"], about=f"({about})" if about else "", zone=one["zone"], given=one["given"]
    )


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")
