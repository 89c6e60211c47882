"""The key file, and its rotation under a running service."""

from __future__ import annotations

import asyncio
import base64
import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.errors import Mistake, Refused, Unsafe
from tertulia.services.effects import sealed_place as private_answer_place
from tertulia.services.gallery import sealed_place as picture_place
from tertulia.services.kudos import sealed_place as kudos_place
from tertulia.services.occasions import sealed_place as celebration_place
from tertulia.services.replies import sealed_place as reply_place
from tertulia.storage import audit, keys, tables
from tertulia.storage.database import Database
from tertulia.storage.vault import (
    Vault,
    inbox_place,
    installation_place,
    merge_place,
    outbox_place,
    store_place,
    subscription_place,
)
from tertulia.surveys.leadership.asking import sealed_place as question_place

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ORGANIZATION = "0" * 32


def test_a_new_file_holds_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys"
    key_id = keys.new_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = keys.load(path)
    assert list(loaded) == [key_id]
    assert len(loaded[key_id]) == 32
    with pytest.raises(Mistake, match="exists"):
        keys.new_keys(path)
    assert keys.load(path) == loaded


def test_an_added_key_is_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first, second = keys.new_keys(path), keys.add_key(path)
    assert list(keys.load(path)) == [first, second]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vault(keys.load(path)).newest == second
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]


def encoded(length: int) -> str:
    # the same in every process: test ids are made of it
    return base64.b64encode(bytes(range(length))).decode()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "no key"),
        ("\n# a comment\n", "no key"),
        (f"abcd:{encoded(16)}", "line 1"),
        (f"abcd:{encoded(33)}", "line 1"),
        ("abcd:" + base64.b64encode(bytes(32)).decode(), "line 1"),
        (f"abc:{encoded(32)}", "line 1"),
        (encoded(32), "line 1"),
        (f"abcd:{encoded(32)[:-2]}", "line 1"),
        ("abcd:not base64!", "line 1"),
        (f"abcd:{encoded(32)}\nrubbish", "line 2"),
        (f"abcd:{encoded(32)}\nabcd:{encoded(32)}", "line 2"),
    ],
)
def test_a_malformed_file_is_refused_in_one_sentence(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(Unsafe, match=word) as caught:
        keys.load(path)
    assert "TERTULIA_KEYS" in str(caught.value)
    assert not any(line and line in str(caught.value) for line in content.splitlines() if ":" in line)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    keys.new_keys(path)
    path.chmod(mode)
    with pytest.raises(Unsafe, match="chmod 600"):
        keys.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Unsafe, match="tertulia keys new"):
            keys.load(path)


async def fill(database: Database, vault: Vault, count: int) -> None:
    """Put *count* sealed messages into the outbox, and one or two rows of every other sealed kind."""
    o, i = ORGANIZATION, "1" * 32
    ids = [f"{index:032}" for index in range(count)]
    async with database.write() as tx:
        await tx.execute(tables.organization.insert().values(id=o, name="A", domains=[], created_at=NOW))
        workspace = {"zone": "UTC", "language": "en", "message_budget": 3, "created_at": NOW}
        await tx.execute(tables.workspace.insert().values(organization_id=o, id="2" * 32, name="W", **workspace))
        settings = vault.seal(b"settings", *installation_place(o, i))
        installation = {"workspace_id": "2" * 32, "plugin": "p", "enabled": True, "version": 1, "settings": settings}
        await tx.execute(tables.installation.insert().values(organization_id=o, id=i, **installation))
        secret = vault.seal(b"secrets", *subscription_place(o, "3" * 32))
        subscription = {"installation_id": i, "name": "n", "secrets": secret}
        await tx.execute(tables.subscription.insert().values(organization_id=o, id="3" * 32, **subscription))
        for key in ("a", "ü"):
            sealed = vault.seal(key.encode(), *store_place(o, i, key))
            await tx.execute(
                tables.store.insert().values(organization_id=o, installation_id=i, key=key, sealed=sealed)
            )
        common = {"organization_id": o, "attempts": 0, "next_at": 0.0}
        event = {"subscription_id": "3" * 32, "received_at": NOW, **common}
        inbox = tables.inbox.insert()
        raw = vault.seal(b"raw", *inbox_place(o, "4" * 32))
        await tx.execute(inbox.values(id="4" * 32, event="e", sealed=raw, state="received", **event))
        await tx.execute(inbox.values(id="5" * 32, event="f", sealed=None, state="done", **event))
        message = {"installation_id": i, "purpose": "reply", "state": "planned", **common}
        rows = [{"id": id_, "sealed": vault.seal(id_.encode(), *outbox_place(o, id_)), **message} for id_ in ids]
        await tx.execute(tables.outbox.insert(), rows)


async def opened(database: Database, vault: Vault) -> int:
    """Open every sealed value and return how many there are."""
    count = 0
    async with database.read() as tx:
        for sealed in keys.SEALED:
            for row in (await tx.execute(sa.select(sealed.table))).mappings():
                if row[sealed.column] is not None:
                    vault.open(row[sealed.column], *sealed.place_of(dict(row)))
                    count += 1
    return count


async def test_ten_thousand_values_are_resealed_beside_a_running_service(open_database: Any) -> None:
    old, new = {b"old1": secrets.token_bytes(32)}, {b"new1": secrets.token_bytes(32)}
    both = Vault({**old, **new})
    async with open_database() as database:
        async with database.write() as tx:
            before = await keys.rooted(tx, Vault(old))
            chain = {"organization": None, "at": NOW, "actor": "a", "verb": "v", "subject": "s", "detail": {}}
            for _ in range(3):
                await audit.record(tx, before, **chain)
            await audit.trim(tx, before, NOW)
        await fill(database, before, 10_000)
        assert await opened(database, both) == 10_005

        done = asyncio.Event()

        async def service() -> int:
            """Change values all the while, as a service that already seals with the new key does."""
            turns = 0
            while not done.is_set():
                id_ = f"{turns % 10_000:032}"
                value = both.seal(b"changed", *outbox_place(ORGANIZATION, id_))
                async with database.write() as tx:
                    await tx.execute(tables.outbox.update().where(tables.outbox.c.id == id_).values(sealed=value))
                turns += 1
                await asyncio.sleep(0.002)
            return turns

        running = asyncio.create_task(service())
        result = await keys.reseal(database, both)
        done.set()
        turns = await running
        assert result.unreadable == []
        assert 10_006 - turns <= result.count <= 10_006

        only = Vault(new)
        assert await opened(database, only) == 10_005
        async with database.read() as tx:
            after = await keys.rooted(tx, only)
            assert await audit.verify(tx, after) == []
        assert before.keyed_hash("event", "inbox") == after.keyed_hash("event", "inbox")
        async with database.read() as tx:
            value = await tx.scalar(sa.select(tables.outbox.c.sealed).where(tables.outbox.c.id == f"{0:032}"))
        assert only.open(value, *outbox_place(ORGANIZATION, f"{0:032}")) == b"changed"
        assert (await keys.reseal(database, only)).count == 1  # the root's stamp alone


async def test_values_that_no_key_opens_are_named_and_left(open_database: Any) -> None:
    vault = Vault({b"old1": b"o" * 32})
    async with open_database() as database:
        await fill(database, vault, 250)
        foreign = Vault({b"lost": b"l" * 32}).seal(b"x", "elsewhere")
        async with database.write() as tx:
            await tx.execute(tables.store.update().where(tables.store.c.key == "a").values(sealed=foreign))
            lost = tables.outbox.c.id.in_([f"{index:032}" for index in range(205)])
            await tx.execute(tables.outbox.update().where(lost).values(sealed=foreign))
        result = await keys.reseal(database, Vault({b"old1": b"o" * 32, b"new1": b"n" * 32}))
        assert result.count == 250 - 205 + 4
        assert len(result.unreadable) == 206
        assert store_place(ORGANIZATION, "1" * 32, "a") in result.unreadable


async def test_the_root_is_drawn_once_and_needs_its_keys(open_database: Any) -> None:
    vault = Vault({b"old1": b"o" * 32})
    async with open_database() as database:

        async def hashed() -> str:
            async with database.write() as tx:
                return (await keys.rooted(tx, vault)).keyed_hash("a", "b")

        assert len(set(await asyncio.gather(*(hashed() for _ in range(5))))) == 1
        with pytest.raises(Unsafe, match="TERTULIA_KEYS"):
            async with database.read() as tx:
                await keys.rooted(tx, Vault({b"new1": b"n" * 32}))


def test_every_sealed_place_is_the_one_that_the_services_use() -> None:
    row = {"organization_id": "o", "id": "i", "installation_id": "n", "key": "k", "round_id": "r", "person_id": "p"}
    row |= {"token_id": "t"}
    row |= {
        "item_id": "m",
        "size": "full",
        "workspace_id": "w",
        "practice": "c",
        "occasion": "birthday",
        "token_id": "t",
    }
    places = {".".join((sealed.table.name, *sealed.part)): sealed.place_of(row) for sealed in keys.SEALED}
    assert places == {
        "installation": installation_place("o", "i"),
        "subscription": subscription_place("o", "i"),
        "store": store_place("o", "n", "k"),
        "inbox": inbox_place("o", "i"),
        "outbox": outbox_place("o", "i"),
        "identity_merge": merge_place("o", "i"),
        "api_reply": reply_place("o", "t", "k"),
        "feedback_message": ("feedback_message", "o", "i"),
        "comment": ("comment", "o", "i"),
        "private_answer": private_answer_place("o", "r", "p"),
        "kudos": kudos_place("o", "i"),
        "question.question": question_place("o", "i", "question"),
        "question.answer": question_place("o", "i", "answer"),
        "gallery_picture": picture_place("o", "m", "full"),
        "celebration": celebration_place("o", "w", "c", "p", "birthday"),
    }
    columns = {
        (table.name, column.name)
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary)
    }
    # sealed to keys of their own: the round's, and the responders', whose public halves lie beside them
    elsewhere = {
        ("ballot", "sealed"),
        ("candle", "responder_box"),
        ("candle", "deputy_box"),
        ("candle_key", "public"),
    }
    assert columns - elsewhere == {(sealed.table.name, sealed.column) for sealed in keys.SEALED}


async def test_a_forged_stamp_is_not_taken_for_a_root(open_database: Any) -> None:
    vault = Vault({b"old1": b"o" * 32})
    async with open_database() as database:
        async with database.write() as tx:
            await tx.execute(tables.stamp.insert().values(name="hash_root", value=vault.token("00", "stamp", "mode")))
        with pytest.raises((Unsafe, Refused)):
            async with database.read() as tx:
                await keys.rooted(tx, vault)
