"""Tell people that they were thanked: on their own channel, outside quiet hours, within their budget.

Thanks of one practice come in one message; those of another in their own, because whoever leaves one practice while
messages wait is still told of the other. When somebody is told is in the row of the thanks, so a crash loses no
message; telling and noting it is one transaction. Whoever opted out meanwhile is not told any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.delivery import outbox
from tertulia.delivery.pausing import pause
from tertulia.domain.attention import iso_week, undisturbed
from tertulia.domain.identifiers import Id
from tertulia.domain.markup import Bullets, Markup, Paragraph, Span
from tertulia.domain.people import Person
from tertulia.domain.prompts import Prompt
from tertulia.runtime import Runtime
from tertulia.services import colleagues, kudos, sign_in
from tertulia.storage import people, programs
from tertulia.storage.database import Tx, upsert
from tertulia.storage.tables import budget
from tertulia.storage.tables import kudos as table
from tertulia.wording import words

TICK = 1.0
AT_ONCE = 100
AGAIN = timedelta(minutes=10)
"""After which thanks that could not be told are tried again."""
log = logging.getLogger(__name__)


async def watch(runtime: Runtime, stop: asyncio.Event) -> None:
    """Tell whoever is due by the rounds' clock until *stop*."""
    while not stop.is_set():
        await tell_due(runtime)
        await pause(stop, TICK)


async def tell_due(runtime: Runtime) -> int:
    """Tell everybody who is due of each practice in a transaction of its own; return how many of these there were.

    What cannot be told is tried again later, and holds up nothing else.
    """
    due = table.c.tell_at <= runtime.clock.now()
    of = (table.c.organization_id, table.c.receiver_id, table.c.workspace_id, table.c.practice)
    async with runtime.database.read() as tx:
        found = (await tx.execute(sa.select(*of).where(due).distinct().limit(AT_ONCE))).all()
    for one in found:
        mine = (*(column == value for column, value in zip(of, one, strict=True)), due)
        try:
            async with runtime.database.write() as tx:
                rows = (await tx.execute(sa.select(table).where(*mine).order_by(table.c.at).with_for_update())).all()
                if rows:
                    await _tell(runtime, tx, rows)
        except Exception:
            log.exception(
                "thanks could not be told; they are tried again", extra={"ids": {"person": one.receiver_id}}
            )
            async with runtime.database.write() as tx:
                await tx.execute(table.update().where(*mine).values(tell_at=runtime.clock.now() + AGAIN))
    return len(found)


async def _tell(runtime: Runtime, tx: Tx, rows: Sequence[sa.Row[Any]]) -> None:
    """Owe one message about *rows*, which are of one receiver and one practice."""
    organization, workspace, practice = rows[0].organization_id, rows[0].workspace_id, rows[0].practice
    person = await people.person(tx, organization, await people.current(tx, organization, rows[0].receiver_id))
    now = runtime.clock.now()
    wanted = person is not None and await colleagues.still_wants(tx, person, workspace, practice)
    channel = await sign_in.channel_of(runtime, tx, person) if person is not None and wanted else None
    if person is None or channel is None:
        await _note(tx, organization, rows, tell_at=None)
        return
    later = await _later(tx, person, workspace, now)
    if later is not None:
        await _note(tx, organization, rows, tell_at=later)
        return
    installation, identity = channel
    await outbox.put_message(
        runtime,
        tx,
        organization=organization,
        installation=installation,
        identity=identity,
        prompt=await _prompt(runtime, tx, person, rows),
        key=runtime.new_id(),
        unasked=(workspace, practice),
    )
    await _note(tx, organization, rows, tell_at=None, told_at=now)


async def _later(tx: Tx, person: Person, workspace: Id, now: datetime) -> datetime | None:
    """Return when to look again where nothing may be sent now; `None` takes one message off the week's budget."""
    awake = undisturbed(person, now)
    if awake > now:
        return awake
    program = await programs.current(tx, person.organization, workspace)
    allowed = person.message_budget if person.message_budget is not None else program.message_budget if program else 0
    row = {"organization_id": person.organization, "person_id": person.id, "week": iso_week(person, now), "used": 0}
    await upsert(tx, budget, [row], keys=("person_id", "week"))
    mine = (budget.c.person_id == person.id, budget.c.week == row["week"], budget.c.used < allowed)
    taken = await tx.execute(budget.update().where(*mine).values(used=budget.c.used + 1))
    return None if taken.rowcount else now + timedelta(days=1)


async def _prompt(runtime: Runtime, tx: Tx, person: Person, rows: Sequence[sa.Row[Any]]) -> Prompt:
    language = person.languages[0] if person.languages else "en"
    say = words(language)
    entries = {one.id: one for one in await kudos.received(runtime, tx, person.organization, person.id)}
    items = [_line(entries[row.id]) for row in rows if row.id in entries]
    page = f"{runtime.config.public_url}/my/kudos"
    public = any(row.public for row in rows)
    audience = (
        say("What may stand in the digest says so on your page; there you can keep it out, and thank back.")
        if public
        else say("Only the two of you see it. On your page you can thank back.")
    )
    body = Markup((Bullets(tuple(items)), Paragraph((Span(audience),)), Paragraph((_link(say("My thanks"), page),))))
    return Prompt(
        id=runtime.new_id(),
        version=1,
        title=say("You were thanked"),
        body=body,
        language=language,
        recorded=say("It is kept for a year. “stop” and the practice's name ends such messages."),
        visibility="me",
    )


def _line(entry: kudos.Entry) -> tuple[Span, ...]:
    said = ": ".join(filter(None, (entry.value, entry.why)))
    return (Span(f"{entry.other}:" if said else entry.other, bold=True), *([Span(f" {said}")] if said else []))


def _link(label: str, page: str) -> Span:
    return Span(label, link=page)


async def _note(tx: Tx, organization: Id, rows: Sequence[sa.Row[Any]], **values: datetime | None) -> None:
    ids = [row.id for row in rows]
    if ids:
        mine = (table.c.organization_id == organization, table.c.id.in_(ids))
        await tx.execute(table.update().where(*mine).values(**values))
