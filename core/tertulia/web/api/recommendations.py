"""What the workspace could try, what was decided, and what followed."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from pydantic import BaseModel, Field

from tertulia.measures import history
from tertulia.measures.recommendations import GRADES
from tertulia.services import recommending
from tertulia.services.recommending import LATER, REASONS, Recommendation, State
from tertulia.web.api.operations import HOME, Answer, Call, Given, Operation, name_in
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.api.problems import Problem
from tertulia.web.recommendations import DECIDING
from tertulia.web.results import RUNNING

LIST = "recommendations"
ALL = HOME + "/recommendations"
ONE = ALL + "/{recommendation}"


class RecommendationDocument(BaseModel):
    """A change to a practice, with its evidence."""

    id: str
    rule: str
    state: State
    attempt: str = Field(description="what could be tried")
    seen: str = Field(description="the published figure that it follows from")
    evidence: str
    why: str
    sources: list[str]
    changes: list[str] = Field(description="what it would change in the program, while nobody has decided")
    judged_by: str
    made_at: datetime
    expires_at: datetime
    owner: str | None = Field(description="the id of the person who sees to it")
    decision: str
    followed: str
    program_version: int | None


class Accepting(Given):
    """How to try it."""

    apply: bool = Field(False, description="put its change of the program into force now")
    owner: str | None = Field(None, max_length=32, description="who sees to it, by id; absent: who made the token")


class Declining(Given):
    """Why not."""

    reason: str = Field(max_length=REASONS, description="for whoever reads it in a year")


class Putting(Given):
    """When to show it again."""

    weeks: int = Field(json_schema_extra={"enum": list(LATER)})


async def listed(call: Call) -> Answer:
    """List all recommendations, newest first."""
    part, vault, place = call.asked(Part), call.runtime.vault, (LIST, call.home.id)
    after: str | None = opened(vault, part, *place)
    known = await recommending.listed(call.tx, call.home)
    begun = next((at + 1 for at, one in enumerate(known) if one.id == after), 0)
    shown, following = cut(vault, known[begun:], part, lambda one: one.id, *place)
    items = [await _document(call, one) for one in shown]
    return Answer(document=Paged[RecommendationDocument](items=items, next=following))


async def show(call: Call) -> Answer:
    """Tell about one recommendation."""
    return Answer(document=await _document(call, await _one(call)))


async def accept(call: Call) -> Answer:
    """Take a recommendation up."""
    one, given = await _one(call), call.given(Accepting)
    owner = given.owner or call.caller.token.person
    how = {"actor": call.actor, "owner": owner}
    taken = await recommending.accept(call.runtime, call.tx, call.home, one, **how, apply=given.apply)
    return Answer(document=await _document(call, taken))


async def decline(call: Call) -> Answer:
    """Turn a recommendation down."""
    one, reason = await _one(call), call.given(Declining).reason
    gone = await recommending.decline(call.runtime, call.tx, call.home, one, actor=call.actor, reason=reason)
    return Answer(document=await _document(call, gone))


async def put_off(call: Call) -> Answer:
    """Put a recommendation off."""
    one, weeks = await _one(call), call.given(Putting).weeks
    later = await recommending.remind(call.runtime, call.tx, call.home, one, actor=call.actor, weeks=weeks)
    return Answer(document=await _document(call, later))


async def _one(call: Call) -> Recommendation:
    name = name_in(call, "recommendation")
    found = next((one for one in await recommending.listed(call.tx, call.home) if one.id == name), None)
    if found is None:
        raise Problem("not_found")
    return found


async def _document(call: Call, one: Recommendation) -> RecommendationDocument:
    planned = await recommending.plan(call.runtime, call.tx, call.home, one) if one.undecided else None
    return RecommendationDocument(
        id=one.id,
        rule=one.rule.key,
        state=one.state,
        attempt=one.rule.attempt,
        seen=history.figure(one.seen),
        evidence=GRADES[one.rule.evidence],
        why=one.rule.why,
        sources=list(one.rule.source),
        changes=[str(change) for change in planned.changes] if planned else [],
        judged_by=one.rule.judged_by,
        made_at=one.made_at,
        expires_at=one.expires_at,
        owner=one.owner,
        decision=recommending.decision(one),
        followed=history.followed(one.seen, one.outcome, one.judge_at),
        program_version=one.program_version,
    )


_read = partial(Operation, method="GET", about="recommendations", roles=RUNNING.roles, scope="read:recommendations")
_decide = partial(
    Operation,
    method="POST",
    about="recommendations",
    roles=DECIDING.roles,
    scope="write:recommendations",
    mode="write",
    answers=RecommendationDocument,
)
OPERATIONS: tuple[Operation, ...] = (
    _read(
        name="listRecommendations",
        path=ALL,
        summary="List what is recommended and what was decided, newest first",
        handler=listed,
        query=Part,
        answers=Paged[RecommendationDocument],
    ),
    _read(
        name="getRecommendation",
        path=ONE,
        summary="Read a recommendation",
        handler=show,
        answers=RecommendationDocument,
    ),
    _decide(
        name="acceptRecommendation",
        path=ONE + "/accept",
        summary="Try what is recommended",
        handler=accept,
        body=Accepting,
    ),
    _decide(
        name="declineRecommendation",
        path=ONE + "/decline",
        summary="Turn a recommendation down, with a reason",
        handler=decline,
        body=Declining,
    ),
    _decide(
        name="postponeRecommendation",
        path=ONE + "/postpone",
        summary="Be reminded of a recommendation in some weeks",
        handler=put_off,
        body=Putting,
    ),
)
