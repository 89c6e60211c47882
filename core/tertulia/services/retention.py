"""Delete what has been kept long enough: a period per kind of row, swept in small transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import audit, tables
from tertulia.storage.database import Database

BATCH = 500
YEAR = timedelta(days=365)
RETENTION: Mapping[str, timedelta] = {
    "inbox.received": timedelta(days=14),
    "inbox.failed": timedelta(days=14),
    "inbox.done": timedelta(days=30),
    "seen": timedelta(days=90),
    "outbox": timedelta(days=14),
    "link": timedelta(days=1),
    "web_session": timedelta(days=1),
    "session_origin": timedelta(days=1),
    "spent_sign_in": timedelta(days=1),
    "code": timedelta(days=1),
    "api_token": timedelta(days=30),
    "api_reply": timedelta(days=1),
    "response": YEAR,
    "participation": YEAR,
    "candle": timedelta(days=90),
    "feedback_message": timedelta(days=180),
    "feedback": timedelta(days=180),
    "feedback_right": timedelta(weeks=4),
    "feedback_spent": timedelta(days=1),
    "kudos": YEAR,
    "question": YEAR,
    "comment": 2 * YEAR,
    "interaction": timedelta(weeks=26),
    "budget": timedelta(weeks=8),
    "delivery": YEAR,
    "shard": YEAR,
    "seat": timedelta(days=2),
    "turns": timedelta(days=2),
    "session": YEAR,
    "respondent": 2 * YEAR,
    "measure_roster": timedelta(days=400),
    "employment": 6 * YEAR,
    "ritual_memory": 3 * YEAR,
    "match_history": 3 * YEAR,
    "sign_up": YEAR,
    "round_share": YEAR,
    "reservation": YEAR,
    "past_result": timedelta(weeks=26),
    "private_answer": timedelta(days=1),
    "response.expired": timedelta(days=1),
    "round_share.expired": timedelta(days=1),
    "gallery_picture": timedelta(days=1),
    "gallery_item": timedelta(days=1),
    "celebration": timedelta(days=1),
    "hard_weeks": YEAR,
    "proposal": 3 * YEAR,
    "affinity_member": timedelta(days=30),
    "identity.unresolved": YEAR,
    "identity_change": 3 * YEAR,
    "identity_merge": YEAR,
    "audit": 3 * YEAR,
    "worker": timedelta(days=1),
    "lease": timedelta(days=1),
    "rate": timedelta(days=1),
}
"""How long each kind of row is kept; what expires is kept that long after it has."""
KEPT: Mapping[str, str] = {
    "organization": "is what everything belongs to",
    "workspace": "is what everything belongs to",
    "person": "goes by erasure, which leaves a row without a name to count with",
    "membership": "tells who belonged where; goes by erasure",
    "role": "goes by revocation or erasure",
    "place": "goes with the program",
    "reporting_line": "is what the import says; goes by erasure",
    "candle_key": "opens nothing by itself; goes by erasure",
    "candle_quarter": "is one number for a quarter",
    "care_line": "goes by an admin",
    "affinity_group": "is what its members made of it, and nobody's name",
    "avoidance": "is a wish, and holds until it is taken back",
    "opt_out": "is a wish, and holds until it is taken back",
    "tombstone": "must outlive every backup, and holds an identifier only",
    "program": "is the history that rounds refer to",
    "round": "keeps figures, and nobody's name",
    "round_follow_up": "says which rounds belong together, and nobody's name",
    "ballot": "is destroyed at the close of its round",
    "release_state": "is about a round that is closing, and goes with its ballots",
    "cell": "keeps what is published, and nobody's name",
    "measure_period": "says what is published, and nobody's name",
    "measure_release": "keeps what the look-back needs, and nobody's name",
    "measure_figure": "keeps what is published, and nobody's name",
    "outside_rating": "is what a site says about the organization",
    "survey_action": "keeps what was promised to everybody, and nobody's name",
    "recommendation": "is the history of what was tried, and names who sees to it by an id alone",
    "benchmark": "is what others published",
    "overview_setting": "is one word for a workspace",
    "installation": "goes by an admin",
    "subscription": "goes with its installation",
    "store": "is the plugin's own",
    "cursor": "is one per port",
    "stamp": "is about the database itself",
}
"""Tables that time alone does not empty, and why."""


@dataclass(frozen=True)
class Limit:
    """Hold the end of a period: as an instant of the rounds' clock, in real seconds, and as an ISO week."""

    instant: datetime
    seconds: float
    week: str


def _limit(now: datetime, period: timedelta) -> Limit:
    instant = now - period
    year, week, _ = instant.isocalendar()
    return Limit(instant, time.time() - period.total_seconds(), f"{year}-W{week:02d}")


@dataclass(frozen=True)
class Rule:
    """Tell which rows of a table are past a limit."""

    table: sa.Table
    past: Callable[[Limit], sa.ColumnElement[bool]]


def _before(column: sa.Column[datetime]) -> Rule:
    return Rule(column.table, lambda limit: column < limit.instant)


def _before_seconds(column: sa.Column[float], *where: sa.ColumnElement[bool]) -> Rule:
    return Rule(column.table, lambda limit: sa.and_(column < limit.seconds, *where))


def _in_state(table: sa.Table, state: str) -> Rule:
    return Rule(table, lambda limit: sa.and_(table.c.state == state, table.c.received_at < limit.instant))


def _of_old_rounds(column: sa.Column[str]) -> Rule:
    rounds = tables.round_table.c
    ended = sa.func.coalesce(rounds.closes_at, rounds.opens_at)
    return Rule(column.table, lambda limit: column.in_(sa.select(rounds.id).where(ended < limit.instant)))


def _unresolved(limit: Limit) -> sa.ColumnElement[bool]:
    identity = tables.identity.c
    changed = sa.exists().where(tables.identity_change.c.identity_id == identity.id)
    return sa.and_(identity.person_id.is_(None), identity.seen_at < limit.instant, ~changed)


def _delivered(limit: Limit) -> sa.ColumnElement[bool]:
    old = sa.select(tables.shard.c.id).where(tables.shard.c.due < limit.instant)
    return tables.delivery.c.shard_id.in_(old)


def _silent(limit: Limit) -> sa.ColumnElement[bool]:
    silent = sa.select(tables.feedback.c.id).where(tables.feedback.c.week < limit.instant)
    return tables.feedback_message.c.feedback_id.in_(silent)


def _silenced(limit: Limit) -> sa.ColumnElement[bool]:
    holds = sa.exists().where(tables.feedback_message.c.feedback_id == tables.feedback.c.id)
    return sa.and_(tables.feedback.c.week < limit.instant, ~holds)


def _emptied(limit: Limit) -> sa.ColumnElement[bool]:
    holds = sa.exists().where(tables.delivery.c.shard_id == tables.shard.c.id)
    return sa.and_(tables.shard.c.due < limit.instant, ~holds)


def _not_of_the_group(limit: Limit) -> sa.ColumnElement[bool]:
    """Tell who asked in vain to be let in, and who left the workspace since."""
    row, group, of = tables.affinity_member.c, tables.affinity_group.c, tables.membership.c
    known = (group.id == row.group_id, of.workspace_id == group.workspace_id, of.person_id == row.person_id)
    here = sa.exists().where(*known, sa.or_(of.left_at.is_(None), of.left_at >= limit.instant))
    unanswered = sa.and_(row.joined_at.is_(None), row.asked_at < limit.instant)
    return sa.or_(unanswered, ~here)


def _settled(limit: Limit) -> sa.ColumnElement[bool]:
    # that a single owner named a second one is remembered: it is allowed once
    return sa.and_(tables.proposal.c.expires_at < limit.instant, tables.proposal.c.what != "owner.second")


def _of_expired_rounds(column: sa.Column[str]) -> Rule:
    """Find what belongs to rounds whose kind said until when it is kept, see `tertulia.kinds.Exhibited`."""
    rounds = tables.round_table.c
    until = rounds.content["keep_until"].as_string()
    return Rule(
        column.table,
        lambda limit: column.in_(sa.select(rounds.id).where(until < limit.instant.date().isoformat())),
    )


def _expired_pictures(limit: Limit) -> sa.ColumnElement[bool]:
    item = tables.gallery_item.c
    return tables.gallery_picture.c.item_id.in_(sa.select(item.id).where(item.expires_at < limit.instant))


def _expired_items(limit: Limit) -> sa.ColumnElement[bool]:
    item = tables.gallery_item.c
    holds = sa.exists().where(tables.gallery_picture.c.item_id == item.id)
    return sa.and_(item.expires_at < limit.instant, ~holds)


RULES: Mapping[str, Rule] = {
    "inbox.received": _in_state(tables.inbox, "received"),
    "inbox.failed": _in_state(tables.inbox, "failed"),
    "inbox.done": _in_state(tables.inbox, "done"),
    "seen": _before_seconds(tables.seen.c.at),
    "outbox": _before_seconds(tables.outbox.c.next_at, tables.outbox.c.state != "planned"),
    "link": _before(tables.link.c.expires_at),
    "web_session": _before(tables.web_session.c.expires_at),
    "session_origin": _before(tables.session_origin.c.ends_at),
    "spent_sign_in": _before(tables.spent_sign_in.c.until),
    "code": _before(tables.code.c.expires_at),
    "api_token": _before(tables.api_token.c.expires_at),
    "api_reply": _before(tables.api_reply.c.at),
    "response": _before(tables.response.c.given_at),
    "participation": _before(tables.participation.c.started_at),
    "candle": _before(tables.candle.c.changed_on),
    "feedback_message": Rule(tables.feedback_message, _silent),
    "feedback": Rule(tables.feedback, _silenced),
    "feedback_right": Rule(tables.feedback_right, lambda limit: tables.feedback_right.c.week < limit.week),
    "feedback_spent": _before(tables.feedback_spent.c.until),
    "kudos": _before(tables.kudos.c.at),
    "question": _of_old_rounds(tables.question.c.round_id),
    "comment": _of_old_rounds(tables.comment.c.round_id),
    "interaction": Rule(tables.interaction, lambda limit: tables.interaction.c.week < limit.week),
    "budget": Rule(tables.budget, lambda limit: tables.budget.c.week < limit.week),
    "delivery": Rule(tables.delivery, _delivered),
    "shard": Rule(tables.shard, _emptied),
    "seat": _of_old_rounds(tables.seat.c.round_id),
    "turns": _of_old_rounds(tables.turns.c.round_id),
    "session": _of_old_rounds(tables.session.c.round_id),
    "respondent": _of_old_rounds(tables.respondent.c.round_id),
    "measure_roster": _before(tables.measure_roster.c.used_at),
    "employment": Rule(tables.employment, lambda limit: tables.employment.c.end_date < f"{limit.instant:%Y-%m-%d}"),
    "ritual_memory": _before(tables.ritual_memory.c.used_at),
    "match_history": _before(tables.match_history.c.at),
    "sign_up": _before(tables.sign_up.c.left_at),
    "round_share": _of_old_rounds(tables.round_share.c.round_id),
    "reservation": _of_old_rounds(tables.reservation.c.round_id),
    "past_result": _before(tables.past_result.c.at),
    "private_answer": _before(tables.private_answer.c.expires_at),
    "response.expired": _of_expired_rounds(tables.response.c.round_id),
    "round_share.expired": _of_expired_rounds(tables.round_share.c.round_id),
    "gallery_picture": Rule(tables.gallery_picture, _expired_pictures),
    "gallery_item": Rule(tables.gallery_item, _expired_items),
    "celebration": _before(tables.celebration.c.expires_at),
    "hard_weeks": _before(tables.hard_weeks.c.resumes_at),
    "proposal": Rule(tables.proposal, _settled),
    "affinity_member": Rule(tables.affinity_member, _not_of_the_group),
    "identity_change": _before(tables.identity_change.c.at),
    "identity_merge": _before(tables.identity_merge.c.at),
    "identity.unresolved": Rule(tables.identity, _unresolved),
    "worker": _before_seconds(tables.worker.c.beat),
    "lease": _before_seconds(tables.lease.c.until),
    "rate": _before_seconds(tables.rate.c.tat),
}
"""What each period is about, but for the audit log, whose chain is cut at its start and sealed there."""


def periods(text: str) -> dict[str, timedelta]:
    """Read the setting TERTULIA_RETENTION: days by kind of row, like `response=730, link=2`."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, days = (piece.strip() for piece in part.partition("="))
        if name not in RETENTION:
            raise Mistake(
                f"TERTULIA_RETENTION names {name!r}, which has no retention; choose among "
                f"{', '.join(sorted(RETENTION))}."
            )
        if not equals or not days.isascii() or not days.isdigit() or not 0 < int(days) < 36_500:
            raise Mistake(f"TERTULIA_RETENTION gives {name} no number of days; write it like {name}=365.")
        found[name] = timedelta(days=int(days))
    return found


async def sweep(runtime: Runtime, now: datetime, changed: Mapping[str, timedelta] | None = None) -> dict[str, int]:
    """Delete what is past its period at *now*; *changed* replaces defaults. Returns how many of each went."""
    kept = {**RETENTION, **(changed or {})}
    swept = {name: await _delete(runtime.database, rule, _limit(now, kept[name])) for name, rule in RULES.items()}
    async with runtime.database.write() as tx:
        swept["audit"] = await audit.trim(tx, runtime.vault, now - kept["audit"])
    return {name: count for name, count in swept.items() if count}


async def _delete(database: Database, rule: Rule, limit: Limit) -> int:
    keys = list(rule.table.primary_key.columns)
    past = sa.select(*keys).where(rule.past(limit))
    key = keys[0] if len(keys) == 1 else sa.tuple_(*keys)
    statement = rule.table.delete().where(key.in_(past.limit(BATCH)))
    async with database.read() as tx:
        if (await tx.execute(past.limit(1))).first() is None:
            return 0  # nothing to write: the usual case
    total = 0
    while True:
        async with database.write() as tx:
            count = (await tx.execute(statement)).rowcount
        total += count
        if count < BATCH:
            return total
