"""What a gathering is: possible dates, an agenda with workshops and dinners, room for so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Option
from tertulia.domain.walltime import instant, wall_time
from tertulia.rituals.cafe_view import MONTHS, WEEKDAYS
from tertulia.wording import words

WHOLE = "whole"
"""The line for the gathering itself; each item of the agenda has a line of its own."""
DIETS = {
    "vegetarian": "Vegetarian",
    "vegan": "Vegan",
    "halal": "Halal",
    "kosher": "Kosher",
    "gluten": "No gluten",
    "lactose": "No lactose",
    "nuts": "No nuts",
    "other": "Something else: I will tell the organiser",
}


class Item(BaseModel):
    """Describe one item of the agenda; *time* is local, on the day *day* of the gathering."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Setting(min_length=1, max_length=120)
    kind: Literal["session", "workshop", "dinner"] = "session"
    day: int = Setting(default=1, ge=1, le=14)
    time: str = Setting(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    minutes: int = Setting(default=60, ge=5, le=1440)
    capacity: int | None = Setting(default=None, ge=1, le=100_000)


class Options(BaseModel):
    """Plan a gathering: *dates* are local times in *zone* at which it could begin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dates: tuple[str, ...] = Setting(min_length=1, max_length=10)
    zone: str
    where: str = Setting(min_length=1, max_length=200)
    hours: int = Setting(default=8, ge=1, le=14 * 24)
    capacity: int | None = Setting(default=None, ge=1, le=100_000)
    sign_up_days: int = Setting(default=14, ge=1, le=90)
    diets: bool = True
    agenda: tuple[Item, ...] = Setting(default=(), max_length=30)

    @field_validator("dates")
    @classmethod
    def _are_dates(cls, dates: tuple[str, ...]) -> tuple[str, ...]:
        for date in dates:
            if datetime.fromisoformat(date).tzinfo is not None:
                raise ValueError(f"{date} has an offset; write the local time alone")
        return tuple(sorted(dates))

    @model_validator(mode="after")
    def _zone_is_known(self) -> Options:
        try:
            instant(datetime.fromisoformat(self.dates[0]), self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{self.zone} is no time zone; write one such as Europe/Madrid") from None
        return self


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold one item of the agenda, placed in time; *line* names the line of those who want a place."""

    line: str
    title: str
    kind: str
    starts: datetime
    ends: datetime
    capacity: int | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hold a gathering as its rounds know it; *start* is `None` until the poll is over."""

    where: str
    zone: str
    dates: tuple[datetime, ...]
    lasts: timedelta
    capacity: int | None
    diets: bool
    start: datetime | None
    agenda: tuple[Entry, ...]

    @classmethod
    def of(cls, content: Json) -> Plan:
        """Read a round's content."""
        zone = content["zone"]
        start = datetime.fromisoformat(content["start"]) if content.get("start") else None
        return cls(
            where=content["where"],
            zone=zone,
            dates=tuple(instant(datetime.fromisoformat(date), zone) for date in content["dates"]),
            lasts=timedelta(hours=content["hours"]),
            capacity=content["capacity"],
            diets=content["diets"],
            start=start,
            agenda=_agenda(content["agenda"], start, zone) if start else (),
        )

    @property
    def end(self) -> datetime:
        """Return when it is over, agenda and all."""
        if self.start is None:
            raise ValueError("a gathering without a date has no end")
        return max([self.start + self.lasts, *(entry.ends for entry in self.agenda)])

    def room(self, line: str) -> int | None:
        """Return for how many *line* has room, `None` for everybody."""
        if line == WHOLE:
            return self.capacity
        return next((entry.capacity for entry in self.agenda if entry.line == line), None)

    def has_place(self, line: str, position: int) -> bool:
        """Tell whether the one at *position* of *line* (from 1) has a place, or waits."""
        room = self.room(line)
        return room is None or position <= room


def diets() -> tuple[Option, ...]:
    """Offer what a kitchen can be told, in the language that is being spoken."""
    say = words()
    return tuple(Option(value=key, label=say(label)) for key, label in DIETS.items())


def shown(at: datetime, zone: str) -> str:
    """Write a time where the reader is, in the language that is being spoken."""
    say, wall = words(), wall_time(at, zone)
    day, month = say(WEEKDAYS[wall.weekday()]), say(MONTHS[wall.month - 1])
    parts = {"weekday": day, "day": f"{wall:%d}", "month": month, "year": wall.year, "time": f"{wall:%H:%M}"}
    return say("{weekday}, {day} {month} {year}, {time}", **parts)


def _agenda(items: Sequence[Json], start: datetime, zone: str) -> tuple[Entry, ...]:
    first = wall_time(start, zone).date()
    entries = []
    for number, item in enumerate(items):
        hour, minute = map(int, item["time"].split(":"))
        day = datetime.combine(first + timedelta(days=item["day"] - 1), datetime.min.time())
        begins = instant(day.replace(hour=hour, minute=minute), zone)
        entries.append(
            Entry(
                line=f"item-{number}",
                title=item["title"],
                kind=item["kind"],
                starts=begins,
                ends=begins + timedelta(minutes=item["minutes"]),
                capacity=item["capacity"],
            )
        )
    return tuple(entries)
