"""Conversations whose one side is nobody in particular: posted with a right, read with a receipt, answered by a team.

Rows hold no person and no time finer than the week; they lie by a random id. Nothing joins them to the rights.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa

from tertulia.domain import phrases
from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services.links import digest
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Database, Tx, upsert
from tertulia.surveys.feedback import rights
from tertulia.surveys.feedback.rights import Right

LONGEST = 2000
IN_A_ROW = 3
"""Messages of one side that may follow each other without an answer."""
HIDDEN = "This message was hidden by those who look after the feedback."
UNKNOWN = "No conversation has this receipt: type it as you kept it. Conversations end after half a year of silence."
GONE = "There is no such conversation in this workspace; load the page again."
REWRITTEN = (
    tables.feedback,
    tables.feedback_message,
    tables.feedback_right,
    tables.feedback_spent,
    tables.question,
)
_BROKEN = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
Author = Literal["author", "team"]


@dataclass(frozen=True)
class Message:
    """Hold one message; *week* is the Monday of the week in which it was written."""

    author: Author
    text: str
    week: date


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Hold a conversation as either side sees it; only the author can find it by the receipt."""

    id: Id
    workspace: Id
    locked: bool
    hidden: bool
    passed_on: bool
    messages: Sequence[Message]

    @property
    def open_to(self) -> frozenset[Author]:
        """Return which sides may write now."""
        if self.locked:
            return frozenset()
        last = [message.author for message in self.messages[-IN_A_ROW:]]
        sides: tuple[Author, ...] = ("author", "team")
        return frozenset(side for side in sides if last != [side] * IN_A_ROW)


def checked(text: str) -> str:
    """Return a message as it will be kept; raises `Mistake` for an empty or too long one."""
    tidy = text.replace("\r\n", "\n").strip()
    if not tidy:
        raise Mistake("There is nothing written yet.")
    if len(tidy) > LONGEST:
        raise Mistake(f"The message has {len(tidy)} characters; shorten it to at most {LONGEST}.")
    if _BROKEN.search(tidy):
        raise Mistake("The message holds a character that cannot be kept; write it anew.")
    return tidy


async def post(runtime: Runtime, tx: Tx, right: Right, text: str) -> str:
    """Begin a conversation and return its receipt; the same right again changes nothing and gives the same one."""
    text = checked(text)
    # from the right's number, which is nowhere kept: whoever is told nothing, because we died, may send again
    drawn = hashlib.sha512(runtime.vault.keyed_hash(right.number, "feedback receipt").encode()).digest()
    receipt = phrases.phrase(drawn)
    if not await rights.spend(tx, right):
        return receipt
    week = rights.monday(runtime.clock.now())
    identifier = runtime.new_id()
    row = {"organization_id": right.organization, "id": identifier, "workspace_id": right.workspace}
    values = {"digest": _digest(receipt), "locked": False, "hidden": False, "week": week, "passed_on": False}
    await tx.execute(tables.feedback.insert().values(**row, **values))
    await _add(runtime, tx, right.organization, identifier, "author", text, 0)
    return receipt


async def by_receipt(runtime: Runtime, tx: Tx, receipt: str) -> tuple[Id, Conversation] | None:
    """Return the organization and the conversation of a receipt; `None` for any other text."""
    tidy = phrases.tidy(receipt)
    if tidy is None:
        return None
    table = tables.feedback
    row = (await tx.execute(sa.select(table).where(table.c.digest == _digest(tidy)))).one_or_none()
    return None if row is None else (row.organization_id, await _conversation(runtime, tx, row))


async def in_workspace(runtime: Runtime, tx: Tx, organization: Id, workspace: Id) -> list[Conversation]:
    """Return a workspace's conversations in the order of their random ids."""
    table = tables.feedback
    query = sa.select(table).where(table.c.organization_id == organization, table.c.workspace_id == workspace)
    return [await _conversation(runtime, tx, row) for row in (await tx.execute(query.order_by(table.c.id))).all()]


async def write(runtime: Runtime, tx: Tx, organization: Id, found: Conversation, author: Author, text: str) -> None:
    """Add a message of one side; raises `Mistake` where that side has to wait or the conversation is locked."""
    text = checked(text)
    locked = sa.select(tables.feedback.c.id).filter_by(organization_id=organization, id=found.id).with_for_update()
    row = (await tx.execute(locked)).one_or_none()
    present = None if row is None else await _find(runtime, tx, organization, found.workspace, found.id)
    if present is None:
        raise Mistake(UNKNOWN)
    if present.locked:
        raise Mistake("This conversation is locked; nothing more can be written.")
    if author not in present.open_to:
        raise Mistake(f"{IN_A_ROW} messages in a row were not answered yet; wait for an answer first.")
    await _add(runtime, tx, organization, found.id, author, text, len(present.messages))
    week = rights.monday(runtime.clock.now())
    mine = (tables.feedback.c.organization_id == organization, tables.feedback.c.id == found.id)
    await tx.execute(tables.feedback.update().where(*mine).values(week=week))


async def delete(tx: Tx, organization: Id, identifier: Id) -> None:
    """Delete a conversation, as its author may at any time; no backup brings it back."""
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    message, table = tables.feedback_message, tables.feedback
    theirs = (message.c.organization_id == organization, message.c.feedback_id == identifier)
    await tx.execute(message.delete().where(*theirs))
    mine = (table.c.organization_id == organization, table.c.id == identifier)
    week = (await tx.execute(sa.select(table.c.week).where(*mine))).scalar_one_or_none()
    await tx.execute(table.delete().where(*mine))
    if week is not None:
        # dated by its last message: when it was deleted is nobody's business
        stone = {"organization_id": organization, "person_id": _stone(identifier), "erased_at": week}
        await upsert(tx, tables.tombstone, [stone], keys=("person_id",))


async def forget_deleted(tx: Tx) -> None:
    """Delete what a restored backup brought back although its author has deleted it since."""
    table, stone = tables.feedback, tables.tombstone
    rows = (await tx.execute(sa.select(table.c.id, table.c.organization_id))).all()
    for some in people.chunks(rows):
        stones = {_stone(row.id): row for row in some}
        query = sa.select(stone.c.person_id).where(stone.c.person_id.in_(stones))
        for found in list((await tx.execute(query)).scalars()):
            await delete(tx, stones[found].organization_id, stones[found].id)


async def moderate(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    identifier: Id,
    *,
    actor: str,
    locked: bool | None = None,
    hidden: bool | None = None,
) -> None:
    """Lock or hide a conversation, or undo that; audited. There is no way to learn who wrote it."""
    changes = {name: value for name, value in (("locked", locked), ("hidden", hidden)) if value is not None}
    table = tables.feedback
    mine = (table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.id == identifier)
    if not (await tx.execute(table.update().where(*mine).values(changes))).rowcount:
        raise Mistake(GONE)
    at = runtime.clock.now()
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=at,
        actor=actor,
        verb="feedback.moderate",
        subject=identifier,
        detail=changes,
    )


async def mark_passed_on(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, identifier: Id) -> bool:
    """Let the workspace's responders read a conversation; false where they might already."""
    if await _find(runtime, tx, organization, workspace, identifier) is None:
        raise Mistake(GONE)
    table = tables.feedback
    mine = (table.c.organization_id == organization, table.c.id == identifier, table.c.passed_on.is_(False))
    return bool((await tx.execute(table.update().where(*mine).values(passed_on=True))).rowcount)


async def passed_on(runtime: Runtime, tx: Tx, organization: Id, workspace: Id) -> list[Conversation]:
    """Return what was passed on to a workspace's responders, whole even where it is hidden from others."""
    query = (
        sa.select(tables.feedback)
        .filter_by(organization_id=organization, workspace_id=workspace, passed_on=True)
        .order_by(tables.feedback.c.id)
    )
    return [await _conversation(runtime, tx, row, whole=True) for row in (await tx.execute(query)).all()]


async def reply(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, identifier: Id, text: str) -> None:
    """Answer in the name of the team."""
    found = await _find(runtime, tx, organization, workspace, identifier)
    if found is None:
        raise Mistake(GONE)
    await write(runtime, tx, organization, found, "team", text)


async def names(tx: Tx, organization: Id, workspace: Id) -> list[str]:
    """Return the names to look for in a text, for the preview that its author gets."""
    return [member.name for member in await people.members(tx, organization, workspace)]


async def rewrite(database: Database) -> None:
    """Write all rows anew in the order of their ids, so that PostgreSQL does not tell when each came.

    Neither the heap nor the ids of transactions do then: a right is handed out just before what is written with it.
    """
    if database.dialect != "postgresql":
        return
    for table in REWRITTEN:
        # one after the other: nobody else takes these locks in this order
        async with database.write() as tx:
            # who changes a row meanwhile waits, and finds it again
            await tx.exec_driver_sql(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE")
            key = ", ".join(column.name for column in table.primary_key)
            await tx.exec_driver_sql(
                f"WITH gone AS (DELETE FROM {table.name} RETURNING *) "  # noqa: S608 - names of our own tables
                f"INSERT INTO {table.name} SELECT * FROM gone ORDER BY {key}"
            )
    async with database.raw_writer().connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in REWRITTEN:
            await alone.exec_driver_sql(f"CLUSTER {table.name} USING pk_{table.name}")
            await alone.exec_driver_sql(f"VACUUM {table.name}")


async def _find(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, identifier: Id) -> Conversation | None:
    query = sa.select(tables.feedback).filter_by(organization_id=organization, workspace_id=workspace, id=identifier)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else await _conversation(runtime, tx, row)


async def _conversation(runtime: Runtime, tx: Tx, row: sa.Row[Any], *, whole: bool = False) -> Conversation:
    hide = row.hidden and not whole
    table = tables.feedback_message
    query = (
        sa.select(table)
        .where(table.c.organization_id == row.organization_id, table.c.feedback_id == row.id)
        .order_by(table.c.position)
    )
    messages = [
        Message(one.author, HIDDEN if hide and one.author == "author" else _text(runtime, one), one.week.date())
        for one in (await tx.execute(query)).all()
    ]
    return Conversation(
        id=row.id,
        workspace=row.workspace_id,
        locked=row.locked,
        hidden=row.hidden,
        passed_on=row.passed_on,
        messages=messages,
    )


async def _add(
    runtime: Runtime, tx: Tx, organization: Id, conversation: Id, author: Author, text: str, position: int
) -> None:
    identifier = runtime.new_id()
    row = {
        "organization_id": organization,
        "id": identifier,
        "feedback_id": conversation,
        "position": position,
        "author": author,
        "sealed": runtime.vault.seal(text.encode(), "feedback_message", organization, identifier),
        "week": rights.monday(runtime.clock.now()),
    }
    await upsert(tx, tables.feedback_message, [row], keys=("id",))


def _text(runtime: Runtime, row: sa.Row[Any]) -> str:
    return runtime.vault.open(row.sealed, "feedback_message", row.organization_id, row.id).decode()


def _stone(conversation: Id) -> Id:
    """Return what stands for a conversation among the tombstones, where no person can have it."""
    return hashlib.sha256(f"feedback:{conversation}".encode()).hexdigest()[:32]


def _digest(receipt: str) -> str:
    return digest(phrases.tidy(receipt) or "")
