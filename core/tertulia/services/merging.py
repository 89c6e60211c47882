"""Merge two persons that are one human being, and undo it to the row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx
from tertulia.storage.tables.columns import Instant

Row = dict[str, Any]
HANDED = (
    tables.identity,
    tables.membership,
    tables.role,
    tables.response,
    tables.participation,
    tables.opt_out,
    tables.sign_up,
    tables.round_share,
    tables.reservation,
    tables.past_result,
    tables.gallery_item,
    tables.employment,
    tables.affinity_member,
    tables.api_token,
)
"""Whose rows go to the person that is kept; a row that both have is dropped, but both answers of a round stay."""


class _Ledger:
    """Change rows and remember each as it was and as it became."""

    def __init__(self, tx: Tx):
        self.tx = tx
        self.entries: list[dict[str, Any]] = []

    async def change(self, table: sa.Table, before: Row, values: Row) -> None:
        """Write *values* into a row."""
        await self.tx.execute(table.update().where(*_at(table, before)).values(values))
        self._enter(table, before, {**before, **values})

    async def drop(self, table: sa.Table, before: Row) -> None:
        """Delete a row."""
        await self.tx.execute(table.delete().where(*_at(table, before)))
        self._enter(table, before, None)

    def _enter(self, table: sa.Table, before: Row, after: Row | None) -> None:
        self.entries.append({"table": table.name, "before": _portable(before), "after": after and _portable(after)})


async def merge(runtime: Runtime, tx: Tx, organization: Id, *, kept: Id, gone: Id, actor: str) -> Id:
    """Make *gone* the same person as *kept* and return the merge's id; audited and reversible.

    Rounds that are open go on as they were addressed; `storage.people.current` says who stands behind them.
    """
    if kept == gone:
        raise Mistake("A person cannot be merged with itself; name two persons.")
    rows = {person: await _present(tx, organization, person) for person in sorted((kept, gone))}
    ledger = _Ledger(tx)
    await _person_rows(ledger, rows[kept], rows[gone])
    await _revive(ledger, organization, kept, gone)
    for table in HANDED:
        await _hand_over(ledger, table, organization, kept, gone)
    merged, now = runtime.new_id(), runtime.clock.now()
    row = {"organization_id": organization, "id": merged, "kept": kept, "gone": gone, "at": now}
    sealed = runtime.vault.seal_json(ledger.entries, *_place(organization, merged))
    await tx.execute(tables.identity_merge.insert().values(**row, sealed=sealed))
    await _note_identities(runtime, ledger, organization, kept, gone)
    await _audit(runtime, tx, organization, actor, "person.merge", kept, {"gone": gone, "merge": merged})
    return merged


async def undo(runtime: Runtime, tx: Tx, organization: Id, merged: Id, *, actor: str) -> None:
    """Put every row back that is still as the merge left it; what people changed since stays theirs."""
    table = tables.identity_merge
    query = sa.select(table).filter_by(organization_id=organization, id=merged).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    if row is None or row.undone_at is not None or row.sealed is None:
        raise Mistake("There is no such merge to undo; list the merges of the organization first.")
    if await people.current(tx, organization, row.kept) != row.kept:
        raise Mistake("The person was merged again since; undo the later merge first.")
    for entry in reversed(runtime.vault.open_json(row.sealed, *_place(organization, merged))):
        await _restore(tx, tables.metadata.tables[entry["table"]], entry["before"], entry["after"])
    now = runtime.clock.now()
    await tx.execute(table.update().where(table.c.id == merged).values(undone_at=now, sealed=None))
    change = tables.identity_change
    moved = (change.c.from_person == row.gone, change.c.to_person == row.kept, change.c.method == "merge")
    await tx.execute(change.update().where(*moved, change.c.undone_at.is_(None)).values(undone_at=now))
    await _audit(runtime, tx, organization, actor, "person.unmerge", row.kept, {"gone": row.gone, "merge": merged})


async def _present(tx: Tx, organization: Id, person: Id) -> Row:
    query = sa.select(tables.person).filter_by(organization_id=organization, id=person).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    if row is None or row.erased_at is not None:
        raise Mistake("There is no such person in this organization; name two present persons.")
    if row.merged_into is not None:
        raise Mistake("One of the two was merged already; name the person it was merged into.")
    return dict(row._mapping)


async def _person_rows(ledger: _Ledger, kept: Row, gone: Row) -> None:
    """Retire *gone*; its e-mail goes along where the other has none, because no two may have the same."""
    email = gone["email"] if kept["email"] is None else None
    await ledger.change(tables.person, gone, {"merged_into": kept["id"], **({"email": None} if email else {})})
    if email:
        await ledger.change(tables.person, kept, {"email": email})


async def _revive(ledger: _Ledger, organization: Id, kept: Id, gone: Id) -> None:
    """Let *kept* be a member again wherever *gone* is one now."""
    table = tables.membership
    active = set(await people.workspaces_of(ledger.tx, organization, gone))
    query = sa.select(table).where(table.c.organization_id == organization, table.c.person_id == kept)
    for row in (await ledger.tx.execute(query)).all():
        if row.left_at is not None and row.workspace_id in active:
            await ledger.change(table, dict(row._mapping), {"left_at": None})


async def _hand_over(ledger: _Ledger, table: sa.Table, organization: Id, kept: Id, gone: Id) -> None:
    others = [column for column in table.primary_key if column.name != "person_id"]
    of = (table.c.organization_id == organization, table.c.person_id)
    taken = {tuple(row) for row in await ledger.tx.execute(sa.select(*others).where(of[0], of[1] == kept))}
    for row in (await ledger.tx.execute(sa.select(table).where(of[0], of[1] == gone))).all():
        before = dict(row._mapping)
        if tuple(before[column.name] for column in others) not in taken:
            await ledger.change(table, before, {"person_id": kept})
        elif table is not tables.response:
            await ledger.drop(table, before)


async def _restore(tx: Tx, table: sa.Table, before: Row, after: Row | None) -> None:
    here = _native(table, before)
    at_before = await _row(tx, table, here)
    if after is None:
        if at_before is None:
            await tx.execute(table.insert().values(here))
        return
    there = _native(table, after)
    moved = any(before[column.name] != after[column.name] for column in table.primary_key)
    if await _row(tx, table, there) == after and not (moved and at_before is not None):
        changed = {name: here[name] for name in here if before[name] != after[name]}
        await tx.execute(table.update().where(*_at(table, there)).values(changed))


async def _row(tx: Tx, table: sa.Table, key: Row) -> Row | None:
    row = (await tx.execute(sa.select(table).where(*_at(table, key)))).one_or_none()
    return None if row is None else _portable(dict(row._mapping))


def _at(table: sa.Table, row: Row) -> list[sa.ColumnElement[bool]]:
    return [column == row[column.name] for column in table.primary_key]


def _place(organization: Id, merged: Id) -> tuple[str, str, str]:
    return tables.identity_merge.name, organization, merged


def _portable(row: Mapping[str, Any]) -> Row:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _native(table: sa.Table, row: Row) -> Row:
    return {
        key: datetime.fromisoformat(value) if value is not None and isinstance(table.c[key].type, Instant) else value
        for key, value in row.items()
    }


async def _note_identities(runtime: Runtime, ledger: _Ledger, organization: Id, kept: Id, gone: Id) -> None:
    rows = [
        {
            "organization_id": organization,
            "id": runtime.new_id(),
            "identity_id": entry["before"]["id"],
            "from_person": gone,
            "to_person": kept,
            "method": "merge",
            "at": runtime.clock.now(),
        }
        for entry in ledger.entries
        if entry["table"] == tables.identity.name
    ]
    if rows:
        await ledger.tx.execute(tables.identity_change.insert(), rows)


async def _audit(
    runtime: Runtime, tx: Tx, organization: Id, actor: str, verb: str, subject: Id, detail: Json
) -> None:
    at = runtime.clock.now()
    await audit.record(
        tx, runtime.vault, organization=organization, at=at, actor=actor, verb=verb, subject=subject, detail=detail
    )
