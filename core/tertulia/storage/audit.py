"""The audit log: who changed or read what, as an HMAC chain that shows an edit, a gap or a cut."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Refused
from tertulia.storage import tables
from tertulia.storage.database import Tx, upsert
from tertulia.storage.vault import Vault

BASE = "audit_base"
"""The stamp, sealed, of the last entry that retention removed: the chain starts after it."""
PLACE = ("stamp", BASE)
AREAS = (
    "audit", "console", "employment", "export", "hard_weeks", "inbox", "installation", "organization", "overview",
    "people", "place", "program", "proposal", "recommendation", "role", "round", "setting", "survey", "token",
    "workspace",
)  # fmt: skip
"""What a log shows: how a program is run. Entries about people's care, groups and messages belong to those people."""


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
    sequence, previous = await anchor(tx) or await _base(tx, vault)
    row = {
        "sequence": sequence + 1,
        "organization_id": organization,
        "at": at.replace(microsecond=at.microsecond // 1000 * 1000),  # as the column keeps it
        "actor": actor,
        "verb": verb,
        "subject": subject,
        "detail": json.loads(json.dumps(dict(detail))),
    }
    await tx.execute(tables.audit.insert().values(**row, digest=_digest(vault, row, previous)))


async def verify(tx: Tx, vault: Vault, *, head: tuple[int, str] | None = None) -> list[str]:
    """Return what is wrong with the chain, in sentences; *head* is an anchored (sequence, digest) to find in it."""
    faults: list[str] = []
    try:
        expected, previous = await _base(tx, vault)
    except Refused:
        expected, previous = 0, ""
        faults.append("The mark of the entries that retention removed was altered.")
    found = head is None or head == (expected, previous) or head[0] < expected
    expected += 1
    async for row in await tx.stream(sa.select(tables.audit).order_by(tables.audit.c.sequence)):
        if row.sequence != expected:
            faults.append(f"Entries {expected} to {row.sequence - 1} are missing.")
            expected = row.sequence
        if row.digest != _digest(vault, dict(row._mapping), previous):
            faults.append(f"Entry {row.sequence} was altered, or the one before it.")
        found = found or head == (row.sequence, row.digest)
        previous, expected = row.digest, expected + 1
    if not found:
        faults.append("The anchored end of the log is not in it: the log was cut or rewritten.")
    return faults


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Hold one entry as it is read."""

    sequence: int
    at: datetime
    actor: str
    verb: str
    subject: str
    detail: Json


async def entries(
    tx: Tx, organization: Id, workspace: Id, *, areas: Collection[str], most: int, before: int | None = None
) -> list[Entry]:
    """Return the *most* newest entries of some *areas*, what stands before the dot of a verb, newest first.

    They are those of the workspace and those of the whole organization. An entry is a workspace's where its `detail`
    names it as `workspace`, or where the workspace is its subject.
    """
    log = tables.audit.c
    others = sa.select(tables.workspace.c.id).where(
        tables.workspace.c.organization_id == organization, tables.workspace.c.id != workspace
    )
    named = log.detail["workspace"].as_string()
    query = sa.select(log.sequence, log.at, log.actor, log.verb, log.subject, log.detail).where(
        log.organization_id == organization,
        sa.or_(*(log.verb.like(f"{area}.%") for area in sorted(areas))),
        sa.or_(named == workspace, sa.and_(named.is_(None), log.subject.not_in(others))),
    )
    if before is not None:
        query = query.where(log.sequence < before)
    rows = await tx.execute(query.order_by(log.sequence.desc()).limit(most))
    return [Entry(**row._mapping) for row in rows]


async def at_the_command_line(tx: Tx, organization: Id, *, verbs: Collection[str], since: datetime) -> list[Entry]:
    """Return what the operator's commands did of some kinds, newest first."""
    log = tables.audit.c
    query = sa.select(log.sequence, log.at, log.actor, log.verb, log.subject, log.detail).where(
        log.organization_id == organization, log.verb.in_(verbs), log.actor.like("cli%"), log.at >= since
    )
    return [Entry(**row._mapping) for row in await tx.execute(query.order_by(log.sequence.desc()))]


async def anchor(tx: Tx) -> tuple[int, str] | None:
    """Return sequence and digest of the last entry, to be kept elsewhere."""
    columns = (tables.audit.c.sequence, tables.audit.c.digest)
    row = (await tx.execute(sa.select(*columns).order_by(tables.audit.c.sequence.desc()).limit(1))).one_or_none()
    return None if row is None else (row.sequence, row.digest)


async def trim(tx: Tx, vault: Vault, before: datetime) -> int:
    """Remove the entries older than *before* from the start of the chain, and seal where it now starts."""
    if tx.dialect.name == "postgresql":
        await tx.execute(sa.text("SELECT pg_advisory_xact_lock(842301)"))
    audit = tables.audit
    kept = sa.select(sa.func.min(audit.c.sequence)).where(audit.c.at >= before).scalar_subquery()
    query = sa.select(audit.c.sequence, audit.c.digest).where(sa.or_(audit.c.sequence < kept, kept.is_(None)))
    last = (await tx.execute(query.order_by(audit.c.sequence.desc()).limit(1))).one_or_none()
    if last is None:
        return 0
    value = vault.token([last.sequence, last.digest], *PLACE)
    await upsert(tx, tables.stamp, [{"name": BASE, "value": value}], keys=["name"], update=["value"])
    return (await tx.execute(audit.delete().where(audit.c.sequence <= last.sequence))).rowcount


async def _base(tx: Tx, vault: Vault) -> tuple[int, str]:
    value = await tx.scalar(sa.select(tables.stamp.c.value).where(tables.stamp.c.name == BASE))
    if value is None:
        return 0, ""
    sequence, digest = vault.open_token(value, *PLACE)
    return int(sequence), str(digest)


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
