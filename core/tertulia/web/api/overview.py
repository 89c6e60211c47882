"""The overview of cohesion: how every part of the profile stands, in published figures."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from tertulia.measures.overview import Status
from tertulia.services import overview
from tertulia.web.api.operations import HOME, Answer, Call, Operation
from tertulia.web.results import RUNNING


class BaselineDocument(BaseModel):
    """What the figure was in the quarters before."""

    value: float | None
    quarters: list[str]
    questions: int | str | None = Field(description="what of it is compared")


class ChangeDocument(BaseModel):
    """What changed against the baseline, with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    level: float


class BenchmarkDocument(BaseModel):
    """What others published."""

    component: str
    name: str
    value: float
    ended: date
    source: str
    license: str
    n: int = Field(description="0: not said")
    age_in_months: int


class QuarterDocument(BaseModel):
    """The figure of one quarter."""

    quarter: str
    value: float | None


class ComponentDocument(BaseModel):
    """One part of the profile."""

    key: str
    title: str
    about: str
    unit: str
    better: str
    quarter: str | None
    value: float | None
    low: float | None
    high: float | None
    n_at_least: int | None
    withheld: str | None
    status: Status
    words: str
    baseline: BaselineDocument
    change: ChangeDocument | None
    benchmark: BenchmarkDocument | None
    series: list[QuarterDocument]
    chart: str | None
    formula: str
    cells: list[str]


class OverviewDocument(BaseModel):
    """How a workspace is doing; there is no score, for the reason that is given."""

    workspace: str
    made_at: datetime
    score: None
    why_no_score: str
    components: list[ComponentDocument]


async def show(call: Call) -> Answer:
    """Tell how every part stands."""
    found = await overview.build(call.runtime, call.tx, call.home)
    return Answer(document=OverviewDocument.model_validate(overview.as_json(found)))


OPERATIONS = (
    Operation(
        name="getOverview",
        method="GET",
        path=HOME + "/overview",
        summary="Read the overview of cohesion",
        about="overview",
        scope="read:overview",
        roles=RUNNING.roles,
        handler=show,
        answers=OverviewDocument,
    ),
)
