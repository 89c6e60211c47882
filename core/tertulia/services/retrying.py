"""Try deliveries again that certainly did not arrive, when those who run the program ask for it.

What is of unknown outcome is never sent again (see docs/decisions/0005-repeat-and-never.md). Whoever is written to is
looked at once more when the message is sent: opt-outs, snoozes, quiet hours and the close of the round hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TypeAlias

import sqlalchemy as sa

from tertulia.delivery import planning
from tertulia.delivery.claims import RESULTS
from tertulia.domain.identifiers import Id
from tertulia.domain.planning import WEB, Channel, choose_channel
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import closing, deliveries, invitations, returning, rounds, shares, telling
from tertulia.services.delivery_reasons import REPLACED
from tertulia.services.rounds import RoundRow
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import delivery, round_table, shard

WHILE_OPEN = frozenset({"invite", "post", "gather", "remind"})
AFTERWARDS = frozenset({"summary", RESULTS})
GOES_OUT = ("sent", "sending", "planned", "ambiguous")
AFTER_ALL = 1_000_000
FRESH = {"state": "planned", "attempts": 0, "next_at": 0.0, "ref": None, "reason": None}
_Row: TypeAlias = Mapping[str, Any]


def purposes(runtime: Runtime, round_: RoundRow) -> frozenset[str]:
    """Return what can be tried again of a round as it is now."""
    if round_.state == "open" and (round_.closes_at is None or runtime.clock.now() < round_.closes_at):
        return WHILE_OPEN
    return AFTERWARDS if round_.state in returning.ENDED else frozenset()


async def retry(runtime: Runtime, tx: Tx, *, organization: Id, round_id: Id, actor: Id) -> bool | None:
    """Plan what failed of a round anew, by another way where a person has one now; return whether anything was.

    Whoever has no way at all stays as it is, and so does a reminder of somebody who answered meanwhile. Done twice at
    once, the second finds nothing. Of a guarded round the return value is `None` and so the log's entry the same,
    whatever was found: pressed again and again, it would tell what became of single people.
    """
    round_ = await rounds.find(tx, round_id, organization, lock=True)
    allowed = purposes(runtime, round_) if round_ is not None else frozenset()
    if round_ is None or not allowed:
        raise Mistake("This round takes no answers any more, so nobody is asked again by it.")
    failed = [row for row in await _failed(tx, round_) if row["purpose"].partition(":")[0] in allowed]
    again = [*await _persons(runtime, tx, round_, failed), *_others(runtime, round_, failed)]
    guarded = await deliveries.guarded(tx, round_)
    if again:
        await _replan(runtime, tx, round_, again)
    elif not guarded:
        return False
    found = {"what": sorted({row["purpose"] for _, row in again}), "at_least": telling.steps(len(again))}
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=runtime.clock.now(),
        actor=actor,
        verb="round.retry",
        subject=round_.id,
        detail={"workspace": round_.workspace, **({} if guarded else found)},
    )
    return None if guarded else True


async def _failed(tx: Tx, round_: RoundRow) -> list[_Row]:
    query = (
        sa.select(delivery, shard.c.origin)
        .join(shard, shard.c.id == delivery.c.shard_id)
        .where(
            delivery.c.organization_id == round_.organization,
            delivery.c.round_id == round_.id,
            delivery.c.state == "failed",
        )
        .order_by(delivery.c.shard_id, delivery.c.seq)
    )
    return [dict(row._mapping) for row in await tx.execute(query)]


async def _persons(runtime: Runtime, tx: Tx, round_: RoundRow, failed: Sequence[_Row]) -> list[tuple[datetime, _Row]]:
    """Return the deliveries to persons who may still be asked, each with the best way there is now, and when."""
    rows = await _newest(tx, round_, [row for row in failed if row["target"] == "person"])
    if not rows:
        return []
    recipients = [row["recipient"] for row in rows]
    is_open = round_.state == "open"
    answered = await closing.who_answered(runtime, tx, round_, recipients) if is_open else frozenset()
    ways = await _ways(runtime, tx, round_, recipients)
    found: list[tuple[datetime, _Row]] = []
    for row in rows:
        way = ways.get(row["recipient"])
        if way is not None and row["recipient"] not in answered:
            due, channel = way
            carried = {"platform": channel.platform, "installation_id": channel.installation}
            found.append((due, {**row, **carried, "identity_id": channel.identity}))
    return found


async def _newest(tx: Tx, round_: RoundRow, failed: Sequence[_Row]) -> list[_Row]:
    """Return one delivery for each person: the invitation, else the last reminder, unless a later message went out.

    Several that failed one after another would otherwise arrive at once.
    """
    later: dict[Id, int] = defaultdict(lambda: -1)
    for some in people.chunks(sorted({row["recipient"] for row in failed})):
        of = delivery.c.recipient.in_(some)
        query = sa.select(delivery.c.recipient, delivery.c.purpose).where(
            delivery.c.round_id == round_.id, delivery.c.state.in_(GOES_OUT), of
        )
        for recipient, purpose in await tx.execute(query):
            later[recipient] = max(later[recipient], _place(purpose))
    found = []
    for recipient, rows in groupby(sorted(failed, key=lambda row: row["recipient"]), lambda row: row["recipient"]):
        wanted = [row for row in rows if _place(row["purpose"]) > later[recipient]]
        if wanted:
            found.append(min(wanted, key=_first))
    return found


def _place(purpose: str) -> int:
    """Return which of a round's messages to a person it is, in the order of time."""
    name, _, number = purpose.partition(":")
    return int(number) if name == "remind" else 0 if name == "invite" else AFTER_ALL


def _first(row: _Row) -> int:
    return -(_place(row["purpose"]) or AFTER_ALL)


async def _ways(
    runtime: Runtime, tx: Tx, round_: RoundRow, recipients: Sequence[Id]
) -> dict[Id, tuple[datetime, Channel]]:
    """Return when and by which way those of *recipients* can be asked whom the round still addresses."""
    practice, now = await rounds.practice_of(tx, round_), runtime.clock.now()
    if round_.state == "open" and practice.moment is None:
        plan = await invitations.plan(runtime, tx, round_, practice, None)
        ways = {one.person.id: (one.due, one.channel) for one in plan.appointments if one.channel is not None}
    else:
        # whose moment came is asked once, so a plan has them no more; and results are for all who were asked
        persons = await people.persons(tx, round_.organization, recipients)
        channels = await planning.channels_of(
            runtime, tx, round_, [one for one in persons.values() if not one.erased]
        )
        left = practice.moment is not None and practice.moment.event == "left"
        usable = {one: [way for way in ways if not left or way.platform == WEB] for one, ways in channels.items()}
        ways = {one: (now, way) for one in usable if (way := choose_channel(persons[one], usable[one])) is not None}
    kind = runtime.plugins.rituals().get(round_.kind)
    if kind is not None and shares.keeps(kind, round_):
        # whose share is gone has nothing to be asked any more
        dealt = await shares.dealt(runtime, tx, round_, recipients)
        ways = {one: way for one, way in ways.items() if one in dealt}
    return ways


def _others(runtime: Runtime, round_: RoundRow, failed: Sequence[_Row]) -> list[tuple[datetime, _Row]]:
    """Return the deliveries to places and groups whose platform is carried now."""
    now = runtime.clock.now()
    found: list[tuple[datetime, _Row]] = []
    for row in failed:
        if row["target"] != "person" and (carrier := runtime.installations.find(round_.workspace, row["platform"])):
            found.append((now, {**row, "installation_id": carrier[0].id}))
    return found


async def _replan(runtime: Runtime, tx: Tx, round_: RoundRow, again: Sequence[tuple[datetime, _Row]]) -> None:
    """Move the rows to shards of their own: the one they came from may be closed by its sender at any moment."""
    await _replace(tx, round_, [row["recipient"] for _, row in again if row["target"] == "person"])
    moved: dict[tuple[str, datetime, datetime], list[_Row]] = defaultdict(list)
    taken: dict[Id, list[int]] = defaultdict(list)
    for due, row in again:
        taken[row["shard_id"]].append(row["seq"])
        kept = {name: value for name, value in row.items() if name != "origin"}
        moved[row["purpose"], row["origin"], due].append({**kept, **FRESH})
    for shard_id, seqs in taken.items():
        for part in people.chunks(seqs):
            await tx.execute(delivery.delete().where(delivery.c.shard_id == shard_id, delivery.c.seq.in_(part)))
    for (purpose, origin, due), some in sorted(moved.items()):
        await planning.write_shards(runtime, tx, round_, purpose, origin=origin, due=due, rows=some)
    first = min(due for due, _ in again)
    # what the round waits for sooner comes first, and looks for shards that are due by itself
    later = sa.or_(round_table.c.next_at.is_(None), round_table.c.next_at > first)
    await tx.execute(
        round_table.update()
        .where(round_table.c.id == round_.id, later)
        .values(next_action="deliver", next_at=first, step=round_table.c.step + 1)
    )


async def _replace(tx: Tx, round_: RoundRow, recipients: Sequence[Id]) -> None:
    """Mark the reminders that failed, too, of those who are sent another message now: they are not for later."""
    for some in people.chunks(recipients):
        await tx.execute(
            delivery.update()
            .where(
                delivery.c.round_id == round_.id,
                delivery.c.state == "failed",
                delivery.c.purpose.like("remind:%"),
                delivery.c.recipient.in_(some),
            )
            .values(state="skipped", reason=REPLACED)
        )
