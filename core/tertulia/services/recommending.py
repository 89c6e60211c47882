"""Recommendations in a workspace: made of what is published, decided on by who runs the program, judged when due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from tertulia.delivery.pausing import pause
from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.measures import drafts
from tertulia.measures.overview import Standing
from tertulia.measures.recommendations import AGAIN, EXPIRES, Rule, applying, rules, snapshot
from tertulia.runtime import Runtime
from tertulia.services import overview, programs
from tertulia.services.program_plan import Plan
from tertulia.storage import audit, people
from tertulia.storage import programs as stored_programs
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import membership, recommendation, workspace

log = logging.getLogger(__name__)
State: TypeAlias = Literal["open", "later", "accepted", "declined", "expired", "judged"]
LATER = (1, 2, 4, 8, 12)
"""In so many weeks one may be reminded."""
REASONS = 500
TICK = 5.0


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """Hold one recommendation; *seen* and *outcome* are the published figure when it was made and when judged."""

    id: Id
    rule: Rule
    state: State
    seen: Json
    made_at: datetime
    expires_at: datetime
    owner: Id | None = None
    remind_at: datetime | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    program_version: int | None = None
    judge_at: datetime | None = None
    outcome: Json | None = None

    @property
    def undecided(self) -> bool:
        """Tell whether somebody has yet to decide."""
        return self.state in ("open", "later")


async def refresh(runtime: Runtime, tx: Tx, home: Workspace, standings: Sequence[Standing]) -> int:
    """Make what *standings* call for, let go what is too old, show again what was put off, judge what is due.

    Repeating it changes nothing. Returns how many were made.
    """
    now = runtime.clock.now()
    # several workers may look the same workspace over at once
    lock = sa.select(workspace.c.id).filter_by(organization_id=home.organization, id=home.id)
    await tx.execute(lock.with_for_update())
    by_key = {one.component.key: one for one in standings}
    known = await listed(tx, home)
    for one in known:
        if one.undecided and one.expires_at <= now:
            await _set(tx, home, one.id, state="expired", remind_at=None)
        elif one.state == "later" and one.remind_at is not None and one.remind_at <= now:
            await _set(tx, home, one.id, state="open", remind_at=None)
        elif one.state == "accepted" and one.judge_at is not None and one.judge_at <= now:
            await _judge(runtime, tx, home, one, by_key.get(one.rule.component))
    held = {one.rule.key for one in known if (one.undecided and one.expires_at > now) or one.state == "accepted"}
    recent = {one.rule.key for one in known if one.decided_at is not None and one.decided_at > now - AGAIN}
    made = [(rule, one) for rule, one in applying(standings) if rule.key not in held | recent]
    for rule, standing in made:
        row = {"organization_id": home.organization, "id": runtime.new_id(), "workspace_id": home.id}
        what = {"rule": rule.key, "state": "open", "seen": snapshot(standing)}
        await tx.execute(
            recommendation.insert().values(**row, **what, made_at=now, expires_at=now + EXPIRES),
        )
    return len(made)


async def listed(tx: Tx, home: Workspace) -> list[Recommendation]:
    """Return all recommendations of a workspace, newest first; those of rules that are gone are left out."""
    table = recommendation.c
    query = (
        sa.select(recommendation)
        .where(table.organization_id == home.organization, table.workspace_id == home.id)
        .order_by(table.made_at.desc(), table.rule, table.id)
    )
    return [_read(row) for row in await tx.execute(query) if row.rule in rules()]


def of_person(organization: Id, selves: Sequence[Id]) -> sa.Select[Any]:
    """Select what a person decided on, or sees to."""
    table = recommendation.c
    mine = sa.or_(table.owner_id.in_(selves), table.decided_by.in_(selves))
    query = sa.select(table.rule, table.state, table.made_at, table.decided_at, table.judge_at)
    return query.where(table.organization_id == organization, mine).order_by(table.made_at, table.id)


async def find(tx: Tx, home: Workspace, text: str) -> Recommendation:
    """Return the recommendation whose id begins with *text*."""
    found = [one for one in await listed(tx, home) if text and one.id.startswith(text)]
    if len(found) != 1:
        what = "is no recommendation here" if not found else f"means {len(found)} recommendations"
        raise Mistake(f"{text!r} {what}; copy an id from `tertulia recommendations list`.")
    return found[0]


async def accept(
    runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation, *, actor: str, owner: Id | None, apply: bool
) -> Recommendation:
    """Take a recommendation up; with *apply* its draft comes into force, as a new version of the program."""
    _undecided(one)
    version = None
    if apply:
        text = await draft(runtime, tx, home, one)
        if text is None:
            raise Mistake("This recommendation changes nothing in the program; accept it without a draft.")
        whose = {"organization": home.organization, "workspace": home.id, "actor": actor}
        version = (await programs.apply(runtime, tx, text=text, **whose)).version
    await _owner(tx, home, owner)
    due = runtime.clock.now() + one.rule.judge
    kept = {"owner_id": owner, "program_version": version, "judge_at": due}
    return await _decide(runtime, tx, home, one, "accepted", actor, **kept)


async def decline(
    runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation, *, actor: str, reason: str
) -> Recommendation:
    """Turn a recommendation down, with a reason; it is not made again for half a year."""
    _undecided(one)
    said = " ".join(reason.replace("\x00", "").split())
    if not 0 < len(said) <= REASONS:
        raise Mistake(f"The reason has {len(said)} letters; write 1 to {REASONS}, for whoever reads it in a year.")
    return await _decide(runtime, tx, home, one, "declined", actor, reason=said)


async def remind(
    runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation, *, actor: str, weeks: int
) -> Recommendation:
    """Put a recommendation off; it waits no longer than it would otherwise have stood, and that long again."""
    _undecided(one)
    if weeks not in LATER:
        raise Mistake(f"{weeks} weeks are not offered; choose among {', '.join(map(str, LATER))}.")
    at = runtime.clock.now() + timedelta(weeks=weeks)
    await _set(tx, home, one.id, state="later", remind_at=at, expires_at=max(one.expires_at, at + EXPIRES))
    await _note(runtime, tx, home, "recommendation.later", actor, one, {"weeks": weeks})
    return await find(tx, home, one.id)


async def draft(runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation) -> str | None:
    """Return the program as the recommendation would have it; `None` where it changes nothing in it."""
    newest = await stored_programs.newest(tx, home.organization, home.id)
    document = newest.document if newest else ""
    today: date = runtime.clock.now().date()
    return drafts.draft(document, one.rule, today=today, zone=home.zone)


async def plan(runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation) -> Plan | None:
    """Tell what the draft would change, as `tertulia program plan` does."""
    text = await draft(runtime, tx, home, one)
    return None if text is None else await programs.plan(runtime, tx, home.organization, home.id, text)


def decision(one: Recommendation) -> str:
    """Say in words what was decided."""
    day = f", {one.decided_at:%Y-%m-%d}" if one.decided_at else ""
    match one.state:
        case "declined":
            return f"declined{day}: {one.reason}"
        case "accepted" | "judged":
            version = f", program version {one.program_version}" if one.program_version else ""
            return f"tried{day}{version}"
        case "later":
            return f"put off until {one.remind_at:%Y-%m-%d}" if one.remind_at else "put off"
        case "expired":
            return f"nobody decided by {one.expires_at:%Y-%m-%d}"
        case _:
            return "waits for a decision"


async def watch(runtime: Runtime, stop: asyncio.Event) -> None:
    """Look over every workspace once a day of the rounds' clock, until *stop*."""
    done: dict[Id, date] = {}
    while not stop.is_set():
        await look_over(runtime, done)
        await pause(stop, TICK)


async def look_over(runtime: Runtime, done: dict[Id, date]) -> None:
    """Refresh the workspaces that were not looked over today; *done* remembers which were."""
    today = runtime.clock.now().date()
    async with runtime.database.read() as tx:
        known = (await tx.execute(sa.select(workspace.c.organization_id, workspace.c.id))).all()
    for row in known:
        if done.get(row.id) == today:
            continue
        try:
            await _look_over(runtime, row.organization_id, row.id)
        except Exception:
            # what is wrong in one workspace is looked at again tomorrow, and keeps no other one waiting
            log.exception("a workspace could not be looked over", extra={"ids": {"workspace": row.id}})
        done[row.id] = today


async def _look_over(runtime: Runtime, organization: Id, workspace_id: Id) -> None:
    async with runtime.database.read() as tx:
        home = await people.workspace(tx, organization, workspace_id)
        standings = (await overview.build(runtime, tx, home)).standings if home else ()
    if home is None:
        return
    async with runtime.database.write() as tx:
        made = await refresh(runtime, tx, home, standings)
    if made:
        log.info("recommendations were made", extra={"ids": {"workspace": home.id, "count": made}})


async def _judge(runtime: Runtime, tx: Tx, home: Workspace, one: Recommendation, standing: Standing | None) -> None:
    """Keep the same figure as it is now beside what it was; a comparison of before and after, and no more."""
    outcome = snapshot(standing) if standing is not None else {}
    await _set(tx, home, one.id, state="judged", outcome=outcome)
    detail = {"status": outcome.get("status", "not known")}
    await _note(runtime, tx, home, "recommendation.judged", "tertulia", one, detail)


async def _decide(
    runtime: Runtime,
    tx: Tx,
    home: Workspace,
    one: Recommendation,
    state: State,
    actor: str,
    **values: Any,
) -> Recommendation:
    now = runtime.clock.now()
    await _set(tx, home, one.id, state=state, decided_at=now, decided_by=actor, remind_at=None, **values)
    version = values.get("program_version")
    await _note(runtime, tx, home, f"recommendation.{state}", actor, one, {"program_version": version})
    return await find(tx, home, one.id)


def _undecided(one: Recommendation) -> None:
    if not one.undecided:
        raise Mistake(f"This recommendation is {one.state} already; nothing was changed.")


async def _owner(tx: Tx, home: Workspace, owner: Id | None) -> None:
    query = sa.select(membership.c.person_id).filter_by(
        organization_id=home.organization, workspace_id=home.id, person_id=owner, left_at=None
    )
    if owner is not None and (await tx.execute(query)).first() is None:
        raise Mistake("Whoever sees to it must be a member of this workspace; name one who is.")


async def _set(tx: Tx, home: Workspace, one: Id, **values: Any) -> None:
    table = recommendation
    await tx.execute(
        table.update().where(table.c.organization_id == home.organization, table.c.id == one).values(**values)
    )


async def _note(
    runtime: Runtime, tx: Tx, home: Workspace, verb: str, actor: str, one: Recommendation, detail: Json
) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=home.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=one.id,
        detail={"workspace": home.id, "rule": one.rule.key, **detail},
    )


def _read(row: sa.Row[Any]) -> Recommendation:
    return Recommendation(
        id=row.id,
        rule=rules()[row.rule],
        state=row.state,
        seen=row.seen,
        made_at=row.made_at,
        expires_at=row.expires_at,
        owner=row.owner_id,
        remind_at=row.remind_at,
        decided_at=row.decided_at,
        reason=row.reason,
        program_version=row.program_version,
        judge_at=row.judge_at,
        outcome=row.outcome,
    )
