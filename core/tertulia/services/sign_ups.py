"""Standing sign-ups for the practices that people opt in to; an opt-out always wins over one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import audiences
from tertulia.storage import people, programs, tables
from tertulia.storage.database import Tx, upsert

Because = Literal["wish", "silence"]
NO_SUCH = "The program has no such practice to join; choose one that is offered on your page."


async def sign_up(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: str, person: Id) -> None:
    """Let the person take part in the coming rounds of an opt-in *practice*; an opt-out of it is taken back.

    Raises `Mistake` where the practice is not one that this person can join, or everything was opted out of.
    """
    program = await programs.current(tx, organization, workspace)
    found = program.practice(practice) if program else None
    who = await people.person(tx, organization, person)
    if found is None or found.join != "opt-in" or who is None or who.erased:
        raise Mistake(NO_SUCH)
    if not await audiences.includes(tx, organization, workspace, found, who):
        raise Mistake(NO_SUCH)
    if workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake("You are not a member of the workspace that offers this.")
    refused = (await people.opt_outs(tx, organization, [person])).get(person, frozenset())
    if "*" in refused:
        raise Mistake("You asked not to be invited to anything; take that back on your page first.")
    wish = tables.opt_out
    mine = (wish.c.organization_id == organization, wish.c.person_id == person, wish.c.practice == practice)
    await tx.execute(wish.delete().where(*mine))
    if person in await signed_up(tx, organization, workspace, practice, [person]):
        return
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "practice": practice,
        "person_id": person,
        "joined_at": runtime.clock.now(),
        "left_at": None,
        "left_because": None,
    }
    keys = ("workspace_id", "practice", "person_id")
    await upsert(tx, tables.sign_up, [row], keys=keys, update=("joined_at", "left_at", "left_because"))


async def withdraw(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    practice: str,
    persons: Collection[Id],
    because: Because = "wish",
) -> None:
    """Take *persons* off the list of a practice; what was planned to be sent to them for it is not sent."""
    table, sent, round_ = tables.sign_up, tables.delivery, tables.round_table
    for some in people.chunks(set(persons)):
        await tx.execute(
            table.update()
            .where(
                table.c.organization_id == organization,
                table.c.workspace_id == workspace,
                table.c.practice == practice,
                table.c.person_id.in_(some),
                table.c.left_at.is_(None),
            )
            .values(left_at=runtime.clock.now(), left_because=because)
        )
        mine = sa.select(round_.c.id).where(
            round_.c.organization_id == organization,
            round_.c.workspace_id == workspace,
            round_.c.practice == practice,
            round_.c.state == "open",
        )
        await tx.execute(
            sent.update()
            .where(sent.c.round_id.in_(mine), sent.c.recipient.in_(some), sent.c.state == "planned")
            .values(state="skipped", reason="left the practice")
        )


async def stay_away(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, practice: str, person: Id) -> None:
    """Take the person out of a practice whose group they left, whether they had joined it or were asked anyway."""
    now = runtime.clock.now()
    row = {
        "organization_id": organization,
        "workspace_id": workspace,
        "practice": practice,
        "person_id": person,
        "joined_at": now,
        "left_at": now,
        "left_because": "wish",
    }
    await upsert(tx, tables.sign_up, [row], keys=("workspace_id", "practice", "person_id"))
    await withdraw(runtime, tx, organization, workspace, practice, [person])


async def forget(tx: Tx, organization: Id, workspace: Id, practice: str, person: Id) -> None:
    """Forget that the person left a practice; whoever takes part goes on to."""
    table = tables.sign_up
    await tx.execute(
        table.delete().where(
            table.c.organization_id == organization,
            table.c.workspace_id == workspace,
            table.c.practice == practice,
            table.c.person_id == person,
            table.c.left_at.is_not(None),
        )
    )


async def signed_up(
    tx: Tx, organization: Id, workspace: Id, practice: str, persons: Collection[Id] | None = None
) -> dict[Id, datetime]:
    """Return who of *persons*, or of everybody, takes part and since when; whoever opted out does not."""
    table, wish = tables.sign_up, tables.opt_out
    refused = sa.exists().where(
        wish.c.organization_id == table.c.organization_id,
        wish.c.person_id == table.c.person_id,
        wish.c.practice.in_(("*", practice)),
    )
    query = sa.select(table.c.person_id, table.c.joined_at).where(
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.practice == practice,
        table.c.left_at.is_(None),
        ~refused,
    )
    if persons is None:
        return {row.person_id: row.joined_at for row in await tx.execute(query)}
    found: dict[Id, datetime] = {}
    for some in people.chunks(set(persons)):
        rows = await tx.execute(query.where(table.c.person_id.in_(some)))
        found.update({row.person_id: row.joined_at for row in rows})
    return found


async def gone(tx: Tx, organization: Id, workspace: Id, practice: str) -> frozenset[Id]:
    """Return who left the practice by an own wish; whoever was taken off for silence is told so first."""
    table = tables.sign_up
    query = sa.select(table.c.person_id).where(
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.practice == practice,
        table.c.left_because == "wish",
        table.c.left_at.is_not(None),
    )
    return frozenset((await tx.execute(query)).scalars())


async def takes_part(tx: Tx, organization: Id, workspace: Id, practice: Practice, person: Id) -> bool:
    """Tell whether *person* is one whom the practice addresses, as far as signing up goes."""
    if practice.join == "all":
        return True
    return bool(await signed_up(tx, organization, workspace, practice.key, [person]))
