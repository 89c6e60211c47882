"""What is backed up comes back, on either database, and nothing that must not."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake, Unsafe
from tertulia.runtime import Runtime
from tertulia.services import backup, erasing, program_document
from tertulia.storage import audit, keys, programs, schema, tables
from tertulia.storage.database import Database, Tx
from tertulia.storage.tables.columns import Instant
from tertulia.storage.vault import Vault
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
KEYS = {b"key1": b"k" * 32}
PROGRAM = """\
[[practice]]
key = "check"
kind = "question"
title = "How is it going?"
cadence = { rule = "FREQ=WEEKLY;BYDAY=MO", start = "2027-01-04T09:30" }
"""


@asynccontextmanager
async def opened(url: str, folder: Path, *, mode: str = "production") -> AsyncIterator[Runtime]:
    database = Database.open(url)
    await schema.migrate(database)
    async with database.write() as tx:
        await schema.stamp_mode(tx, mode)
        vault = await keys.rooted(tx, Vault(KEYS))
    kinds = SimpleNamespace(ritual=lambda _kind: SimpleNamespace(privacy="named"))
    try:
        yield Runtime(
            config=cast(Any, SimpleNamespace(mode=mode)),
            database=database,
            vault=vault,
            keys=KeyStore(folder / "rounds"),
            clock=DrivenClock(NOW),
            entropy=secrets.token_bytes,
            plugins=cast(Any, kinds),
            limiter=cast(Any, None),
        )
    finally:
        await database.close()


async def wipe(url: str) -> None:
    database = Database.open(url)
    async with database.write() as tx:
        await tx.run_sync(tables.metadata.drop_all)
        await tx.execute(sa.text("DROP TABLE alembic_version"))
    await database.close()


def value(column: sa.Column[Any], number: int) -> Any:
    """Make a value that fits *column*; keys of the same number point to each other."""
    if isinstance(column.type, Instant):
        return NOW - timedelta(days=number, milliseconds=number)
    if isinstance(column.type, sa.LargeBinary):
        return bytes([number % 256, 0, 255]) * 5
    if isinstance(column.type, sa.JSON):
        return {"n": number, "é": [1.5, None, "\n'\"\\"], "deep": {"a": True}}
    if isinstance(column.type, sa.Boolean):
        return number % 2 == 0
    if isinstance(column.type, sa.Integer | sa.BigInteger):
        return number + 1
    if isinstance(column.type, sa.Float):
        return number + 0.25
    if column.name == "zone":
        return "UTC"
    length = column.type.length if isinstance(column.type, sa.String) else None
    key = column.foreign_keys or column.name == "id" or column.name.endswith("_id")
    text = f"{number:032}" if key else f"é {column.name} {number}"
    return text[:length] if key else text[-(length or 400) :]


async def fill(tx: Tx, count: int = 3) -> None:
    """Put *count* rows into every table."""
    for table in tables.metadata.sorted_tables:
        if table.name not in ("audit", "stamp", "program"):
            rows = [{column.name: value(column, number) for column in table.columns} for number in range(count)]
            await tx.execute(table.insert(), rows)
    program = programs.StoredProgram(
        program=program_document.parse(PROGRAM, version=1), document=PROGRAM, applied_by="a", applied_at=NOW
    )
    for number in range(min(count, 7)):
        await programs.add(tx, f"{number:032}", f"{number:032}", program)


async def add_seen(tx: Tx, count: int) -> None:
    events = [secrets.token_hex(32) for _ in range(count)]
    rows = [{"organization_id": "o", "installation_id": "i", "event": event} for event in events]
    await tx.execute(tables.seen.insert(), rows)


async def dump(runtime: Runtime) -> dict[str, list[Any]]:
    found = {}
    async with runtime.database.read() as tx:
        for table in tables.metadata.sorted_tables:
            rows = await tx.execute(sa.select(table).order_by(*table.primary_key.columns))
            found[table.name] = [dict(row._mapping) for row in rows]
    return found


async def note(runtime: Runtime, tx: Tx) -> None:
    await audit.record(
        tx, runtime.vault, organization=None, at=NOW, actor="a", verb="v", subject="s", detail={"n": 1}
    )


CHANGED = {"audit", "round"}


async def check_restored(runtime: Runtime, before: dict[str, list[Any]], source: Path) -> None:
    await backup.restore(runtime, source)
    after = await dump(runtime)
    for name, rows in before.items():
        expected = [] if name in backup.EXCLUDED else rows
        if name not in CHANGED:
            assert after[name] == expected, name
    async with runtime.database.read() as tx:
        vault = await keys.rooted(tx, Vault(KEYS))
        assert await audit.verify(tx, vault) == []
    assert [row["verb"] for row in after["audit"]] == ["v", "v", "restore"]
    kept = [row for row in after["round"] if row["practice"] != "check"]
    assert kept == before["round"]
    assert {row["state"] for row in after["round"] if row["practice"] == "check"} == {"planned"}


async def test_everything_comes_back_into_an_empty_database(database_url: str, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    async with opened(database_url, tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await fill(tx)
            await note(runtime, tx)
            await note(runtime, tx)
        before = await dump(runtime)
        done = await backup.backup(runtime, target)
        assert done.rows == sum(len(rows) for name, rows in before.items() if name not in backup.EXCLUDED)
        with pytest.raises(Mistake, match="not empty"):
            await backup.restore(runtime, target)
        assert (await dump(runtime))["person"] == before["person"]
    await wipe(database_url)
    async with opened(database_url, tmp_path) as runtime:
        await check_restored(runtime, before, target)


async def test_a_backup_moves_between_databases(database_url: str, postgresql_url: str, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    other = postgresql_url if database_url.startswith("sqlite") else f"sqlite:///{tmp_path / 'other.db'}"
    async with opened(database_url, tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await fill(tx, 50)
            await add_seen(tx, 2500)
            await note(runtime, tx)
            await note(runtime, tx)
        before = await dump(runtime)
        await backup.backup(runtime, target)
    async with opened(other, tmp_path) as runtime:
        await check_restored(runtime, before, target)


async def test_a_backup_under_load_holds_all_that_was_acknowledged_and_no_half(
    database_url: str, tmp_path: Path
) -> None:
    def pair(name: str) -> Any:
        async def work(tx: Tx) -> None:
            rows = [{"organization_id": "o", "installation_id": side, "event": name} for side in "ab"]
            for row in rows:
                await tx.execute(tables.seen.insert().values(**row))

        return work

    async with opened(database_url, tmp_path) as runtime:
        await asyncio.gather(*(runtime.database.group(pair(f"before{number}")) for number in range(200)))
        stopped = asyncio.Event()

        async def load(name: str) -> None:
            number = 0
            while not stopped.is_set():
                await runtime.database.group(pair(f"{name}.{number}"))
                number += 1

        loads = [asyncio.create_task(load(str(number))) for number in range(5)]
        await asyncio.sleep(0.05)
        await backup.backup(runtime, tmp_path / "backup")
        stopped.set()
        await asyncio.gather(*loads)
    await wipe(database_url)
    async with opened(database_url, tmp_path) as runtime:
        await backup.restore(runtime, tmp_path / "backup")
        async with runtime.database.read() as tx:
            rows = (await tx.execute(sa.select(tables.seen.c.installation_id, tables.seen.c.event))).all()
    sides = {side: {event for where, event in rows if where == side} for side in "ab"}
    assert sides["a"] == sides["b"]
    assert {f"before{number}" for number in range(200)} <= sides["a"]


PERSON = {
    "zone": "UTC",
    "languages": ["en"],
    "worker_type": "employee",
    "work_start": "09:00",
    "work_end": "17:00",
    "quiet_start": "20:00",
    "quiet_end": "08:00",
    "created_at": NOW,
}


async def add_people(tx: Tx, names: str) -> None:
    o = "0" * 32
    await tx.execute(tables.organization.insert().values(id=o, name="Acme", domains=[], created_at=NOW))
    for name in names:
        row = {"organization_id": o, "id": name * 32, "name": f"Canary {name}", "email": f"{name}@example.org"}
        await tx.execute(tables.person.insert().values(**row, **PERSON))


async def test_who_was_erased_since_is_erased_again(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await add_people(tx, "abc")
            await erasing.erase(runtime, tx, "0" * 32, "a" * 32, "test")
        await backup.backup(runtime, tmp_path / "backup")
        async with runtime.database.write() as tx:
            await erasing.erase(runtime, tx, "0" * 32, "b" * 32, "test")
        assert await backup.export_erasures(runtime, tmp_path / "erasures") == 2
    await wipe(database_url)
    async with opened(database_url, tmp_path) as runtime:
        with pytest.raises(Mistake, match="no list of erasures"):
            await backup.restore(runtime, tmp_path / "backup", tmp_path / "backup")
        with pytest.raises(Mistake, match="no backup"):
            await backup.restore(runtime, tmp_path / "erasures")
        restored = await backup.restore(runtime, tmp_path / "backup", tmp_path / "erasures")
        assert restored.erased == 1
        people = {row["id"][0]: row for row in (await dump(runtime))["person"]}
        assert {name for name, row in people.items() if row["erased_at"] is None} == {"c"}
        assert "Canary" not in str([people["a"], people["b"]])
        async with runtime.database.read() as tx:
            assert await audit.verify(tx, await keys.rooted(tx, Vault(KEYS))) == []


async def test_what_may_have_been_sent_since_is_not_sent_again(database_url: str, tmp_path: Path) -> None:
    states = [
        ("invite", 0, "planned", "skipped"),
        ("invite", 0, "sending", "ambiguous"),
        ("invite", 0, "sent", "sent"),
        ("invite", 3, "planned", "planned"),
        ("remind:1", 0, "planned", "planned"),
        ("remind:1", 0, "sending", "sending"),
        ("post", 0, "planned", "skipped"),
    ]
    async with opened(database_url, tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await fill(tx, len(states))
            for number, (purpose, days, state, _) in enumerate(states):
                key = f"{number:032}"
                due = NOW + timedelta(days=days)
                shard, delivery, outbox = tables.shard, tables.delivery, tables.outbox
                await tx.execute(shard.update().where(shard.c.id == key).values(purpose=purpose, due=due))
                change = {"purpose": purpose, "state": state, "reason": None}
                await tx.execute(delivery.update().where(delivery.c.shard_id == key).values(**change))
                await tx.execute(outbox.update().values(state="planned", sealed=b"x"))
            due = {"state": "planned", "next_action": "open", "next_at": NOW}
            await tx.execute(tables.round_table.update().values(**due))
        await backup.backup(runtime, tmp_path / "backup")
    await wipe(database_url)
    async with opened(database_url, tmp_path) as runtime:
        await backup.restore(runtime, tmp_path / "backup")
        after = await dump(runtime)
    found = {row["shard_id"]: row["state"] for row in after["delivery"]}
    assert found == {f"{number:032}": state for number, (_, _, _, state) in enumerate(states)}
    assert {(row["state"], row["sealed"]) for row in after["outbox"]} == {("failed", None)}
    old = [row for row in after["round"] if row["practice"] != "check"]
    assert {(row["state"], row["next_at"]) for row in old} == {("cancelled", None)}
    assert [row["state"] for row in after["round"] if row["practice"] == "check"] == ["planned"] * len(states)


async def test_a_backup_of_the_other_mode_is_refused(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, mode="sandbox") as runtime:
        await backup.backup(runtime, tmp_path / "backup")
    async with opened(f"sqlite:///{tmp_path / 'b.db'}", tmp_path) as runtime:
        with pytest.raises(Unsafe, match="TERTULIA_MODE=sandbox"):
            await backup.restore(runtime, tmp_path / "backup")


async def test_a_cut_backup_restores_nothing(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url, tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await fill(tx)
            await add_seen(tx, 20_000)
        await backup.backup(runtime, tmp_path / "backup")
    content = (tmp_path / "backup").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) * 2 // 3])
    await wipe(database_url)
    async with opened(database_url, tmp_path) as runtime:
        with pytest.raises(Mistake, match="cut or altered"):
            await backup.restore(runtime, tmp_path / "cut")
        assert (await dump(runtime))["organization"] == []
        async with runtime.database.write() as tx:
            await schema.stamp_mode(tx, "production")


async def test_a_backup_reads_no_name_in_the_clear(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as runtime:
        async with runtime.database.write() as tx:
            await add_people(tx, "a")
        await backup.backup(runtime, tmp_path / "backup")
        with pytest.raises(Mistake, match="exists"):
            await backup.backup(runtime, tmp_path / "backup")
    assert b"Canary" not in (tmp_path / "backup").read_bytes()
