"""Surveys that ended: their published cells, and nothing else."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal

from pydantic import BaseModel, Field

from tertulia.services import figures, rounds
from tertulia.services.rounds import RoundRow
from tertulia.web.api.operations import HOME, Answer, Call, Operation
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.api.problems import Problem
from tertulia.web.api.rounds import of_path
from tertulia.web.results import RUNNING

LIST = "surveys"
SURVEYS = HOME + "/surveys"
MOST = 2000


class SurveyItem(BaseModel):
    """A survey round that ended."""

    round: str
    practice: str
    title: str
    closed_at: datetime
    state: Literal["closed", "released", "withheld"]


class EstimateDocument(BaseModel):
    """A figure with its 95 % interval, and the number of answers behind it."""

    value: float
    low: float
    high: float
    n: int


class LevelDocument(BaseModel):
    """About how many chose one level."""

    level: str
    about: int
    at_least: int
    at_most: int


class CellDocument(BaseModel):
    """One item for one group; nothing but its name where it is not published."""

    item: str
    text: str
    family: str
    group: str
    published: bool
    answered_at_least: int
    unit: str | None
    value: float | None
    low: float | None
    high: float | None
    levels: list[LevelDocument]


class RelatedDocument(BaseModel):
    """What goes together with an item: texts with shares of what is explained, in percent."""

    of: str
    explained: int
    answered: int
    clear: bool
    shares: list[tuple[str, int]]


class SurveyDocument(BaseModel):
    """What may be known of a survey round."""

    round: str
    practice: str
    title: str
    state: Literal["closed", "released", "withheld"]
    opened: datetime
    closed: datetime | None
    asked: int | None = Field(description="null: of a group's survey it would tell how many are in the group")
    answered_at_least: int
    response_rate: EstimateDocument | None = Field(description="null where it is not told")
    fewest: int = Field(description="so many people stand behind every figure")
    what_will_be_done: list[str]
    cells: list[CellDocument]
    related: list[RelatedDocument]


async def listed(call: Call) -> Answer:
    """List the surveys that ended, newest first."""
    part, vault, place = call.asked(Part), call.runtime.vault, (LIST, call.home.id)
    after: str | None = opened(vault, part, *place)
    known = await figures.ended(call.tx, call.organization, [call.home.id], MOST)
    begun = next((at + 1 for at, one in enumerate(known) if one.id == after), 0)
    shown, following = cut(vault, known[begun:], part, lambda one: one.id, *place)
    return Answer(document=Paged[SurveyItem](items=[await _item(call, one) for one in shown], next=following))


async def show(call: Call) -> Answer:
    """Tell every published cell of a survey."""
    found = await figures.results(call.runtime, call.tx, await of_path(call))
    if found is None:
        raise Problem("refused", "There is nothing to show: this is no survey, or it has not closed yet.")
    return Answer(document=SurveyDocument.model_validate(figures.as_json(found)))


async def _item(call: Call, one: RoundRow) -> SurveyItem:
    practice = await rounds.practice_of(call.tx, one)
    return SurveyItem(
        round=one.id,
        practice=practice.key,
        title=practice.title,
        closed_at=one.closes_at or one.opens_at,
        state=one.state,  # type: ignore[arg-type]  # pydantic checks that it is one of the states
    )


_read = partial(Operation, method="GET", about="surveys", roles=RUNNING.roles, scope="read:surveys")
OPERATIONS: tuple[Operation, ...] = (
    _read(
        name="listSurveys",
        path=SURVEYS,
        summary="List the surveys that ended, newest first",
        handler=listed,
        query=Part,
        answers=Paged[SurveyItem],
    ),
    _read(
        name="getSurvey",
        path=SURVEYS + "/{round}",
        summary="Read the published cells of a survey",
        handler=show,
        answers=SurveyDocument,
    ),
)
