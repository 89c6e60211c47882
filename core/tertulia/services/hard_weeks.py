"""Hard weeks: one action lets the playful practices rest, opens a support round, and has a date on which all goes on.

What rests is decided by the clock each time a round would open (`services.resting`), so nothing has to happen on the
date. Rounds that are open are ended by their own timer, on whatever process reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.rounds import Step
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import opening, resting, rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage import audit, hard_weeks, makeup, people, programs
from tertulia.storage.database import Tx
from tertulia.storage.hard_weeks import HardWeeks
from tertulia.storage.tables import delivery, round_follow_up, round_table, shard
from tertulia.traits import Traits

LONGEST = timedelta(days=92)
ANSWERED_WITHIN = timedelta(days=2)
"""How long colleagues can offer to listen, before everybody is told who did."""
LONGEST_WORD = 600


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Hold what hard weeks do: which practices rest, how many open rounds end."""

    span: HardWeeks
    resting: tuple[str, ...]
    ended: int


async def begin(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    *,
    resumes: datetime,
    team: str | None = None,
    word: str = "",
    actor: str,
) -> Begun:
    """Let the playful practices of a workspace, or one *team*, rest until *resumes*; *word* is told to its members.

    Raises `Mistake` where the date, the team or the word does not fit, or where these are hard weeks already.
    """
    now = runtime.clock.now()
    home = await people.workspace(tx, organization, workspace)
    if home is None:
        raise Mistake("There is no such workspace; list them with `tertulia workspace list`.")
    if not now < resumes <= now + LONGEST:
        raise Mistake(f"The date is not within the coming {LONGEST.days} days; choose the day on which all goes on.")
    if len(word) > LONGEST_WORD or not word.replace("\n", "").isprintable():
        raise Mistake(f"The word to the members has more than {LONGEST_WORD} characters; shorten it.")
    if team is not None and team not in await makeup.teams(tx, organization, workspace):
        raise Mistake(f"No member of this workspace is in a team {team[:100]!r}; write it as the people's list does.")
    if any(one.team in (None, team) for one in await hard_weeks.current(tx, organization, workspace, now)):
        raise Mistake("These are hard weeks already; end them first, or wait for their date.")
    span = HardWeeks(
        id=runtime.new_id(),
        workspace=workspace,
        team=team,
        word=word.strip(),
        begins=now,
        resumes=resumes,
        ended=None,
    )
    await hard_weeks.add(tx, organization, span)
    ended = await _end_open(runtime, tx, organization, span)
    await _support(runtime, tx, organization, span, home.zone)
    detail: Json = {"hard_weeks": span.id, "team": team, "until": resumes.isoformat()}
    await _audit(runtime, tx, organization, actor, "hard_weeks.begin", workspace, detail)
    program = await programs.current(tx, organization, workspace)
    titles = [one.title for one in (program.practices if program else ()) if _playful(runtime, one.kind)]
    return Begun(span=span, resting=tuple(titles), ended=ended)


async def end(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, span: Id, *, actor: str) -> HardWeeks:
    """Take hard weeks back: the practices go on with their next rounds, and the support round ends.

    What was ended stays so: a round that was interrupted is not asked about again.
    """
    known = {one.id: one for one in await hard_weeks.history(tx, organization, workspace)}
    now = runtime.clock.now()
    if span not in known or not await hard_weeks.end(tx, organization, span, now):
        raise Mistake("There are no such hard weeks to end; `tertulia rest list` shows them.")
    for round_ in await _supporting(tx, organization, span):
        await rounds.change_state(tx, round_, "cancelled", reason="hard weeks ended", next_action=None, next_at=None)
        await _send_no_more(tx, round_, "hard weeks ended")
    await _audit(runtime, tx, organization, actor, "hard_weeks.end", workspace, {"hard_weeks": span})
    return known[span]


async def rest(runtime: Runtime, tx: Tx, round_: RoundRow) -> None:
    """End an open round of a playful kind: nobody is asked any more, and places are told kindly that it rests.

    Where the hard weeks were taken back meanwhile, the round goes on.
    """
    if not await resting.rests(runtime, tx, round_):
        await opening.wait_for_next(tx, round_)
        return
    await rounds.change_state(tx, round_, "cancelled", reason=resting.RESTS, next_action=None, next_at=None)
    await _send_no_more(tx, round_, resting.RESTS)
    posted = sa.select(delivery.c.recipient).where(delivery.c.round_id == round_.id, delivery.c.purpose == "post")
    if (await tx.execute(posted.where(delivery.c.state.in_(("sent", "ambiguous", "sending"))))).first():
        practice, now = await rounds.practice_of(tx, round_), runtime.clock.now()
        await planning.write_postings(runtime, tx, round_, practice, "summary", now)
        await opening.set_timer(tx, round_, Step("deliver", now))


async def _end_open(runtime: Runtime, tx: Tx, organization: Id, span: HardWeeks) -> int:
    """Let the timer end the open rounds of the workspace; for a team, ask none of its members any more."""
    playful = [name for name in runtime.plugins.rituals() if _playful(runtime, name)]
    query = sa.select(round_table).where(
        round_table.c.organization_id == organization,
        round_table.c.workspace_id == span.workspace,
        round_table.c.kind.in_(playful),
        round_table.c.state == "open",
        # what a host holds in a meeting is the host's to end
        round_table.c.occurrence.not_like("host:%"),
    )
    found = [rounds.row_of(record) for record in await tx.execute(query)]
    if span.team is None:
        for round_ in found:
            await opening.set_timer(tx, round_, Step("rest", span.begins))
        return len(found)
    members = [one.id for one in await people.members(tx, organization, span.workspace) if one.team == span.team]
    for round_ in found:
        for some in people.chunks(members):
            theirs = (delivery.c.round_id == round_.id, delivery.c.recipient.in_(some))
            await tx.execute(
                delivery.update()
                .where(*theirs, delivery.c.state == "planned")
                .values(state="skipped", reason=resting.RESTS)
            )
    return 0


async def _support(runtime: Runtime, tx: Tx, organization: Id, span: HardWeeks, zone: str) -> None:
    program = await programs.current(tx, organization, span.workspace)
    closes = min(span.resumes, span.begins + ANSWERED_WITHIN)
    await tx.execute(
        round_table.insert().values(
            organization_id=organization,
            id=runtime.new_id(),
            workspace_id=span.workspace,
            practice=rounds.SUPPORT.key,
            kind=rounds.SUPPORT.kind,
            program_version=program.version if program else 0,
            occurrence=f"{rounds.APART}{span.id}",
            state="planned",
            next_action="open",
            next_at=span.begins,
            opens_at=span.begins,
            closes_at=closes,
            confidential=False,
            content={"until": span.resumes.isoformat(), "zone": zone, "team": span.team, "word": span.word},
        )
    )


async def _supporting(tx: Tx, organization: Id, span: Id) -> Sequence[RoundRow]:
    """Return the support round of hard weeks and its stages, as far as they have not ended."""
    mine = (round_table.c.organization_id == organization, round_table.c.state.in_(("planned", "open")))
    root = sa.select(round_table.c.id).where(
        round_table.c.organization_id == organization, round_table.c.occurrence == f"{rounds.APART}{span}"
    )
    stages = sa.select(round_follow_up.c.round_id).where(round_follow_up.c.root_id.in_(root))
    either = sa.or_(round_table.c.id.in_(root), round_table.c.id.in_(stages))
    return [rounds.row_of(record) for record in await tx.execute(sa.select(round_table).where(*mine, either))]


async def _send_no_more(tx: Tx, round_: RoundRow, reason: str) -> None:
    planned = (delivery.c.round_id == round_.id, delivery.c.state == "planned")
    await tx.execute(delivery.update().where(*planned).values(state="skipped", reason=reason))
    await tx.execute(
        shard.update().where(shard.c.round_id == round_.id, shard.c.state == "planned").values(state="done")
    )


def _playful(runtime: Runtime, kind: str) -> bool:
    known = runtime.plugins.rituals().get(kind)
    return known is not None and Traits.of(known).playful


async def _audit(
    runtime: Runtime, tx: Tx, organization: Id, actor: str, verb: str, workspace: Id, detail: Json
) -> None:
    at = runtime.clock.now()
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=at,
        actor=actor,
        verb=verb,
        subject=workspace,
        detail=detail,
    )
