"""Rounds: how they stand and how their deliveries do, as counts, of guarded rounds in steps of five; never who."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from tertulia.domain.identifiers import Id
from tertulia.services import deliveries, retrying, round_pages, rounds, steering
from tertulia.services.rounds import Progress, RoundRow
from tertulia.web import progress
from tertulia.web.api.operations import HOME, Answer, Call, Operation, name_in
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.api.problems import Problem
from tertulia.web.console.scope import RUNNING

LIST = "rounds"
ROUNDS = HOME + "/rounds"
State = Literal["planned", "open", "closing", "closed", "released", "withheld", "cancelled"]


class Wanted(Part):
    """Which rounds are wanted."""

    state: State | None = Field(None, description="only those in this state")
    practice: str | None = Field(None, max_length=200, description="only those of this practice, by its key")


class FiguresDocument(BaseModel):
    """How many invitations and postings are in each state, and how many answered; see `rounded`."""

    sent: int
    planned: int
    sending: int
    ambiguous: int = Field(description="nobody knows whether they arrived; they are not sent again")
    failed: int
    skipped: int
    reminded: int
    answered: int
    passed: int


class RoundDocument(BaseModel):
    """One occurrence of a practice."""

    id: str
    practice: str
    kind: str
    state: State
    reason: str | None
    opens_at: datetime
    closes_at: datetime | None
    program_version: int
    confidential: bool = Field(description="a survey")
    rounded: bool = Field(
        description="its counts are in steps of five: a survey, a further stage, a group's round, or few were asked"
    )
    figures: FiguresDocument


class ReasonDocument(BaseModel):
    """Why deliveries wait, failed or are of unknown outcome, and what can be done about it."""

    model_config = ConfigDict(title="Reason")

    platform: str | None = Field(description="null where naming it could tell about single people")
    state: str
    count: int | None = Field(description="exact if `exact`, else in steps of five, 0: fewer; null: not told")
    exact: bool = Field(description="it is about shared places")
    what: str
    cure: str


class PartDocument(BaseModel):
    """The deliveries of one purpose."""

    purpose: str
    states: dict[str, int] = Field(description="counts by state")
    platforms: dict[str, dict[str, int]] = Field(description="of shared places: counts by platform and state")
    left: int | None = Field(description="who was not written to, in steps of five; null: nobody")
    late: int | None = Field(description="whose turn came after the close, in steps of five; null: nobody's")
    places: int = Field(description="shared places without a plugin")


class TotalsDocument(BaseModel):
    """All that is told of the deliveries of a round whose counts are `rounded`: in steps of five."""

    sent: int
    under_way: int
    not_sent: int


class DeliveriesDocument(BaseModel):
    """How the deliveries of a round stand: either totals, or parts."""

    round: str
    totals: TotalsDocument | None
    parts: list[PartDocument] | None
    reasons: list[ReasonDocument]


class DoneDocument(BaseModel):
    """What was done."""

    done: bool = Field(description="false: there was nothing to do; a retry of a `rounded` round says always true")


class _Whose(TypedDict):
    organization: Id
    round_id: Id
    actor: str


async def listed(call: Call) -> Answer:
    """List the rounds, newest first."""
    wanted, vault = call.asked(Wanted), call.runtime.vault
    place = (LIST, call.home.id, wanted.state or "", wanted.practice or "")
    below = opened(vault, wanted, *place)
    rows = await round_pages.newest(
        call.tx,
        call.organization,
        call.home.id,
        below=(datetime.fromisoformat(below[0]), below[1]) if below else None,
        state=wanted.state,
        practice=wanted.practice,
        most=wanted.limit + 1,
    )
    shown, following = cut(vault, rows, wanted, lambda one: [one.opens_at.isoformat(), one.id], *place)
    items = [_document(one) for one in await rounds.standings(call.tx, shown)]
    return Answer(document=Paged[RoundDocument](items=items, next=following))


async def show(call: Call) -> Answer:
    """Tell how a round stands."""
    (standing,) = await rounds.standings(call.tx, [await of_path(call)])
    return Answer(document=_document(standing))


async def delivered(call: Call) -> Answer:
    """Tell how the deliveries of a round stand, with reasons and cures."""
    round_ = await of_path(call)
    guarded = await deliveries.guarded(call.tx, round_)
    document = await (_totals if guarded else _parts)(call, round_)
    return Answer(document=document)


async def retry(call: Call) -> Answer:
    """Send again what certainly did not arrive, to each by the best way there is now."""
    again = await retrying.retry(call.runtime, call.tx, **await _whose(call))
    return Answer(document=DoneDocument(done=again is not False))


async def close(call: Call) -> Answer:
    """Close an open round now; what is not sent yet is not sent any more."""
    await steering.close_early(call.runtime, call.tx, **await _whose(call))
    return Answer(document=DoneDocument(done=True))


async def leave_out(call: Call) -> Answer:
    """Leave a round out that is to come, and plan the one after it."""
    await steering.leave_out(call.runtime, call.tx, **await _whose(call))
    return Answer(document=DoneDocument(done=True))


async def take_back(call: Call) -> Answer:
    """Plan a round again that was left out."""
    await steering.take_back(call.runtime, call.tx, **await _whose(call))
    return Answer(document=DoneDocument(done=True))


async def of_path(call: Call) -> RoundRow:
    """Return the round that the path names, if it is one of the workspace."""
    round_ = await rounds.find(call.tx, name_in(call, "round"), call.organization)
    if round_ is None or round_.workspace != call.home.id:
        raise Problem("not_found")
    return round_


async def _whose(call: Call) -> _Whose:
    found = await of_path(call)
    return _Whose(organization=call.organization, round_id=found.id, actor=call.actor)


def _document(standing: Progress) -> RoundDocument:
    row = standing.round
    return RoundDocument(
        id=row.id,
        practice=row.practice,
        kind=row.kind,
        state=row.state,  # type: ignore[arg-type]  # pydantic checks that it is one of the states
        reason=row.reason,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        program_version=row.program_version,
        confidential=row.confidential,
        rounded=standing.guarded,
        figures=FiguresDocument.model_validate(progress.shown(standing)["figures"]),
    )


async def _totals(call: Call, round_: RoundRow) -> DeliveriesDocument:
    found = await deliveries.totals(call.tx, round_)
    reasons = [
        ReasonDocument(platform=None, state="waiting", count=None, exact=False, what=one.what, cure=one.cure)
        for one in found.hints
    ]
    totals = TotalsDocument(sent=found.sent, under_way=found.under_way, not_sent=found.not_sent)
    return DeliveriesDocument(round=round_.id, totals=totals, parts=None, reasons=reasons)


async def _parts(call: Call, round_: RoundRow) -> DeliveriesDocument:
    found = await deliveries.parts(call.tx, round_)
    reasons = [
        ReasonDocument(
            platform=one.platform,
            state=one.state,
            count=one.count,
            exact=one.exact,
            what=one.explained.what,
            cure=one.explained.cure,
        )
        for part in found
        for one in part.troubles
    ]
    parts = [PartDocument.model_validate(asdict(one)) for one in found]
    return DeliveriesDocument(round=round_.id, totals=None, parts=parts, reasons=reasons)


_read = partial(Operation, method="GET", about="rounds", roles=progress.SEEING.roles, scope="read:rounds")
_do = partial(
    Operation,
    method="POST",
    about="rounds",
    roles=RUNNING.roles,
    scope="write:rounds",
    answers=DoneDocument,
    mode="write",
)
OPERATIONS: tuple[Operation, ...] = (
    _read(
        name="listRounds",
        path=ROUNDS,
        summary="List the rounds, newest first",
        handler=listed,
        query=Wanted,
        answers=Paged[RoundDocument],
    ),
    _read(
        name="getRound",
        path=ROUNDS + "/{round}",
        summary="Read how a round stands",
        handler=show,
        answers=RoundDocument,
    ),
    _read(
        name="getDeliveries",
        path=ROUNDS + "/{round}/deliveries",
        summary="Read how the deliveries of a round stand, with reasons and cures",
        handler=delivered,
        answers=DeliveriesDocument,
    ),
    _do(
        name="retryDeliveries",
        path=ROUNDS + "/{round}/retry",
        summary="Send again what certainly did not arrive",
        handler=retry,
    ),
    _do(
        name="closeRound",
        path=ROUNDS + "/{round}/close",
        summary="Close an open round now; that cannot be taken back",
        handler=close,
    ),
    _do(
        name="leaveRoundOut",
        path=ROUNDS + "/{round}/leave-out",
        summary="Leave a round out that is to come",
        handler=leave_out,
    ),
    _do(
        name="takeRoundBack",
        path=ROUNDS + "/{round}/take-back",
        summary="Plan a round again that was left out",
        handler=take_back,
    ),
)
