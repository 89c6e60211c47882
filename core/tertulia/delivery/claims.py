"""Claim deliveries: check once more that each person may be written to, and commit `sending` before the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.delivery.planning import write_shards
from tertulia.domain.attention import after_quiet_hours, snoozed
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Person, Place, Recipient
from tertulia.domain.programs import Practice
from tertulia.kinds import Exhibited, Scheduled
from tertulia.runtime import Runtime
from tertulia.services import celebrating, gathering, links, shares
from tertulia.services.rounds import RoundRow
from tertulia.storage import people, rituals
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, identity, membership, opt_out, person, place, round_table, shard

RESULTS = "results"
"""What is given back of a survey is sent after its round has closed."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Hold one delivery whose call may begin: to a person (with a link, where the port needs one) or to a place."""

    seq: int
    attempts: int
    platform: str
    installation: Id
    recipient: Id
    person: Person | None = None
    address: Json | None = None
    link: str | None = None
    place: Place | None = None
    share: Json | None = None
    group: tuple[Recipient, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShardOf:
    """Hold the shard that a worker delivers; *language* is the workspace's, for its places."""

    id: Id
    origin: datetime
    purpose: str
    round: RoundRow
    practice: Practice
    language: str


async def claim(runtime: Runtime, tx: Tx, job: ShardOf, count: int, real_now: float) -> list[Claim]:
    """Take at most *count* planned deliveries; those who may not be written to now are skipped or postponed."""
    wanted = {
        "of_shard": job.id,
        "of_practice": job.round.practice,
        "of_workspace": job.round.workspace,
        "by": real_now,
        "most": count,
    }
    records = (await tx.execute(_PLANNED, wanted)).all()
    now = runtime.clock.now()
    claims: list[Claim] = []
    postponed: list[tuple[int, datetime]] = []
    for record in records:
        found = _claim(record)
        if record.target == "group":
            gathered, why = await gathering.now(runtime, tx, job.round, found.recipient, found.platform)
            if why:
                await _skip(tx, job, record.seq, why)
            else:
                together = await rituals.seen_together(tx, job.round.organization, job.round.id, found.recipient)
                claims.append(replace(found, group=gathered, share=together))
            continue
        if found.place is not None and celebrating.ANNOUNCES in job.round.content:
            found = replace(found, share=await celebrating.announced(tx, job.round))
            if found.share is None:
                await _skip(tx, job, record.seq, "taken back")
                continue
        reason, due = _obstacle(job, record, found, now)
        if reason:
            await _skip(tx, job, record.seq, reason)
        elif due:
            postponed.append((record.seq, due))
        else:
            claims.append(found)
    await _postpone(runtime, tx, job, postponed)
    if claims:
        seqs = [found.seq for found in claims]
        taken = set((await tx.execute(_SENDING, {"of_shard": job.id, "seqs": seqs})).scalars())
        # a close in between may have skipped some of them
        claims = [found for found in claims if found.seq in taken]
    return await _with_shares(runtime, tx, job, await _with_links(runtime, tx, job, claims))


async def _with_shares(runtime: Runtime, tx: Tx, job: ShardOf, claims: list[Claim]) -> list[Claim]:
    persons = [found.recipient for found in claims if found.person is not None]
    dealt = await shares.dealt(runtime, tx, job.round, persons)
    return [replace(found, share=found.share or dealt.get(found.recipient)) for found in claims]


def _planned() -> sa.Select[Any]:
    refused = sa.exists().where(
        opt_out.c.person_id == delivery.c.recipient,
        sa.or_(opt_out.c.practice == "*", opt_out.c.practice == sa.bindparam("of_practice")),
    )
    present = sa.exists().where(
        membership.c.workspace_id == sa.bindparam("of_workspace"),
        membership.c.person_id == delivery.c.recipient,
        membership.c.left_at.is_(None),
    )
    joined = (
        delivery.outerjoin(person, sa.and_(delivery.c.target == "person", person.c.id == delivery.c.recipient))
        .outerjoin(identity, identity.c.id == delivery.c.identity_id)
        .outerjoin(place, sa.and_(delivery.c.target == "place", place.c.id == delivery.c.recipient))
    )
    columns = [column for column in person.c if column.name not in ("id", "merged_into", "created_at")]
    return (
        sa.select(
            delivery.c.seq,
            delivery.c.attempts,
            delivery.c.platform,
            delivery.c.installation_id,
            delivery.c.recipient,
            delivery.c.target,
            delivery.c.identity_id,
            identity.c.address,
            identity.c.reachable,
            place.c.ref.label("place_ref"),
            place.c.kind.label("place_kind"),
            refused.label("refused"),
            present.label("present"),
            person.c.id,
            *columns,
        )
        .select_from(joined)
        .where(
            delivery.c.shard_id == sa.bindparam("of_shard"),
            # a literal, because SQLite uses a partial index for literals only
            delivery.c.state == sa.literal_column("'planned'"),
            delivery.c.next_at <= sa.bindparam("by"),
        )
        .order_by(delivery.c.seq)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


_PLANNED = _planned()
_SENDING = (
    delivery.update()
    .where(
        delivery.c.shard_id == sa.bindparam("of_shard"),
        delivery.c.seq.in_(sa.bindparam("seqs", expanding=True)),
        delivery.c.state == "planned",
    )
    .values(state="sending")
    .returning(delivery.c.seq)
)


def _claim(record: Any) -> Claim:
    fields = {
        "seq": record.seq,
        "attempts": record.attempts,
        "platform": record.platform,
        "installation": record.installation_id,
        "recipient": record.recipient,
    }
    if record.target == "place":
        return Claim(**fields, place=Place(platform=record.platform, ref=record.place_ref, kind=record.place_kind))
    if record.id is None:
        return Claim(**fields)
    who = people.as_person(record)
    address = {"email": who.email} if record.identity_id is None else record.address
    return Claim(**fields, person=who, address=address)


def _obstacle(job: ShardOf, record: Any, found: Claim, now: datetime) -> tuple[str | None, datetime | None]:
    """Return why not at all, or until when not yet."""
    who, closes = found.person, job.round.closes_at
    if found.place is not None:
        return None, None
    if job.purpose == RESULTS:
        closes = None
    elif job.round.state != "open" or (closes is not None and now >= closes):
        return "the round closed first", None
    if who is None or who.erased:
        return "erased", None
    leaving = job.practice.moment is not None and job.practice.moment.event == "left"
    if not record.present and not leaving:
        return "left the workspace", None
    if record.refused:
        return "opted out", None
    if snoozed(who, now):
        return "snoozed", None
    if found.address is None or record.reachable is False:
        return "not reachable on this platform", None
    due = after_quiet_hours(who, now)
    if due == now:
        return None, None
    return ("quiet hours until the close", None) if closes is not None and due >= closes else (None, due)


async def _skip(tx: Tx, job: ShardOf, seq: int, reason: str) -> None:
    where = (delivery.c.shard_id == job.id, delivery.c.seq == seq, delivery.c.state == "planned")
    await tx.execute(delivery.update().where(*where).values(state="skipped", reason=reason))


async def _postpone(runtime: Runtime, tx: Tx, job: ShardOf, postponed: Sequence[tuple[int, datetime]]) -> None:
    """Move deliveries that ran into quiet hours to a shard due at their end."""
    for due in sorted({due for _, due in postponed}):
        seqs = [seq for seq, when in postponed if when == due]
        where = (delivery.c.shard_id == job.id, delivery.c.seq.in_(seqs))
        rows = [dict(row._mapping) for row in await tx.execute(sa.select(delivery).where(*where))]
        await tx.execute(delivery.delete().where(*where))
        await write_shards(runtime, tx, job.round, job.purpose, origin=job.origin, due=due, rows=rows)
        await tx.execute(
            round_table.update()
            .where(
                round_table.c.id == job.round.id,
                sa.or_(round_table.c.state == "open", sa.literal(job.purpose == RESULTS)),
                sa.or_(round_table.c.next_at.is_(None), round_table.c.next_at > due),
            )
            .values(next_action="deliver", next_at=due, step=round_table.c.step + 1)
        )


async def _with_links(runtime: Runtime, tx: Tx, job: ShardOf, claims: list[Claim]) -> list[Claim]:
    kind = runtime.plugins.rituals().get(job.round.kind)
    always = isinstance(kind, Scheduled | Exhibited)
    needing = [found for found in claims if found.person is not None and (always or _needs_link(runtime, found))]
    if not needing or job.round.closes_at is None or job.purpose == RESULTS:
        return claims
    persons = [found.recipient for found in needing]
    made = await links.make_many(
        runtime, tx, job.round.organization, job.round.id, persons, job.round.closes_at + links.GRACE
    )
    return [replace(found, link=made.get(found.recipient)) for found in claims]


def _needs_link(runtime: Runtime, found: Claim) -> bool:
    live = runtime.installations.get(found.installation)
    port = live.platforms[found.platform].survey if live and found.platform in live.platforms else None
    return port is not None and port.confidential == "link"


async def settle_left_behind(tx: Tx, job: ShardOf, *, repeat: bool) -> None:
    """Decide on calls that a stopped worker left under way: ambiguous for good, or planned again."""
    where = (delivery.c.shard_id == job.id, delivery.c.state == "sending")
    values = (
        {"state": "planned", "reason": "repeated: the worker stopped while sending"}
        if repeat
        else {"state": "ambiguous", "reason": "the worker stopped while sending"}
    )
    await tx.execute(delivery.update().where(*where).values(**values))


async def finish_shard(tx: Tx, job: ShardOf) -> None:
    """Mark the shard as worked off."""
    await tx.execute(shard.update().where(shard.c.id == job.id).values(state="done", lease_until=0.0))
