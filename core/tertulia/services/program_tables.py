"""The tables of a program document as pydantic models: shapes, limits and the sentences for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tertulia.domain.people import PlaceKind, WorkerType
from tertulia.domain.programs import Cadence
from tertulia.errors import Mistake
from tertulia.services.cadence import find_zone, occurrences, parse_rule, parse_start

T = TypeVar("T")
UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
DURATION: Final = re.compile(r"(?:(\d{1,3})w)?(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=92)


def complain(sentence: str) -> PydanticCustomError:
    """Make the error that carries *sentence* through pydantic."""
    return PydanticCustomError("mistake", "{sentence}", {"sentence": sentence})


def _told(check: Callable[[str], object]) -> AfterValidator:
    def validate(value: str) -> str:
        try:
            check(value)
        except Mistake as mistake:
            raise complain(str(mistake)) from None
        return value

    return AfterValidator(validate)


def parse_duration(text: object) -> timedelta:
    """Read a duration such as "90m", "24h", "3d" or "1d12h"."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if not text or found is None:
        raise complain(f'{text!r} is no duration; write one such as "90m", "24h", "3d" or "1d12h".')
    numbers = {unit: int(number or 0) for unit, number in zip(UNITS.values(), found.groups(), strict=True)}
    duration = timedelta(**numbers)
    if not SHORTEST <= duration <= LONGEST:
        raise complain(f'"{text}" is outside the limits; write a duration from "1m" to "{LONGEST.days}d".')
    return duration


def show_duration(duration: timedelta) -> str:
    """Write a duration the way a document does."""
    minutes = duration // timedelta(minutes=1)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0m"


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _place(value: object) -> object:
    if not isinstance(value, str):
        return value
    platform, colon, ref = value.partition(":")
    if not colon:
        raise complain(f'"{value}" is no place; write "platform:ref" or {{ platform = "…", ref = "…", kind = "…" }}.')
    return {"platform": platform, "ref": ref}


def _one_line(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", value) or value != value.strip():
        raise complain(f"{value!r} has line breaks, other control characters or spaces around it; take them out.")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]


class Table(BaseModel):
    """Refuse what is unknown and guess no types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CadenceTable(Table):
    """Say when: `start` and `rule`; in everyone's own `local` time or once for all in a `common` one."""

    start: Annotated[str, BeforeValidator(_iso), _told(parse_start)]
    rule: Annotated[str, Field(max_length=500), _told(parse_rule)]
    time: Literal["local", "common"] = "local"
    zone: Annotated[str, _told(find_zone)] | None = None

    @field_validator("rule")
    @classmethod
    def _occurs(cls, rule: str, info: ValidationInfo) -> str:
        start = info.data.get("start")
        if start and next(occurrences(Cadence(rule=rule, start=start), None), None) is None:
            raise complain(f"The rule never occurs after {start}; check its parts against a calendar.")
        return rule

    @field_validator("zone")
    @classmethod
    def _zone_counts(cls, zone: str | None, info: ValidationInfo) -> str | None:
        if zone is not None and info.data.get("time") == "local":
            raise complain('A zone has no effect on local time; leave it out or write time = "common".')
        return zone


class AudienceTable(Table):
    """Choose members; what is left out chooses all."""

    worker_types: list[WorkerType] = []
    teams: list[Text] = []
    locations: list[Text] = []
    languages: list[Text] = []
    groups: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]], Field(max_length=20)] = []


class PlaceTable(Table):
    """Name a shared place."""

    platform: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
    ref: Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_one_line)]
    kind: PlaceKind = "channel"


class MomentTable(Table):
    """Name a moment in each person's own time."""

    event: Literal["joined", "left"]
    after: Duration = timedelta(days=1)


class PracticeTable(Table):
    """Describe one practice."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    kind: Text
    title: Text
    cadence: CadenceTable
    audience: AudienceTable = AudienceTable()
    places: Annotated[list[Annotated[PlaceTable, BeforeValidator(_place)]], Field(max_length=50)] = []
    ask: Annotated[Literal["each", "place", "both"], Field(validate_default=True)] = "each"
    open_for: Duration = timedelta(hours=24)
    reminders: Annotated[list[Duration], Field(max_length=5)] = []
    options: dict[str, Any] = {}
    join: Literal["all", "opt-in"] = "all"
    moment: MomentTable | None = None

    @field_validator("ask")
    @classmethod
    def _has_places(cls, ask: str, info: ValidationInfo) -> str:
        if ask != "each" and info.data.get("places") == []:
            raise complain(f'ask = "{ask}" needs places; add places = ["platform:ref"] or write ask = "each".')
        return ask

    @field_validator("reminders")
    @classmethod
    def _before_close(cls, reminders: list[timedelta], info: ValidationInfo) -> list[timedelta]:
        open_for = info.data.get("open_for")
        late = [pause for pause in reminders if open_for and pause >= open_for]
        if open_for and late:
            raise complain(
                f'The reminder after "{show_duration(late[0])}" comes when the round has closed '
                f'(open_for = "{show_duration(open_for)}"); remind earlier or keep it open longer.'
            )
        if any(later <= earlier for earlier, later in pairwise(reminders)):
            raise complain("The reminders are not in order; write each pause once, the shortest first.")
        return reminders


class ProgramTable(Table):
    """Hold a whole document."""

    practice: Annotated[list[PracticeTable], Field(max_length=200)]
    message_budget: Annotated[int, Field(ge=1, le=100)] = 10


def plain(value: Any) -> Any:
    """Turn TOML's dates and times into text, so that a value can be kept as JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
