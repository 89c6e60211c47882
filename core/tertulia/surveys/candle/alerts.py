"""Tell a responder, after a working day the deputy, and after three the owners, that something waits; never what.

Whatever is due is in the candle's own row, so a crash loses no alert. A step and the alerts that it owes are one
transaction; sending them is `repeat`, on the reserve of the outbox, so doubles are at most the calls in flight.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.delivery.pausing import pause
from tertulia.domain.attention import after_quiet_hours
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Markup
from tertulia.domain.people import Person
from tertulia.domain.prompts import Prompt
from tertulia.runtime import Runtime
from tertulia.services import sign_in
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle.days import day, end_of_working_day

log = logging.getLogger(__name__)
TICK = 1.0
AT_ONCE = 100
TO_ALERT, ALERTED, HANDED_OVER, OVERDUE = range(4)
PASSED_ON_AFTER, OVERDUE_AFTER = 1, 3
"""Working days."""
Row = Mapping[str, Any]


async def watch(runtime: Runtime, stop: asyncio.Event) -> None:
    """Take the steps that are due by the rounds' clock until *stop*."""
    while not stop.is_set():
        await advance_due(runtime)
        await pause(stop, TICK)


async def advance_due(runtime: Runtime) -> int:
    """Take every step that is due, each in a transaction of its own; return how many were taken.

    A step that fails is logged and due again at the next look; it holds up no other candle.
    """
    table, taken = tables.candle, 0
    query = sa.select(table.c.id).where(table.c.next_at <= runtime.clock.now()).order_by(table.c.next_at)
    async with runtime.database.read() as tx:
        due = list((await tx.execute(query.limit(AT_ONCE))).scalars())
    for candle in due:
        try:
            async with runtime.database.write() as tx:
                row = (await tx.execute(sa.select(table).filter_by(id=candle).with_for_update())).mappings().first()
                if row is not None and row["next_at"] is not None and row["next_at"] <= runtime.clock.now():
                    await advance(runtime, tx, dict(row))
            taken += 1
        except Exception:
            log.exception("a step of a candle failed; it is tried again", extra={"ids": {"candle": candle}})
    return taken


async def advance(runtime: Runtime, tx: Tx, row: Row) -> None:
    """Take the next step of a candle that waits, and set when the one after it is due."""
    responder = await _present(tx, row, row["responder_id"])
    deputy = await _present(tx, row, row["deputy_id"])
    now, changes = runtime.clock.now(), dict[str, Any]()
    match row["step"]:
        case 0:
            quiet_until = after_quiet_hours(responder, now) if responder is not None else now
            if quiet_until > now:
                changes = {"next_at": quiet_until}
            else:
                await tell(runtime, tx, row, responder)
                changes = {"step": ALERTED, "next_at": _deadline(row, responder, PASSED_ON_AFTER)}
        case 1:
            await tell(runtime, tx, row, responder)
            await tell(runtime, tx, row, deputy)
            if deputy is not None:
                await note(runtime, tx, row, "candle.hand_over", actor="service")
            changes = {"step": HANDED_OVER, "next_at": _deadline(row, deputy or responder, OVERDUE_AFTER)}
        case _:
            await _tell_owners(runtime, tx, row)
            await tell(runtime, tx, row, responder)
            await tell(runtime, tx, row, deputy)
            await note(runtime, tx, row, "candle.overdue", actor="service")
            changes = {"step": OVERDUE, "next_at": None}
    table = tables.candle
    mine = (table.c.organization_id == row["organization_id"], table.c.id == row["id"])
    await tx.execute(table.update().where(*mine).values(**changes, changed_on=day(now)))


async def tell(runtime: Runtime, tx: Tx, row: Row, person: Person | None) -> None:
    """Owe *person* a message without content: that something waits, and what it is called."""
    if person is None:
        return
    where = f"{runtime.config.public_url}/workspaces/{row['workspace_id']}/care"
    body = Markup.parse(f"Please open [your page]({where}) when nobody looks on. Its name is **{row['reference']}**.")
    await owe(runtime, tx, person, "Something waits for you", body)


async def note(runtime: Runtime, tx: Tx, row: Row, verb: str, *, actor: str) -> None:
    """Enter a step into the audit log, which the member can read: by day, and without the member."""
    await audit.record(
        tx,
        runtime.vault,
        organization=row["organization_id"],
        at=day(runtime.clock.now()),
        actor=actor,
        verb=verb,
        subject=row["id"],
        detail={},
    )


async def _tell_owners(runtime: Runtime, tx: Tx, row: Row) -> None:
    role = tables.role
    query = sa.select(role.c.person_id).where(
        role.c.organization_id == row["organization_id"],
        role.c.workspace_id == row["workspace_id"],
        role.c.role == "owner",
    )
    text = (
        "One request for care waits for longer than three working days. Please remind the responders of their page."
    )
    for owner in (await tx.execute(query.order_by(role.c.person_id))).scalars().all():
        person = await people.person(tx, row["organization_id"], owner)
        if person is not None and not person.erased:
            await owe(runtime, tx, person, "One request is overdue", Markup.literal(text))


async def owe(runtime: Runtime, tx: Tx, person: Person, title: str, body: Markup) -> None:
    """Owe *person* a message of a few words, on the reserve of the outbox; whoever has no channel gets none."""
    channel = await sign_in.channel_of(runtime, tx, person)
    if channel is None:
        log.warning("an alert reaches nobody: its recipient has no channel", extra={"ids": {"person": person.id}})
        return
    installation, identity = channel
    prompt = Prompt(
        id=runtime.new_id(),
        version=1,
        title=title,
        body=body,
        language=person.languages[0] if person.languages else "en",
        recorded="This message holds nothing else.",
        visibility="me",
    )
    await outbox.put_message(
        runtime,
        tx,
        organization=person.organization,
        installation=installation,
        identity=identity,
        prompt=prompt,
        key=runtime.new_id(),
        alert=True,
    )


async def _present(tx: Tx, row: Row, person: Id | None) -> Person | None:
    if person is None:
        return None
    found = await people.person(tx, row["organization_id"], await people.current(tx, row["organization_id"], person))
    return None if found is None or found.erased else found


def _deadline(row: Row, person: Person | None, days: int) -> Any:
    """Count working days from the day on which the candle was lit, in *person*'s zone and hours."""
    lit = row["lit_on"]
    return end_of_working_day(person or _NOBODY, lit.replace(hour=12), days)


_NOBODY = Person(id="", organization="", name="")
