"""The audit chain: what was changed behind its back is found."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tertulia.storage import audit
from tertulia.storage.database import Database
from tertulia.storage.tables import audit as table
from tertulia.storage.tables import stamp
from tertulia.storage.vault import Vault

VAULT = Vault({b"key1": bytes(range(32))})
START = datetime(2026, 11, 21, 9, 0, 0, 123_456, tzinfo=UTC)


async def write(database: Database, count: int, *, first: int = 0) -> None:
    async with database.write() as tx:
        for index in range(first, first + count):
            await audit.record(
                tx,
                VAULT,
                organization="o" * 32 if index % 2 else None,
                at=START + timedelta(days=index),
                actor="operator",
                verb="program.apply",
                subject=f"é{index}",
                detail={"z": 1, "a": [1.5, None, "ü"], "n": index},
            )


async def faults(database: Database, head: tuple[int, str] | None = None) -> list[str]:
    async with database.read() as tx:
        return await audit.verify(tx, VAULT, head=head)


async def head_of(database: Database) -> tuple[int, str] | None:
    async with database.read() as tx:
        return await audit.anchor(tx)


async def test_an_untouched_chain_has_no_faults(open_database: Any) -> None:
    async with open_database() as database:
        assert await head_of(database) is None
        assert await faults(database) == []
        await write(database, 10)
        assert await faults(database) == []
        assert await faults(database, await head_of(database)) == []


async def test_an_edit_is_found(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 10)
        changes: list[dict[str, Any]] = [
            {"actor": "somebody"},
            {"verb": "nothing"},
            {"subject": "x"},
            {"detail": {"n": 99}},
            {"organization_id": "p" * 32},
            {"at": START},
            {"digest": "0" * 64},
        ]
        for sequence, change in enumerate(changes, start=2):
            async with database.write() as tx:
                await tx.execute(table.update().where(table.c.sequence == sequence).values(**change))
            assert any(f"Entry {sequence} " in fault for fault in await faults(database)), change


async def test_a_deletion_is_found(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 10)
        async with database.write() as tx:
            await tx.execute(table.delete().where(table.c.sequence.in_([1, 5, 6])))
        found = await faults(database)
        assert "Entries 1 to 1 are missing." in found
        assert "Entries 5 to 6 are missing." in found


async def test_a_cut_is_found_by_the_anchor_even_when_written_over(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 10)
        head = await head_of(database)
        async with database.write() as tx:
            await tx.execute(table.delete().where(table.c.sequence > 8))
        assert await faults(database) == []
        assert any("cut or rewritten" in fault for fault in await faults(database, head))
        await write(database, 2, first=20)
        assert await faults(database) == []
        assert any("cut or rewritten" in fault for fault in await faults(database, head))


async def test_another_key_finds_every_entry_altered(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 3)
        async with database.read() as tx:
            assert len(await audit.verify(tx, Vault({b"key1": bytes(range(1, 33))}))) == 3


async def test_retention_moves_the_start_and_the_chain_still_holds(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 10)
        old_head = await head_of(database)
        async with database.write() as tx:
            assert await audit.trim(tx, VAULT, START + timedelta(days=4)) == 4
            assert await audit.trim(tx, VAULT, START + timedelta(days=4)) == 0
        assert await faults(database, old_head) == []
        async with database.write() as tx:
            assert await audit.trim(tx, VAULT, START + timedelta(days=90)) == 6
        assert await faults(database, old_head) == []
        await write(database, 2, first=20)
        assert await faults(database) == []
        assert (await head_of(database) or (0,))[0] == 12
        async with database.write() as tx:
            await tx.execute(stamp.update().values(value="forged"))
        assert any("retention" in fault for fault in await faults(database))


async def test_a_thousand_entries_are_verified_within_seconds(open_database: Any) -> None:
    async with open_database() as database:
        await write(database, 1000)
        started = time.monotonic()
        assert await faults(database) == []
        assert time.monotonic() - started < 5
