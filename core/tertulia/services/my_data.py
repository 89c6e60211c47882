"""Show a person everything that is held about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import effects, kudos, occasions, proposals, recommending, tokens
from tertulia.services.erasing import erase, reapply_tombstones
from tertulia.storage import people, tables, ties
from tertulia.storage.database import Tx
from tertulia.surveys.candle import life as candles
from tertulia.surveys.candle import responders

__all__ = ["collect", "erase", "reapply_tombstones"]

Rows = list[dict[str, Any]]
OPEN = ("planned", "open", "closing")
UNKNOWN_WHILE_OPEN = "not known to us while the round is open"
EMPLOYMENT = ("start_date", "end_date", "end_reason", "worker_type", "fte", "origin")
SIGNED_IN = ("began_at", "used_hour", "ends_at", "device", "way")
API_TOKEN = ("made_at", "name", "scopes", "expires_at", "used_on", "revoked_at")
GALLERY = ("round_id", "id", "alt", "audience", "expires_at")
OTHERS = frozenset({"people", "about"})
"""Keys of a share that are about other people."""
NOT_JOINED = "not joined to you: read, answer or delete what you wrote with the receipt that you kept"

ASKED_BY_NOBODY = "not joined to you: nobody knows what you asked, or what you voted for"


async def collect(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> Json:
    """Return everything held about a person, and nothing that another person did."""
    person = await people.current(tx, organization, person)
    if await people.person(tx, organization, person) is None:
        raise Mistake("There is no such person in this organization; sign in again.")
    selves = await people.selves(tx, organization, person)
    return {
        "made_at": runtime.clock.now().isoformat(),
        "person": await _persons(tx, organization, selves),
        "accounts": await _accounts(tx, organization, selves),
        "memberships": await _memberships(tx, organization, selves),
        "roles": await _roles(tx, organization, selves),
        "opt_outs": await _of(tx, tables.opt_out, organization, selves, "practice", "at"),
        "messages": await _messages(tx, organization, selves, confidential=False),
        "surveys": await _surveys(tx, organization, selves),
        "introductions": await _of(tx, tables.match_history, organization, selves, "at", "practice", "round_id"),
        "practices_joined": await _of(tx, tables.sign_up, organization, selves, "practice", "joined_at", "left_at"),
        "dealt_in_rounds": await _dealt(tx, organization, selves),
        "groups": await _groups(tx, organization, selves),
        "places_reserved": await _of(tx, tables.reservation, organization, selves, "round_id", "item", "at"),
        "faded_results": await _of(tx, tables.past_result, organization, selves, "at", "kind", "score", "rounds"),
        "private_answers": await _private(runtime, tx, organization, selves),
        "not_to_be_introduced_to": await _avoided(tx, organization, selves),
        "celebrations": await occasions.told(runtime, tx, organization, person),
        "gallery": await _of(tx, tables.gallery_item, organization, selves, *GALLERY),
        "candles": await _candles(runtime, tx, organization, person),
        "candle_keys": await _of(tx, tables.candle_key, organization, selves, "made_at", "id"),
        "reporting_line": await _line(tx, organization, person),
        "anonymous_feedback": NOT_JOINED,
        "questions_to_the_leadership": ASKED_BY_NOBODY,
        "thanks_received": await _thanks(runtime, tx, organization, person, "from"),
        "thanks_given": await _thanks(runtime, tx, organization, person, "to"),
        "employment": await _of(tx, tables.employment, organization, selves, *EMPLOYMENT),
        "counted_in_measures": await _of(tx, tables.measure_roster, organization, selves, "used_at", "id", "atom"),
        "responses": await _responses(tx, organization, selves),
        "participation": await _participation(tx, organization, selves),
        "interactions": await _interactions(runtime, tx, organization, selves),
        "message_budget_used": await _of(tx, tables.budget, organization, selves, "week", "used"),
        **await _ways_in(tx, organization, selves),
        "signed_in": await _of(tx, tables.session_origin, organization, selves, *SIGNED_IN),
        "account_changes": await _account_changes(tx, organization, selves),
        "live_rounds_hosted": await _hosted(tx, organization, selves),
        "live_rounds_attended": await _seated(tx, organization, selves),
        "recommendations": await _rows(tx, recommending.of_person(organization, selves)),
        "proposals": await _rows(tx, proposals.of_person(organization, selves)),
        "audit": await _audit(tx, organization, selves),
    }


async def _rows(tx: Tx, query: sa.Select[Any]) -> Rows:
    return [
        {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row._mapping.items()}
        for row in await tx.execute(query)
    ]


async def _of(tx: Tx, table: sa.Table, organization: Id, selves: Sequence[Id], *columns: str) -> Rows:
    chosen = [table.c[name] for name in columns]
    mine = (table.c.organization_id == organization, table.c.person_id.in_(selves))
    return await _rows(tx, sa.select(*chosen).where(*mine).order_by(*chosen))


async def _ways_in(tx: Tx, organization: Id, selves: Sequence[Id]) -> dict[str, Rows]:
    """Return what lets the person in: links, sessions, codes and tokens, without their secrets."""
    return {
        "personal_links": await _of(tx, tables.link, organization, selves, "round_id", "expires_at"),
        "web_sessions": await _of(tx, tables.web_session, organization, selves, "round_id", "expires_at"),
        "codes": await _of(tx, tables.code, organization, selves, "purpose", "expires_at"),
        "api_tokens": await _of(tx, tables.api_token, organization, selves, *API_TOKEN),
    }


async def _groups(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Return the groups that the person is in, keeps or waits for; who else is in them is theirs to be told."""
    table, group = tables.affinity_member, tables.affinity_group
    query = (
        sa.select(group.c.name, table.c.keeper, table.c.shown, table.c.asked_at, table.c.joined_at)
        .join(group, group.c.id == table.c.group_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(group.c.name, table.c.asked_at)
    )
    return await _rows(tx, query)


async def _avoided(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Return the person's own list; who listed the person is theirs to know."""
    table, other = tables.avoidance, tables.person
    query = (
        sa.select(other.c.name, table.c.at)
        .join(other, other.c.id == table.c.avoided_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(other.c.name, table.c.at)
    )
    return await _rows(tx, query)


async def _candles(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> Rows:
    """Return the person's own candles; what was sealed in them only their responders can open."""
    return [
        {
            "reference": one.reference,
            "state": one.state,
            "day": one.lit_on.isoformat(),
            "responder": one.responder,
            "deputy": one.deputy,
            "log": [f"{step.on.isoformat()} {step.verb} {step.by or ''}".strip() for step in one.log],
        }
        for one in await candles.mine(runtime, tx, organization, person)
    ]


async def _thanks(runtime: Runtime, tx: Tx, organization: Id, person: Id, side: str) -> Rows:
    find = kudos.received if side == "from" else kudos.given
    return [
        {
            side: one.other,
            "value": one.value,
            "why": one.why,
            "public": one.public,
            "at": one.at.isoformat(),
            **({"kept_out_of_the_digest": one.hidden} if side == "from" else {}),
        }
        for one in await find(runtime, tx, organization, person)
    ]


async def _line(tx: Tx, organization: Id, person: Id) -> Rows:
    manager = (await responders.managers_of(tx, organization)).get(person)
    known = await people.person(tx, organization, manager) if manager else None
    return [{"led_by": known.name}] if known is not None else []


async def _dealt(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Return what the person was dealt; who else is named there is theirs to be told, by the round's own page."""
    table, round_ = tables.round_share, tables.round_table
    query = (
        sa.select(round_.c.practice, table.c.round_id.label("round"), table.c.share)
        .join(round_, round_.c.id == table.c.round_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(round_.c.opens_at, table.c.round_id)
    )
    return [
        {**row, "share": {key: value for key, value in row["share"].items() if key not in OTHERS}}
        for row in await _rows(tx, query)
    ]


async def _private(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Open what the person gave for a round's organiser to have as counts only."""
    table = tables.private_answer
    mine = (table.c.organization_id == organization, table.c.person_id.in_(selves))
    rows = await tx.execute(sa.select(table).where(*mine).order_by(table.c.expires_at, table.c.round_id))
    return [
        {
            "round": row.round_id,
            "kept_until": row.expires_at.isoformat(),
            **runtime.vault.open_json(row.sealed, *effects.sealed_place(organization, row.round_id, row.person_id)),
        }
        for row in rows
    ]


async def _persons(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table = tables.person
    columns = [column for column in table.c if column.name not in ("organization_id", "merged_into")]
    query = sa.select(*columns).where(table.c.organization_id == organization, table.c.id.in_(selves))
    return sorted(await _rows(tx, query), key=lambda row: selves.index(row["id"]))


async def _accounts(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table = tables.identity
    columns = ("platform", "realm", "user", "verified", "reachable", "address", "seen_at")
    query = (
        sa.select(*(table.c[name] for name in columns))
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(table.c.platform, table.c.id)
    )
    return await _rows(tx, query)


async def _memberships(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table, of = tables.membership, tables.workspace
    query = (
        sa.select(of.c.name.label("workspace"), table.c.joined_at, table.c.left_at)
        .join(of, of.c.id == table.c.workspace_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(of.c.name, table.c.joined_at)
    )
    return await _rows(tx, query)


async def _roles(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table, of = tables.role, tables.workspace
    query = (
        sa.select(of.c.name.label("workspace"), table.c.role, table.c.granted_at)
        .join(of, of.c.id == table.c.workspace_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(of.c.name, table.c.role)
    )
    return await _rows(tx, query)


def _delivered(organization: Id, selves: Sequence[Id], *, confidential: bool) -> sa.Select[Any]:
    table, shard, round_ = tables.delivery, tables.shard, tables.round_table
    return (
        sa.select(
            round_.c.id.label("round"),
            round_.c.practice,
            table.c.purpose,
            table.c.platform,
            table.c.state,
            table.c.reason,
            table.c.ref,
            shard.c.due.label("planned_for"),
        )
        .join(shard, shard.c.id == table.c.shard_id)
        .join(round_, round_.c.id == table.c.round_id)
        .where(
            table.c.organization_id == organization,
            table.c.target == "person",
            table.c.recipient.in_(selves),
            round_.c.confidential.is_(confidential),
        )
        .order_by(shard.c.due, round_.c.id, table.c.purpose)
    )


async def _messages(tx: Tx, organization: Id, selves: Sequence[Id], *, confidential: bool) -> Rows:
    return await _rows(tx, _delivered(organization, selves, confidential=confidential))


async def _surveys(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Say what was asked; who answered is known of closed rounds only, and what was answered never."""
    sent = await _messages(tx, organization, selves, confidential=True)
    round_, ledger = tables.round_table, tables.respondent
    asked = sorted({row["round"] for row in sent})
    counted: dict[Id, Json] = {}
    still_open: set[Id] = set()
    for some in people.chunks(asked):
        mine = (ledger.c.organization_id == organization, ledger.c.person_id.in_(selves), ledger.c.round_id.in_(some))
        for row in await tx.execute(sa.select(ledger.c.round_id, ledger.c.atom).where(*mine)):
            counted[row.round_id] = row.atom or {}
        query = sa.select(round_.c.id).where(round_.c.id.in_(some), round_.c.state.in_(OPEN))
        still_open.update((await tx.execute(query)).scalars())
    return [
        {
            **row,
            "answered": UNKNOWN_WHILE_OPEN if row["round"] in still_open else row["round"] in counted,
            "counted_by": counted.get(row["round"], {}),
        }
        for row in sent
    ]


async def _responses(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table, round_ = tables.response, tables.round_table
    columns = [column for column in table.c if column.name not in ("organization_id", "person_id")]
    query = (
        sa.select(round_.c.practice, *columns)
        .join(round_, round_.c.id == table.c.round_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(table.c.given_at, table.c.round_id)
    )
    return await _rows(tx, query)


async def _participation(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table, place = tables.participation, tables.place
    query = (
        sa.select(
            table.c.kind,
            table.c.platform,
            place.c.ref.label("place"),
            table.c.round_id.label("round"),
            table.c.started_at,
            table.c.ended_at,
        )
        .outerjoin(place, place.c.id == table.c.place_id)
        .where(table.c.organization_id == organization, table.c.person_id.in_(selves))
        .order_by(table.c.started_at, table.c.id)
    )
    return await _rows(tx, query)


async def _interactions(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Sum up the person's own ties per kind and week, without the people at their other ends."""
    table, mine = tables.interaction, ties.names(runtime.vault, organization, selves)
    totals: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: {"given": 0.0, "received": 0.0})
    for side, column in (("given", table.c.source_id), ("received", table.c.target_id)):
        query = (
            sa.select(table.c.kind, table.c.week, sa.func.sum(table.c.weight))
            .where(table.c.organization_id == organization, column.in_(mine))
            .group_by(table.c.kind, table.c.week)
        )
        for kind, week, weight in await tx.execute(query):
            totals[kind, week][side] += weight
    return [{"kind": kind, "week": week, **sums} for (kind, week), sums in sorted(totals.items())]


async def _account_changes(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table, identity = tables.identity_change, tables.identity
    query = (
        sa.select(identity.c.platform, identity.c.user, table.c.method, table.c.at, table.c.undone_at)
        .join(identity, identity.c.id == table.c.identity_id)
        .where(
            table.c.organization_id == organization,
            sa.or_(table.c.from_person.in_(selves), table.c.to_person.in_(selves)),
        )
        .order_by(table.c.at, table.c.id)
    )
    return await _rows(tx, query)


async def _hosted(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    table = tables.session
    mine = (table.c.organization_id == organization, table.c.host_id.in_(selves))
    return await _rows(
        tx, sa.select(table.c.round_id.label("round"), table.c.state).where(*mine).order_by(table.c.id)
    )


async def _seated(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Return where the person's accounts sit in live rounds that have not closed."""
    table, account = tables.seat, tables.identity
    query = (
        sa.select(table.c.round_id.label("round"), table.c.arrived_at, table.c.left_at)
        .join(account, account.c.id == table.c.identity_id)
        .where(table.c.organization_id == organization, account.c.person_id.in_(selves))
        .order_by(table.c.arrived_at, table.c.ref)
    )
    return await _rows(tx, query)


async def _audit(tx: Tx, organization: Id, selves: Sequence[Id]) -> Rows:
    """Return what the person or their tokens did and what was done to them; by whom, only where that was they."""
    table, token = tables.audit, tables.api_token
    own = sa.select(token.c.id).where(token.c.organization_id == organization, token.c.person_id.in_(selves))
    acted = [*selves, *map(tokens.actor_of, (await tx.execute(own)).scalars())]
    query = (
        sa.select(table.c.at, table.c.actor, table.c.verb, table.c.subject, table.c.detail)
        .where(table.c.organization_id == organization, sa.or_(table.c.actor.in_(acted), table.c.subject.in_(selves)))
        .order_by(table.c.sequence)
    )
    rows = await _rows(tx, query)
    strangers = {row[side] for row in rows for side in ("actor", "subject")} - set(selves)
    others = set(await people.persons(tx, organization, strangers))
    return [
        {
            **row,
            "actor": "you" if row["actor"] in acted else "another person" if row["actor"] in others else row["actor"],
            "subject": "another person" if row["subject"] in others else row["subject"],
        }
        for row in rows
    ]
