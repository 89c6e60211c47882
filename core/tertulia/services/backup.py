"""Back up and restore the database: one sealed file, the same for SQLite and PostgreSQL.

A backup holds one state of every table but the ballots (nobody may keep what the close destroys) and what lives for
minutes only. The engine's database is not in it: it is rebuilt from ours. What may have been sent since the backup is
not sent again by a restored service.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.rounds import PURPOSES
from tertulia.errors import Mistake, Unsafe
from tertulia.runtime import Runtime
from tertulia.services import erasing, rounds
from tertulia.storage import archive, audit, keys, programs, schema, tables
from tertulia.storage.database import Tx, upsert
from tertulia.storage.portable import decode, encode

Lines: TypeAlias = list[Any]
EXCLUDED = frozenset(
    {
        "api_reply",
        "api_token",
        "ballot",
        "code",
        "lease",
        "rate",
        "session_origin",
        "spent_sign_in",
        "web_session",
        "worker",
    }
)
"""Tables that no backup holds."""
BATCH = 1000
BULKY = {"gallery_picture": 20}
"""Rows of some hundred kilobytes each are read by fewer at a time."""
RESTORED = "restored from a backup"


@dataclass(frozen=True)
class Backup:
    """Tell what a backup or a restore carried."""

    name: Id
    taken_at: datetime
    rows: int
    erased: int = 0


async def backup(runtime: Runtime, target: Path) -> Backup:
    """Write a backup of one state of the database to *target*, while the service runs."""
    now = runtime.clock.now()
    writer = await asyncio.to_thread(archive.Writer, target, runtime.vault, runtime.entropy)
    count = 0
    try:
        async with runtime.database.snapshot() as tx:
            await asyncio.to_thread(writer.write, [await _header(tx, writer.name, now)])
            async for lines in _tables(tx):
                count += sum(isinstance(line, list) for line in lines)
                await asyncio.to_thread(writer.write, lines)
        await asyncio.to_thread(writer.finish)
    except BaseException:
        writer.discard()
        raise
    async with runtime.database.write() as tx:
        await _note(runtime, tx, "backup", writer.name, {"rows": count})
    return Backup(writer.name, now, count)


async def export_erasures(runtime: Runtime, target: Path) -> int:
    """Write who was erased to *target*, to be kept beside older backups, and return how many there are."""
    async with runtime.database.read() as tx:
        rows = (await tx.execute(sa.select(tables.tombstone))).all()
    lines = [{"erasures": 1}, *([encode(value) for value in row] for row in rows)]
    writer = await asyncio.to_thread(archive.Writer, target, runtime.vault, runtime.entropy)
    try:
        await asyncio.to_thread(writer.write, lines)
        await asyncio.to_thread(writer.finish)
    except BaseException:
        writer.discard()
        raise
    return len(rows)


async def restore(runtime: Runtime, source: Path, erasures: Path | None = None) -> Backup:
    """Restore *source* into an empty database, all or nothing; restart the service afterwards.

    *erasures*, written by `export_erasures` after the backup, names who was erased since: they are erased again.
    """
    lines = archive.read(source, runtime.vault)
    async with runtime.database.write() as tx:
        await _require_empty(tx)
        header = await _first(lines, source)
        _check(header, runtime, source)
        await tx.execute(tables.stamp.delete())
        count = await _insert(tx, header, lines)
        restored = copy.copy(runtime)
        restored.vault = await keys.rooted(tx, runtime.vault)
        await _check_audit(restored, tx, header)
        if erasures is not None:
            await _take_erasures(tx, archive.read(erasures, runtime.vault), erasures)
        erased = await erasing.reapply_tombstones(restored, tx)
        await _settle(restored, tx)
        await _note(restored, tx, "restore", header["name"], {"rows": count, "erased": erased})
    return Backup(header["name"], datetime.fromisoformat(header["taken_at"]), count, erased)


def _carried() -> Iterator[sa.Table]:
    return (table for table in tables.metadata.sorted_tables if table.name not in EXCLUDED)


async def _note(runtime: Runtime, tx: Tx, verb: str, name: Id, detail: Json) -> None:
    now, vault = runtime.clock.now(), runtime.vault
    await audit.record(tx, vault, organization=None, at=now, actor="operator", verb=verb, subject=name, detail=detail)


async def _header(tx: Tx, name: Id, now: datetime) -> dict[str, Any]:
    head = await audit.anchor(tx)
    return {
        "backup": 1,
        "name": name,
        "schema": schema.newest(),
        "mode": await schema.mode(tx),
        "taken_at": now.isoformat(),
        "audit": None if head is None else list(head),
        "columns": {table.name: [column.name for column in table.columns] for table in _carried()},
    }


async def _tables(tx: Tx) -> AsyncIterator[Lines]:
    for table in _carried():
        yield [{"table": table.name}]
        result = await tx.stream(sa.select(table), execution_options={"yield_per": BULKY.get(table.name, BATCH)})
        async for rows in result.partitions():
            yield [[encode(value) for value in row] for row in rows]
    yield [{"end": True}]


async def _require_empty(tx: Tx) -> None:
    for table in _carried():
        if table is not tables.stamp and (await tx.execute(sa.select(sa.literal(1)).select_from(table))).first():
            raise Mistake(
                f"TERTULIA_DATABASE_URL names a database that is not empty ({table.name}); restore into a new one."
            )


async def _first(lines: Iterator[Lines], source: Path) -> dict[str, Any]:
    batch: Lines = await asyncio.to_thread(next, lines, [])
    header = batch.pop(0) if batch else None
    if not isinstance(header, dict) or "backup" not in header:
        raise Mistake(f"{source} is no backup; name the file that `tertulia backup` wrote.")
    header["rest"] = batch
    return header


def _check(header: dict[str, Any], runtime: Runtime, source: Path) -> None:
    if header["schema"] != schema.newest():
        raise Mistake(
            f"{source} has schema {header['schema']}, this version of Tertulia has {schema.newest()}; restore it "
            "with the version that wrote it, then upgrade."
        )
    if header["mode"] != runtime.config.mode:
        raise Unsafe(
            f"{source} was taken in {header['mode']} mode; set TERTULIA_MODE={header['mode']} to restore it."
        )


async def _insert(tx: Tx, header: dict[str, Any], lines: Iterator[Lines]) -> int:
    count, ended, table = 0, False, tables.stamp
    batch: Lines | None = header.pop("rest")
    while batch is not None:
        rows: list[Sequence[Any]] = []
        for line in [*batch, None]:
            if isinstance(line, list):
                rows.append(line)
                continue
            await _insert_rows(tx, table, header["columns"][table.name], rows)
            count, rows = count + len(rows), []
            if line is not None:
                ended = "end" in line
                table = table if ended else tables.metadata.tables[line["table"]]
        batch = await asyncio.to_thread(next, lines, None)
    if not ended:
        raise Mistake("The backup has no end: it was not written to its end; use another one.")
    return count


async def _insert_rows(tx: Tx, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    typed = [table.c[name] for name in columns]
    for start in range(0, len(rows), BATCH):
        values = [
            {column.name: decode(column, value) for column, value in zip(typed, row, strict=True)}
            for row in rows[start : start + BATCH]
        ]
        await tx.execute(table.insert(), values)


async def _check_audit(runtime: Runtime, tx: Tx, header: dict[str, Any]) -> None:
    head = header["audit"]
    faults = await audit.verify(tx, runtime.vault, head=None if head is None else (head[0], head[1]))
    if faults:
        raise Mistake(f"The backup's audit log does not verify ({faults[0]}); use another backup.")


async def _take_erasures(tx: Tx, lines: Iterator[Lines], source: Path) -> None:
    read = await asyncio.to_thread(lambda: [line for batch in lines for line in batch])
    if not read or not isinstance(read[0], dict) or "erasures" not in read[0]:
        raise Mistake(f"{source} is no list of erasures; name the file that was exported beside the backups.")
    columns = list(tables.tombstone.columns)
    rows = [
        {column.name: decode(column, value) for column, value in zip(columns, row, strict=True)} for row in read[1:]
    ]
    await upsert(tx, tables.tombstone, rows, keys=["person_id"])


async def _settle(runtime: Runtime, tx: Tx) -> None:
    """Give up what may have been sent between the backup and now, and plan the next rounds."""
    now = runtime.clock.now()
    delivery, shard, outbox, round_ = tables.delivery, tables.shard, tables.outbox, tables.round_table
    once = [purpose for purpose, repeatability in PURPOSES.items() if repeatability == "never"]
    due = sa.select(shard.c.id).where(shard.c.due <= now, shard.c.purpose.in_(once))
    for before, after in (("planned", "skipped"), ("sending", "ambiguous")):
        waiting = (delivery.c.state == before, delivery.c.shard_id.in_(due))
        await tx.execute(delivery.update().where(*waiting).values(state=after, reason=RESTORED))
    unsent = outbox.update().where(outbox.c.state == "planned")
    await tx.execute(unsent.values(state="failed", sealed=None, reason=RESTORED))
    missed = round_.update().where(round_.c.state == "planned", round_.c.next_at <= now)
    await tx.execute(missed.values(state="cancelled", next_action=None, next_at=None, reason=RESTORED))
    columns = (tables.workspace.c.organization_id, tables.workspace.c.id)
    for organization, workspace in (await tx.execute(sa.select(*columns).order_by(*columns))).all():
        program = await programs.current(tx, organization, workspace)
        if program is not None:
            await rounds.schedule(runtime, tx, organization, workspace, program)
