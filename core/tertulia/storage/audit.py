"""The audit log: who changed or read what, as an HMAC chain that shows an edit, a gap or a cut."""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.storage import tables
from tertulia.storage.database import Tx
from tertulia.storage.vault import Vault


async def record(
    tx: Tx,
    vault: Vault,
    *,
    organization: Id | None,
    at: datetime,
    actor: str,
    verb: str,
    subject: str,
    detail: Json,
) -> None:
    """Append an entry. *detail* never holds an answer, nor the respondent of a survey."""
    if tx.dialect.name == "postgresql":
        # serialises writers: the chain has one head
        await tx.execute(sa.text("SELECT pg_advisory_xact_lock(842301)"))
    last = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(1))).one_or_none()
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, "")
    row = {
        "sequence": sequence,
        "organization_id": organization,
        "at": at,
        "actor": actor,
        "verb": verb,
        "subject": subject,
        "detail": dict(detail),
    }
    await tx.execute(tables.audit.insert().values(**row, digest=_digest(vault, row, previous)))


async def verify(tx: Tx, vault: Vault, *, head: tuple[int, str] | None = None) -> list[str]:
    """Return what is wrong with the chain, in sentences; *head* is an anchored (sequence, digest) to find in it."""
    faults: list[str] = []
    previous, expected = "", 1
    found = head is None
    for row in await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence)):
        if row.sequence != expected:
            faults.append(f"Entries {expected} to {row.sequence - 1} are missing.")
            expected = row.sequence
        if row.digest != _digest(vault, dict(row._mapping), previous):
            faults.append(f"Entry {row.sequence} was altered, or the one before it.")
        found = found or (head is not None and head == (row.sequence, row.digest))
        previous, expected = row.digest, expected + 1
    if not found:
        faults.append("The anchored end of the log is not in it: the log was cut or rewritten.")
    return faults


async def anchor(tx: Tx) -> tuple[int, str] | None:
    """Return sequence and digest of the last entry, to be kept elsewhere."""
    columns = (tables.audit.c.sequence, tables.audit.c.digest)
    row = (await tx.execute(sa.select(*columns).order_by(tables.audit.c.sequence.desc()).limit(1))).one_or_none()
    return None if row is None else (row.sequence, row.digest)


def _digest(vault: Vault, row: Json, previous: str) -> str:
    fields = [
        row["sequence"],
        row["organization_id"],
        row["at"].isoformat(),
        row["actor"],
        row["verb"],
        row["subject"],
        row["detail"],
        previous,
    ]
    return vault.keyed_hash(json.dumps(fields, sort_keys=True), "audit")
