"""Read and write programs: every version stays, as the text that was written and as the data it meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Place
from tertulia.domain.programs import Audience, Cadence, Moment, Practice, Program
from tertulia.storage import tables
from tertulia.storage.database import Tx


@dataclass(frozen=True, kw_only=True)
class StoredProgram:
    """Hold one version as it was applied."""

    program: Program
    document: str
    applied_by: str
    applied_at: datetime


async def current(tx: Tx, organization: Id, workspace: Id) -> Program | None:
    """Return the newest version of a workspace's program."""
    stored = await newest(tx, organization, workspace)
    return stored.program if stored else None


async def at_version(tx: Tx, organization: Id, workspace: Id, version: int) -> Program | None:
    """Return one version of a workspace's program."""
    stored = await stored_version(tx, organization, workspace, version)
    return stored.program if stored else None


async def newest(tx: Tx, organization: Id, workspace: Id) -> StoredProgram | None:
    """Return the newest version with its document."""
    query = _versions(organization, workspace).order_by(tables.program.c.version.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return _stored(row) if row else None


async def stored_version(tx: Tx, organization: Id, workspace: Id, version: int) -> StoredProgram | None:
    """Return one version with its document."""
    query = _versions(organization, workspace).where(tables.program.c.version == version)
    row = (await tx.execute(query)).one_or_none()
    return _stored(row) if row else None


async def history(tx: Tx, organization: Id, workspace: Id) -> list[StoredProgram]:
    """Return all versions, oldest first."""
    query = _versions(organization, workspace).order_by(tables.program.c.version)
    return [_stored(row) for row in await tx.execute(query)]


async def add(tx: Tx, organization: Id, workspace: Id, stored: StoredProgram) -> None:
    """Keep a new version."""
    await tx.execute(
        tables.program.insert().values(
            organization_id=organization,
            workspace_id=workspace,
            version=stored.program.version,
            document=stored.document,
            parsed=_encode(stored.program),
            applied_by=stored.applied_by,
            applied_at=stored.applied_at,
        )
    )


def _versions(organization: Id, workspace: Id) -> sa.Select[Any]:
    columns = tables.program.c
    return sa.select(tables.program).where(columns.organization_id == organization, columns.workspace_id == workspace)


def _stored(row: Any) -> StoredProgram:
    return StoredProgram(
        program=_decode(row.version, row.parsed),
        document=row.document,
        applied_by=row.applied_by,
        applied_at=row.applied_at,
    )


def _encode(program: Program) -> Json:
    return {
        "message_budget": program.message_budget,
        "practices": [_encode_practice(practice) for practice in program.practices],
    }


def _encode_practice(practice: Practice) -> Json:
    return {
        **{name: getattr(practice, name) for name in ("key", "kind", "title", "ask", "join")},
        "cadence": vars(practice.cadence),
        "audience": {name: list(values) for name, values in vars(practice.audience).items()},
        "places": [vars(place) for place in practice.places],
        "open_for": practice.open_for.total_seconds(),
        "reminders": [pause.total_seconds() for pause in practice.reminders],
        "options": practice.options,
        "moment": _encode_moment(practice.moment),
    }


def _encode_moment(moment: Moment | None) -> Json | None:
    return None if moment is None else {"event": moment.event, "after": moment.after.total_seconds()}


def _decode_moment(parsed: Mapping[str, Any] | None) -> Moment | None:
    return None if parsed is None else Moment(parsed["event"], timedelta(seconds=parsed["after"]))


def _decode(version: int, parsed: Mapping[str, Any]) -> Program:
    practices = tuple(_decode_practice(practice) for practice in parsed["practices"])
    return Program(version=version, practices=practices, message_budget=parsed["message_budget"])


def _decode_practice(parsed: Mapping[str, Any]) -> Practice:
    return Practice(
        key=parsed["key"],
        kind=parsed["kind"],
        title=parsed["title"],
        ask=parsed["ask"],
        cadence=Cadence(**parsed["cadence"]),
        audience=Audience(**{name: tuple(values) for name, values in parsed["audience"].items()}),
        places=tuple(Place(**place) for place in parsed["places"]),
        open_for=timedelta(seconds=parsed["open_for"]),
        reminders=tuple(timedelta(seconds=pause) for pause in parsed["reminders"]),
        options=parsed["options"],
        # programs of before the key existed address everybody
        join=parsed.get("join", "all"),
        moment=_decode_moment(parsed.get("moment")),
    )
