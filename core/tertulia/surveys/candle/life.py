"""The member's side of a candle: light it, see what became of it, seal it anew, take it back.

A row does not say whose it is: `owner` is a keyed hash that only the service's root computes, and the name lies in
boxes that only the responder's and the deputy's key phrases open. No time finer than a day is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import people, tables
from tertulia.storage.database import Tx, upsert
from tertulia.surveys.candle import alerts, references, responders, sealing
from tertulia.surveys.candle.alerts import ALERTED, HANDED_OVER, TO_ALERT
from tertulia.surveys.candle.days import day, quarter
from tertulia.surveys.candle.responders import Responder
from tertulia.surveys.candle.wishes import Wishes, as_json

MOST = 3
"""Candles of one member that may wait at the same time."""
LIVELY = ("waiting", "opened", "acknowledged")
ENDED = ("closed", "withdrawn")
NOBODY = (
    "Nobody can receive a candle from you at the moment. Please use one of the numbers, or ask somebody you trust."
)
NOT_YOURS = "There is no such candle of yours, or it has ended."


@dataclass(frozen=True, kw_only=True)
class Step:
    """Hold one entry of a candle's log: what happened, on which day, and by whom where that is a person."""

    verb: str
    on: date
    by: str | None


@dataclass(frozen=True, kw_only=True)
class Candle:
    """Hold what its member may see of a candle; *lost* says that its responder can no longer open it."""

    id: Id
    workspace: Id
    reference: str
    state: str
    lit_on: date
    responder: str
    deputy: str | None
    handed_over: bool
    lost: bool
    log: Sequence[Step] = ()


async def light(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    person: Id,
    *,
    responder: Id,
    pass_on: bool,
    chosen: Wishes,
    key: str,
) -> str:
    """Send *person*'s name to a responder from the commit of *tx* on, and return the candle's reference.

    *pass_on* lets a deputy take over after a working day. A repeated *key* changes nothing and is answered as before.
    """
    candle = derived(runtime, organization, person, key)
    known = await _row(tx, organization, candle)
    if known is not None:
        return str(known.reference)
    allowed = await responders.choice(tx, organization, workspace, person)
    first = allowed.named(responder)
    if first is None:
        raise Mistake(
            NOBODY if not allowed.responders else "This person cannot receive your candle; choose another one."
        )
    await _admit(runtime, tx, organization, person)
    deputy = allowed.deputy_of(first.person) if pass_on else None
    now = runtime.clock.now()
    row = {
        "organization_id": organization,
        "id": candle,
        "workspace_id": workspace,
        "reference": await references.free(runtime.entropy, tx, organization),
        "owner": _owner(runtime, organization, person),
        **await _boxes(tx, organization, candle, person, first, deputy, chosen),
        "state": "waiting",
        "step": TO_ALERT,
        "next_at": None,
        "lit_on": day(now),
        "changed_on": day(now),
    }
    if not await upsert(tx, tables.candle, [row], keys=("id",)):
        again = await _row(tx, organization, candle)  # the same request came twice at once
        return str(again.reference) if again is not None else str(row["reference"])
    await _count(tx, organization, now)
    await alerts.note(runtime, tx, row, "candle.light", actor="member")
    await alerts.advance(runtime, tx, row)
    return str(row["reference"])


async def reseal(
    runtime: Runtime, tx: Tx, organization: Id, person: Id, candle: Id, *, pass_on: bool, chosen: Wishes
) -> str:
    """Seal a candle whose responder lost the key to the present keys, and alert under the same reference."""
    row = await _mine(runtime, tx, organization, person, candle)
    if row.state != "waiting" or not await _lost(tx, row):
        raise Mistake("This candle can be read by its responder; there is nothing to send again.")
    allowed = await responders.choice(tx, organization, row.workspace_id, person)
    first = allowed.named(await people.current(tx, organization, row.responder_id))
    if first is None:
        raise Mistake("This person receives no candles any more. Take this one back, and choose somebody else.")
    deputy = allowed.deputy_of(first.person) if pass_on else None
    today = day(runtime.clock.now())
    boxes = await _boxes(tx, organization, candle, person, first, deputy, chosen)
    changes = {**boxes, "step": TO_ALERT, "next_at": None, "lit_on": today, "changed_on": today}
    await _change(tx, row, **changes)
    renewed = {**row._mapping, **changes}
    await alerts.note(runtime, tx, renewed, "candle.reseal", actor="member")
    await alerts.advance(runtime, tx, renewed)
    return str(row.reference)


async def withdraw(runtime: Runtime, tx: Tx, organization: Id, person: Id, candle: Id) -> None:
    """Take a candle back: what was sealed is deleted, nobody is alerted any more, and no backup brings it back."""
    row = await _mine(runtime, tx, organization, person, candle)
    if row.state in ENDED:
        return
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    now = runtime.clock.now()
    emptied = {"responder_box": None, "deputy_box": None, "next_at": None}
    await _change(tx, row, state="withdrawn", changed_on=day(now), **emptied)
    stone = {"organization_id": organization, "person_id": _stone(candle), "erased_at": day(now)}
    await upsert(tx, tables.tombstone, [stone], keys=("person_id",))
    await alerts.note(runtime, tx, dict(row._mapping), "candle.withdraw", actor="member")


async def mine(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[Candle]:
    """Return a member's candles with everything that was done with them, those that wait first."""
    table = tables.candle
    owners = await _owners(runtime, tx, organization, person)
    query = sa.select(table).where(table.c.organization_id == organization, table.c.owner.in_(owners))
    found = (await tx.execute(query)).all()
    rows = sorted(found, key=lambda row: (row.state in ENDED, -row.lit_on.timestamp(), row.reference))
    return [await _shown(tx, row) for row in rows]


async def forget(runtime: Runtime, tx: Tx, organization: Id, selves: Sequence[Id]) -> None:
    """Delete everything about erased persons: their candles, keys and reporting lines; a deputy takes over theirs."""
    table, key, line = tables.candle, tables.candle_key, tables.reporting_line
    owners = [_owner(runtime, organization, one) for one in selves]
    of = table.c.organization_id == organization
    await tx.execute(table.delete().where(of, table.c.owner.in_(owners)))
    waits = (of, table.c.responder_id.in_(selves), table.c.state == "waiting")
    await _hurry(runtime, tx, *waits)
    for column, box in ((table.c.responder_id, "responder_box"), (table.c.deputy_id, "deputy_box")):
        theirs = table.update().where(of, column.in_(selves))
        await tx.execute(theirs.values({column.name: runtime.new_id(), box: None}))
    await tx.execute(key.delete().where(key.c.organization_id == organization, key.c.person_id.in_(selves)))
    either = sa.or_(line.c.person_id.in_(selves), line.c.manager_id.in_(selves))
    await tx.execute(line.delete().where(line.c.organization_id == organization, either))


async def forget_withdrawn(tx: Tx) -> None:
    """Delete what a restored backup brought back although it was taken back since."""
    table, stone = tables.candle, tables.tombstone
    kept = (await tx.execute(sa.select(table.c.id).where(table.c.state != "withdrawn"))).scalars().all()
    for some in people.chunks(kept):
        stones = {_stone(candle): candle for candle in some}
        query = sa.select(stone.c.person_id).where(stone.c.person_id.in_(stones))
        gone = [stones[found] for found in (await tx.execute(query)).scalars()]
        await tx.execute(table.delete().where(table.c.id.in_(gone)))


async def renew_key(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> str:
    """Make a responder's next key; what waits under a lost one goes to the deputies at once. Returns the phrase."""
    table = tables.candle
    selves = await people.selves(tx, organization, person)
    phrase = await responders.make_key(runtime, tx, organization, person)
    waits = (table.c.organization_id == organization, table.c.responder_id.in_(selves), table.c.state == "waiting")
    await _hurry(runtime, tx, *waits)
    return phrase


async def _hurry(runtime: Runtime, tx: Tx, *where: sa.ColumnElement[bool]) -> None:
    table = tables.candle
    due = {"step": ALERTED, "next_at": day(runtime.clock.now())}
    await tx.execute(table.update().where(*where, table.c.step < HANDED_OVER).values(**due))


async def _boxes(
    tx: Tx,
    organization: Id,
    candle: Id,
    person: Id,
    first: Responder,
    deputy: Responder | None,
    chosen: Wishes,
) -> dict[str, Any]:
    member = await people.person(tx, organization, person)
    if member is None or member.erased:
        raise Mistake("You are not known here any more; sign in again.")
    content = {"name": member.name, "email": member.email or "", "team": member.team or "", **as_json(chosen)}
    return {
        "responder_id": first.person,
        "responder_key": first.key.id,
        "responder_box": sealing.seal(content, first.key, organization, candle),
        "deputy_id": deputy.person if deputy else None,
        "deputy_key": deputy.key.id if deputy else None,
        "deputy_box": sealing.seal(content, deputy.key, organization, candle) if deputy else None,
    }


async def _admit(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> None:
    table = tables.candle
    owners = await _owners(runtime, tx, organization, person)
    query = sa.select(sa.func.count()).where(
        table.c.organization_id == organization, table.c.owner.in_(owners), table.c.state == "waiting"
    )
    if (await tx.execute(query)).scalar_one() >= MOST:
        raise Mistake(f"{MOST} candles of yours are waiting already; take one back before you light another.")


async def _count(tx: Tx, organization: Id, now: datetime) -> None:
    table = tables.candle_quarter
    place = f"{organization}:{quarter(now)}"
    await upsert(tx, table, [{"organization_id": organization, "id": place, "lit": 0}], keys=("id",))
    await tx.execute(table.update().where(table.c.id == place).values(lit=table.c.lit + 1))


async def _mine(runtime: Runtime, tx: Tx, organization: Id, person: Id, candle: Id) -> sa.Row[Any]:
    row = await _row(tx, organization, candle)
    if row is None or row.owner not in await _owners(runtime, tx, organization, person):
        raise Mistake(NOT_YOURS)
    return row


async def _row(tx: Tx, organization: Id, candle: Id) -> sa.Row[Any] | None:
    query = sa.select(tables.candle).filter_by(organization_id=organization, id=candle).with_for_update()
    return (await tx.execute(query)).one_or_none()


async def _change(tx: Tx, row: sa.Row[Any], **values: Any) -> None:
    table = tables.candle
    mine = (table.c.organization_id == row.organization_id, table.c.id == row.id)
    await tx.execute(table.update().where(*mine).values(**values))


async def _shown(tx: Tx, row: sa.Row[Any]) -> Candle:
    named = {row.responder_id, row.deputy_id} - {None}
    log = await _log(tx, row)
    known = await people.persons(tx, row.organization_id, named | {entry.actor for entry in log})
    steps = [Step(verb=entry.verb, on=entry.at.date(), by=_name(known.get(entry.actor))) for entry in log]
    return Candle(
        id=row.id,
        workspace=row.workspace_id,
        reference=row.reference,
        state=row.state,
        lit_on=row.lit_on.date(),
        responder=_name(known.get(row.responder_id)) or "somebody who has left",
        deputy=_name(known.get(row.deputy_id)),
        handed_over=row.step >= HANDED_OVER and row.deputy_id is not None,
        lost=row.state == "waiting" and await _lost(tx, row),
        log=steps,
    )


def _name(person: Person | None) -> str | None:
    return person.name if person is not None and not person.erased else None


async def _log(tx: Tx, row: sa.Row[Any]) -> Sequence[Any]:
    table = tables.audit
    query = (
        sa.select(table.c.verb, table.c.at, table.c.actor)
        .where(table.c.organization_id == row.organization_id, table.c.subject == row.id)
        .order_by(table.c.sequence)
    )
    return (await tx.execute(query)).all()


async def _lost(tx: Tx, row: sa.Row[Any]) -> bool:
    """Tell whether the responder has made a newer key than the one that a candle is sealed to, or has none."""
    responder = await people.current(tx, row.organization_id, row.responder_id)
    present = (await responders.keys_of(tx, row.organization_id, [responder])).get(responder)
    return present is None or present.id != row.responder_key


def _stone(candle: Id) -> Id:
    """Return what stands for a candle among the tombstones, where no person can have it."""
    return hashlib.sha256(f"candle:{candle}".encode()).hexdigest()[:32]


async def _owners(runtime: Runtime, tx: Tx, organization: Id, person: Id) -> list[str]:
    return [_owner(runtime, organization, one) for one in await people.selves(tx, organization, person)]


def _owner(runtime: Runtime, organization: Id, person: Id) -> str:
    return runtime.vault.keyed_hash(f"{organization}:{person}", "candle")


def derived(runtime: Runtime, organization: Id, person: Id, key: str) -> Id:
    """Return the id of the candle that a request with *key* lights."""
    return runtime.vault.keyed_hash(f"{organization}:{person}:{key}", "candle id")[:32]
