"""What a series of sessions is: who teaches it, where, at which hours of the week, with room for how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.walltime import instant, wall_time
from tertulia.rituals.cafe_view import MONTHS, WEEKDAYS
from tertulia.wording import words

Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
DAYS: tuple[Day, ...] = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Hour(BaseModel):
    """Name an hour of the week, local in the zone of the series."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    day: Day
    time: str = Setting(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class Options(BaseModel):
    """Plan a series: *sessions* in each week, in *zone*; *email* tells the teacher how many signed up.

    Hours for several zones and a *recording* let everybody take part somehow.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str = Setting(min_length=1, max_length=120)
    teacher: str = Setting(min_length=1, max_length=120)
    where: str = Setting(min_length=1, max_length=300)
    zone: str
    sessions: tuple[Hour, ...] = Setting(min_length=1, max_length=7)
    email: str = Setting(default="", max_length=254)
    about: str = Setting(default="", max_length=600)
    recording: str = Setting(default="", max_length=300)
    minutes: int = Setting(default=45, ge=5, le=480)
    capacity: int | None = Setting(default=None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _makes_sense(self) -> Options:
        try:
            instant(datetime.fromisoformat("2027-01-04T12:00"), self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{self.zone} is no time zone; write one such as Europe/Madrid") from None
        if len(set(self.sessions)) < len(self.sessions):
            raise ValueError("two of the sessions are at the same hour; write each once")
        return self


@dataclass(frozen=True, kw_only=True)
class Session:
    """Hold one session, placed in time; *line* names the line of those who want a place."""

    line: str
    starts: datetime
    ends: datetime
    capacity: int | None

    def has_place(self, position: int | None) -> bool:
        """Tell whether the one at *position* of the line (from 1) has a place; `None` stands in no line."""
        return position is not None and (self.capacity is None or position <= self.capacity)


def sessions(content: Json) -> Sequence[Session]:
    """Return the sessions of a round, in the order of the program."""
    lasts = timedelta(minutes=content["minutes"])
    starts = [datetime.fromisoformat(at) for at in content["starts"]]
    return [
        Session(line=f"session-{number}", starts=at, ends=at + lasts, capacity=content["capacity"])
        for number, at in enumerate(starts)
    ]


def shown(at: datetime, zone: str, *, named: bool = False) -> str:
    """Write a time in *zone*, where the reader is; for readers in several zones it is *named*."""
    say, wall = words(), wall_time(at, zone)
    day, month = say(WEEKDAYS[wall.weekday()]), say(MONTHS[wall.month - 1])
    parts = {"weekday": day, "day": f"{wall:%d}", "month": month, "time": f"{wall:%H:%M}"}
    return f"{say('{weekday}, {day} {month}, {time}', **parts)} ({zone if named else say('your time')})"
