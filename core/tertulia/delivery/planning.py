"""Write the recipient list: appointments become deliveries in shards, with the weekly budget taken."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from tertulia.domain.attention import iso_week
from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.domain.planning import WEB, Appointment, Channel
from tertulia.domain.programs import Practice
from tertulia.runtime import Runtime
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import budget, delivery, place, shard

SHARD = 1000
"""At most that many deliveries make a shard."""

OVER_BUDGET = "weekly message budget used"
TURN = 500
Item = TypeVar("Item")


async def in_turns(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield *items*, and let others have the loop every `TURN` of them: a round may address a hundred thousand."""
    for number, item in enumerate(items):
        if number % TURN == 0:
            await asyncio.sleep(0)
        yield item


async def channels_of(
    runtime: Runtime, tx: Tx, round_: RoundRow, persons: Sequence[Person]
) -> dict[Id, list[Channel]]:
    """Return the ways to ask each person privately: reachable accounts on enabled platforms, and e-mail."""
    carriers: dict[str, Id] = {}
    for live in runtime.installations.of(round_.workspace):
        for name, platform in live.platforms.items():
            port = platform.survey
            if port is not None and not (round_.confidential and port.confidential == "no"):
                carriers.setdefault(name, live.id)
    identities = await people.identities(tx, round_.organization, [person.id for person in persons])
    found: dict[Id, list[Channel]] = {}
    async for person in in_turns(persons):
        mine = [
            Channel(identity.actor.platform, carriers[identity.actor.platform], identity.id)
            for identity in identities.get(person.id, ())
            if identity.actor.platform in carriers and identity.reachable and identity.address is not None
        ]
        if WEB in carriers and person.email and not any(channel.platform == WEB for channel in mine):
            mine.append(Channel(WEB, carriers[WEB], None))
        found[person.id] = mine
    return found


async def within_budgets(
    tx: Tx, organization: Id, appointments: Collection[Appointment], budgets: int
) -> list[Appointment]:
    """Give a reason to the appointments that the weekly budget would skip; nothing is taken from it yet."""
    used = dict(await _budgets_used(tx, organization, appointments))
    found: list[Appointment] = []
    for appointment in appointments:
        key = (appointment.person.id, iso_week(appointment.person, appointment.due))
        own = appointment.person.message_budget
        if appointment.reason is None and used.get(key, 0) >= (budgets if own is None else own):
            found.append(replace(appointment, channel=None, reason=OVER_BUDGET))
        else:
            found.append(appointment)
    return found


async def write_appointments(
    runtime: Runtime, tx: Tx, round_: RoundRow, purpose: str, appointments: Collection[Appointment], budgets: int
) -> None:
    """Write one delivery per appointment, in shards by due instant; over the weekly budget they are skipped."""
    taken = await _budgets_used(tx, round_.organization, appointments)
    used: dict[tuple[Id, str], int] = dict(taken)
    by_due: dict[tuple[datetime, datetime], list[dict[str, Any]]] = defaultdict(list)
    async for appointment in in_turns(appointments):
        row = _delivery(round_, purpose, appointment)
        key = (appointment.person.id, iso_week(appointment.person, appointment.due))
        if appointment.reason is None:
            allowed = appointment.person.message_budget
            if used.get(key, 0) >= (budgets if allowed is None else allowed):
                row |= {"state": "skipped", "reason": OVER_BUDGET}
            else:
                used[key] = used.get(key, 0) + 1
        by_due[appointment.origin, appointment.due].append(row)
    for (origin, due), rows in sorted(by_due.items()):
        await write_shards(runtime, tx, round_, purpose, origin=origin, due=due, rows=rows)
    await _write_budgets(
        tx, round_.organization, {key: count for key, count in used.items() if taken.get(key) != count}
    )


def _delivery(round_: RoundRow, purpose: str, appointment: Appointment) -> dict[str, Any]:
    channel = appointment.channel
    return {
        "organization_id": round_.organization,
        "round_id": round_.id,
        "purpose": purpose,
        "recipient": appointment.person.id,
        "target": "person",
        "identity_id": channel.identity if channel else None,
        "installation_id": channel.installation if channel else None,
        "platform": channel.platform if channel else None,
        "state": "planned" if appointment.reason is None else "skipped",
        "attempts": 0,
        "next_at": 0.0,
        "reason": appointment.reason,
    }


async def write_shards(
    runtime: Runtime,
    tx: Tx,
    round_: RoundRow,
    purpose: str,
    *,
    origin: datetime,
    due: datetime,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Write *rows* as shards of at most `SHARD`; without rows one empty shard notes that this was planned."""
    for start in range(0, max(len(rows), 1), SHARD):
        part = rows[start : start + SHARD]
        shard_id = runtime.new_id()
        await tx.execute(
            shard.insert().values(
                organization_id=round_.organization,
                id=shard_id,
                round_id=round_.id,
                purpose=purpose,
                origin=origin,
                due=due,
                size=len(part),
                state="planned" if any(row["state"] == "planned" for row in part) else "done",
                epoch=0,
                lease_until=0.0,
            )
        )
        if part:
            numbered = [{**row, "shard_id": shard_id, "seq": seq} for seq, row in enumerate(part)]
            await tx.execute(delivery.insert(), numbered)


async def write_postings(
    runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, purpose: str, due: datetime
) -> None:
    """Write one delivery per place of the practice, through the installation that serves its platform."""
    rows: list[dict[str, Any]] = []
    for place_ in practice.places:
        place_id = await register_place(runtime, tx, round_, place_.platform, place_.ref, place_.kind)
        carrier = runtime.installations.find(round_.workspace, place_.platform)
        usable = carrier is not None and carrier[1].ritual is not None
        rows.append(
            {
                "organization_id": round_.organization,
                "round_id": round_.id,
                "purpose": purpose,
                "recipient": place_id,
                "target": "place",
                "identity_id": None,
                "installation_id": carrier[0].id if carrier else None,
                "platform": place_.platform,
                "state": "planned" if usable else "skipped",
                "attempts": 0,
                "next_at": 0.0,
                "reason": None if usable else "the place's plugin is not enabled",
            }
        )
    if rows:
        await write_shards(runtime, tx, round_, purpose, origin=due, due=due, rows=rows)


async def register_place(runtime: Runtime, tx: Tx, round_: RoundRow, platform: str, ref: str, kind: str) -> Id:
    """Return the id of a place, registered on first use."""
    row = {
        "organization_id": round_.organization,
        "id": runtime.new_id(),
        "workspace_id": round_.workspace,
        "platform": platform,
        "ref": ref,
        "kind": kind,
        "origin": "program",
    }
    await upsert(tx, place, [row], keys=("organization_id", "workspace_id", "platform", "ref"))
    query = sa.select(place.c.id).filter_by(
        organization_id=round_.organization, workspace_id=round_.workspace, platform=platform, ref=ref
    )
    return str((await tx.execute(query)).scalar_one())


async def _budgets_used(tx: Tx, organization: Id, appointments: Collection[Appointment]) -> dict[tuple[Id, str], int]:
    used: dict[tuple[Id, str], int] = {}
    for some in people.chunks({appointment.person.id for appointment in appointments}):
        query = sa.select(budget.c.person_id, budget.c.week, budget.c.used).where(
            budget.c.organization_id == organization, budget.c.person_id.in_(some)
        )
        used.update({(row.person_id, row.week): row.used for row in await tx.execute(query)})
    return used


async def _write_budgets(tx: Tx, organization: Id, used: Mapping[tuple[Id, str], int]) -> None:
    rows = [
        {"organization_id": organization, "person_id": person_id, "week": week, "used": count}
        for (person_id, week), count in used.items()
    ]
    await upsert(tx, budget, rows, keys=("person_id", "week"), update=("used",))
