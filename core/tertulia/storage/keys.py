"""The master keys: a file outside the database, its rotation, and the root of keyed hashes that survives it.

One key per line, `id:base64`, the newest last. To rotate: add a key, restart, re-seal, then delete the old line.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Entropy
from tertulia.errors import Mistake, Refused, Unsafe
from tertulia.storage import tables
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.vault import KEY_ID, Vault

KEY = 32
BATCH = 200
HASH_ROOT = "hash_root"


def new_keys(path: Path, entropy: Entropy = secrets.token_bytes) -> bytes:
    """Create the key file with its first key, and return the key's id."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_id = _draw({}, entropy)
    try:
        _write(path, {key_id: entropy(KEY)})
    except FileExistsError:
        raise Mistake(f"TERTULIA_KEYS names {path}, which exists; add a key with `tertulia keys add`.") from None
    return key_id


def add_key(path: Path, entropy: Entropy = secrets.token_bytes) -> bytes:
    """Add a key, which seals from the next start on, and return its id."""
    keys = load(path)
    key_id = _draw(keys, entropy)
    draft = path.with_name(f"{path.name}.{entropy(8).hex()}")
    _write(draft, {**keys, key_id: entropy(KEY)})
    draft.replace(path)
    _sync(path.parent)
    return key_id


def load(path: Path) -> dict[bytes, bytes]:
    """Read the keys, the oldest first; raises `Unsafe` for a file that is missing, open to others or malformed."""
    try:
        with path.open("rb") as file:
            shared = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            content = file.read()
    except OSError as error:
        raise Unsafe(
            f"TERTULIA_KEYS names {path}, which cannot be read ({error.strerror}); make it with `tertulia keys new`."
        ) from None
    if shared:
        raise Unsafe(f"TERTULIA_KEYS names {path}, which others may read; run `chmod 600 {path}`.")
    keys: dict[bytes, bytes] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip() and not line.startswith(b"#"):
            key_id, key = _parse(line.strip(), path, number)
            if key_id in keys:
                raise Unsafe(f"TERTULIA_KEYS: line {number} of {path} repeats the id of a line before it; remove it.")
            keys[key_id] = key
    if not keys:
        raise Unsafe(f"TERTULIA_KEYS names {path}, which holds no key; make one with `tertulia keys new`.")
    return keys


def _parse(line: bytes, path: Path, number: int) -> tuple[bytes, bytes]:
    key_id, colon, text = line.partition(b":")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if not colon or len(key_id) != KEY_ID or len(key) != KEY or len(set(key)) < KEY // 4:
        raise Unsafe(
            f"TERTULIA_KEYS: line {number} of {path} is not a key id of {KEY_ID} characters, a colon and {KEY} "
            "random bytes in base64; restore the file, or make a new one with `tertulia keys new`."
        )
    return key_id, key


def _draw(taken: Mapping[bytes, bytes], entropy: Entropy) -> bytes:
    while (key_id := entropy(KEY_ID // 2).hex().encode()) in taken:
        pass
    return key_id


def _write(path: Path, keys: Mapping[bytes, bytes]) -> None:
    lines = [key_id + b":" + base64.b64encode(key) + b"\n" for key_id, key in keys.items()]
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(b"".join(lines))
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def rooted(tx: Tx, vault: Vault) -> Vault:
    """Return *vault* with this database's root of keyed hashes; the first call draws it and needs a writing *tx*."""
    query = sa.select(tables.stamp.c.value).where(tables.stamp.c.name == HASH_ROOT)
    value = await tx.scalar(query)
    if value is None:
        sealed = vault.token(secrets.token_hex(KEY), "stamp", HASH_ROOT)
        await upsert(tx, tables.stamp, [{"name": HASH_ROOT, "value": sealed}], keys=["name"])
        value = await tx.scalar(query)  # another worker may have been first
    try:
        return vault.with_root(bytes.fromhex(vault.open_token(str(value), "stamp", HASH_ROOT)))
    except Refused:
        raise Unsafe(
            "TERTULIA_KEYS holds none of the keys that this database was sealed with; restore the key file that "
            "belongs to it."
        ) from None


@dataclass(frozen=True)
class SealedColumn:
    """Name a column that holds sealed values, and the columns of its row that make their place.

    *part* tells the sealed columns of one table apart.
    """

    table: sa.Table
    column: str
    place: tuple[str, ...]
    part: tuple[str, ...] = ()

    def place_of(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the associated data of a row's value."""
        return (self.table.name, *(row[name] for name in self.place), *self.part)


SEALED = (
    SealedColumn(tables.installation, "settings", ("organization_id", "id")),
    SealedColumn(tables.subscription, "secrets", ("organization_id", "id")),
    SealedColumn(tables.store, "sealed", ("organization_id", "installation_id", "key")),
    SealedColumn(tables.inbox, "sealed", ("organization_id", "id")),
    SealedColumn(tables.outbox, "sealed", ("organization_id", "id")),
    SealedColumn(tables.identity_merge, "sealed", ("organization_id", "id")),
    SealedColumn(tables.api_reply, "sealed", ("organization_id", "token_id", "key")),
    SealedColumn(tables.feedback_message, "sealed", ("organization_id", "id")),
    SealedColumn(tables.comment, "sealed", ("organization_id", "id")),
    SealedColumn(tables.private_answer, "sealed", ("organization_id", "round_id", "person_id")),
    SealedColumn(tables.kudos, "sealed", ("organization_id", "id")),
    SealedColumn(tables.question, "sealed", ("organization_id", "id"), ("question",)),
    SealedColumn(tables.question, "answer", ("organization_id", "id"), ("answer",)),
    SealedColumn(tables.gallery_picture, "sealed", ("organization_id", "item_id", "size")),
    SealedColumn(
        tables.celebration, "sealed", ("organization_id", "workspace_id", "practice", "person_id", "occasion")
    ),
)
"""Every sealed column but the ballots' and the candles', whose keys are their rounds' and their responders'."""
STAMPS = (HASH_ROOT, "audit_base")
"""Sealed stamps, as tokens."""


@dataclass
class Resealed:
    """Hold how many values the newest key seals now, and the places of those that no key opens."""

    count: int
    unreadable: list[tuple[str, ...]]


async def reseal(database: Database, vault: Vault) -> Resealed:
    """Seal whatever an older key sealed with the newest, in short transactions beside a running service."""
    result = Resealed(0, [])
    async with database.write() as tx:
        await _reseal_stamps(tx, vault, result)
    for sealed in SEALED:
        after: tuple[str, ...] | None = ()
        while after is not None:
            async with database.write() as tx:
                after = await _reseal_batch(tx, vault, sealed, after, result)
    return result


async def _reseal_stamps(tx: Tx, vault: Vault, result: Resealed) -> None:
    rows = await tx.execute(sa.select(tables.stamp).where(tables.stamp.c.name.in_(STAMPS)).with_for_update())
    for row in rows.all():
        place = ("stamp", row.name)
        try:
            value = vault.token(vault.open_token(row.value, *place), *place)
        except Refused:
            result.unreadable.append(place)
            continue
        await tx.execute(tables.stamp.update().where(tables.stamp.c.name == row.name).values(value=value))
        result.count += 1


async def _reseal_batch(
    tx: Tx, vault: Vault, sealed: SealedColumn, after: tuple[str, ...], result: Resealed
) -> tuple[str, ...] | None:
    table, column = sealed.table, sealed.table.c[sealed.column]
    keys = list(table.primary_key.columns)
    names = dict.fromkeys([*(key.name for key in keys), *sealed.place, sealed.column])
    query = (
        sa.select(*(table.c[name] for name in names))
        .where(column.is_not(None), sa.func.substr(column, 1, KEY_ID) != sa.literal(vault.newest, sa.LargeBinary))
        .order_by(*keys)
        .limit(BATCH)
        .with_for_update()
    )
    if after:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(value) for value in after)))
    rows = (await tx.execute(query)).mappings().all()
    changes = []
    for row in rows:
        place = sealed.place_of(dict(row))
        try:
            value = vault.seal(vault.open(row[sealed.column], *place), *place)
        except Refused:
            result.unreadable.append(place)
        else:
            changes.append({f"key_{key.name}": row[key.name] for key in keys} | {"value": value})
    if changes:
        matches = [key == sa.bindparam(f"key_{key.name}") for key in keys]
        await tx.execute(table.update().where(*matches).values({column.name: sa.bindparam("value")}), changes)
        result.count += len(changes)
    return tuple(rows[-1][key.name] for key in keys) if len(rows) == BATCH else None
