"""Keep what a person wishes: silence for a while, practices without them, a channel, fewer messages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services.profiles import LARGEST_BUDGET
from tertulia.storage import tables
from tertulia.storage.database import Tx, upsert

LONGEST_SNOOZE = timedelta(days=366)
ALL = "*"
"""Opts out of every practice."""


async def snooze(runtime: Runtime, tx: Tx, organization: Id, person: Id, until: datetime | None) -> None:
    """Send nothing to the person before *until*; `None` ends the silence."""
    now = runtime.clock.now()
    if until is not None and not now < until <= now + LONGEST_SNOOZE:
        raise Mistake("The end of the snooze is not within the coming year; choose a day in it.")
    await _change(tx, organization, person, snoozed_until=until)


async def opt_out(runtime: Runtime, tx: Tx, organization: Id, person: Id, practice: str = ALL) -> None:
    """Never invite the person to *practice* again, unless they opt in."""
    await _change(tx, organization, person)
    if not 0 < len(practice) <= 100 or not practice.isprintable():
        raise Mistake("practice is not a key of the program; copy it from the program.")
    row = {
        "organization_id": organization,
        "person_id": person,
        "practice": practice,
        "at": runtime.clock.now(),
    }
    await upsert(tx, tables.opt_out, [row], keys=["person_id", "practice"])


async def opt_in(runtime: Runtime, tx: Tx, organization: Id, person: Id, practice: str = ALL) -> None:
    """Take an opt-out back; `*` takes back all of them."""
    table = tables.opt_out
    statement = table.delete().where(table.c.organization_id == organization, table.c.person_id == person)
    await tx.execute(statement if practice == ALL else statement.where(table.c.practice == practice))


async def set_channel(runtime: Runtime, tx: Tx, organization: Id, person: Id, platform: str | None) -> None:
    """Prefer *platform* for what is sent to the person; `None` leaves the choice to the program."""
    if platform is not None and not re.fullmatch(r"[a-z][a-z0-9_-]{0,49}", platform):
        raise Mistake("channel is not the name of a platform; choose one of those that are offered.")
    await _change(tx, organization, person, preferred_channel=platform)


async def set_budget(runtime: Runtime, tx: Tx, organization: Id, person: Id, messages: int | None) -> None:
    """Allow at most *messages* in a week; `None` stands for the workspace's own number."""
    if messages is not None and not 0 <= messages <= LARGEST_BUDGET:
        raise Mistake(f"message_budget must be from 0 to {LARGEST_BUDGET} messages a week; choose such a number.")
    await _change(tx, organization, person, message_budget=messages)


async def _change(tx: Tx, organization: Id, person: Id, **values: datetime | str | int | None) -> None:
    table = tables.person
    at = (table.c.organization_id == organization, table.c.id == person, table.c.erased_at.is_(None))
    # a change to nothing still proves that the person is one of this organization
    result = await tx.execute(table.update().where(*at).values(values or {"id": person}))
    if not result.rowcount:
        raise Mistake("There is no such person in this organization; open the page of a present member.")
