"""Check, plan and apply a workspace's program, and tell what it was before."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Program
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import audiences, fewest, program_document, rounds
from tertulia.services.people import declare_place
from tertulia.services.program_plan import Change, Plan, differences, next_rounds
from tertulia.storage import audit, makeup, programs, tables
from tertulia.storage.database import Tx
from tertulia.storage.programs import StoredProgram


@dataclass(frozen=True, kw_only=True)
class Revision:
    """Hold one version, who applied it, and what it changed from the one before."""

    stored: StoredProgram
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        stored = self.stored
        head = f"Version {stored.program.version}, {stored.applied_at:%Y-%m-%d %H:%M} UTC, by {stored.applied_by}"
        return "\n".join([head, *(f"  {change}" for change in self.changes)])


def check(runtime: Runtime, text: str) -> Program:
    """Read a document without a workspace; raises `ProgramMistake` with all its faults."""
    return program_document.parse(text, version=1, plugins=runtime.plugins)


async def plan(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, text: str) -> Plan:
    """Tell what applying *text* would change, and when the next rounds would be; changes nothing."""
    zone = await _zone(tx, organization, workspace)
    newest = await programs.newest(tx, organization, workspace)
    old = newest.program if newest else None
    program = program_document.parse(text, version=_next(old), plugins=runtime.plugins, zone=zone)
    members = await makeup.counted(tx, organization, workspace)
    return Plan(
        current=old.version if old else None,
        program=program,
        changes=differences(old, program),
        rounds=next_rounds(program, members, zone, runtime.clock.now()),
    )


async def apply(runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, text: str, actor: str) -> Program:
    """Put *text* into force as a new version and schedule its rounds; what changes nothing makes no version.

    The places that it names yield facts from now on, wherever its practices ask. Other thresholds than the surveys
    had are refused: see `apply_agreed`.
    """
    return await _apply(runtime, tx, organization, workspace, text, actor, agreed=False)


async def apply_agreed(
    runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, text: str, actor: str
) -> Program:
    """Put *text* into force, other thresholds too: a second person agreed, or the operator answers for them."""
    return await _apply(runtime, tx, organization, workspace, text, actor, agreed=True)


async def _apply(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, text: str, actor: str, *, agreed: bool
) -> Program:
    zone = await _zone(tx, organization, workspace, lock=True)
    newest = await programs.newest(tx, organization, workspace)
    old = newest.program if newest else None
    program = program_document.parse(text, version=_next(old), plugins=runtime.plugins, zone=zone)
    for place in dict.fromkeys(place for practice in program.practices for place in practice.places):
        await declare_place(runtime, tx, organization, workspace, place)
    if old is not None and _same(old, program):
        return old
    await audiences.refuse_unknown(tx, organization, workspace, program)
    await fewest.refuse_lowering(runtime, tx, organization, workspace, program)
    thresholds = await fewest.changed(runtime, tx, organization, workspace, program)
    if not agreed:
        fewest.refuse_alone(thresholds)
    now = runtime.clock.now()
    stored = StoredProgram(program=program, document=text, applied_by=actor, applied_at=now)
    await programs.add(tx, organization, workspace, stored)
    changes = [_audited(each) for each in differences(old, program)]
    noted = {"program.apply": {"version": program.version, "changes": changes}}
    if thresholds:
        said = {key: f"{before} to {after}" for key, (before, after) in thresholds.items()}
        noted["program.threshold"] = {"fewest": said}
    for verb, detail in noted.items():
        await audit.record(
            tx,
            runtime.vault,
            organization=organization,
            at=now,
            actor=actor,
            verb=verb,
            subject=workspace,
            detail=detail,
        )
    await rounds.schedule(runtime, tx, organization, workspace, program)
    return program


async def apply_version(
    runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, version: int, actor: str
) -> Program:
    """Put an older version into force again, as a new one."""
    stored = await show(tx, organization, workspace, version)
    return await apply(runtime, tx, organization=organization, workspace=workspace, text=stored.document, actor=actor)


async def show(tx: Tx, organization: Id, workspace: Id, version: int | None = None) -> StoredProgram:
    """Return a version with its document, the newest if none is named."""
    await _zone(tx, organization, workspace)
    if version is None:
        stored = await programs.newest(tx, organization, workspace)
    else:
        stored = await programs.stored_version(tx, organization, workspace, version)
    if stored is not None:
        return stored
    newest = await programs.current(tx, organization, workspace)
    if newest is None:
        raise Mistake("The workspace has no program yet; apply one with `tertulia program apply`.")
    raise Mistake(f"The program has no version {version}; versions go from 1 to {newest.version}.")


async def history(tx: Tx, organization: Id, workspace: Id) -> tuple[Revision, ...]:
    """Return all versions, newest first, each with what it changed."""
    await _zone(tx, organization, workspace)
    versions = await programs.history(tx, organization, workspace)
    before = [None, *(stored.program for stored in versions)]
    revisions = [
        Revision(stored=stored, changes=differences(old, stored.program))
        for old, stored in zip(before, versions, strict=False)
    ]
    return tuple(reversed(revisions))


async def _zone(tx: Tx, organization: Id, workspace: Id, *, lock: bool = False) -> str:
    query = sa.select(tables.workspace.c.zone).filter_by(organization_id=organization, id=workspace)
    # two people applying at once would otherwise draw the same version
    zone = (await tx.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if zone is None:
        raise Mistake(
            f"There is no workspace {workspace} in this organization; list them with `tertulia workspace list`."
        )
    return str(zone)


def _next(old: Program | None) -> int:
    return old.version + 1 if old else 1


def _same(old: Program | None, new: Program) -> bool:
    return old is not None and not differences(old, new)


def _audited(change: Change) -> dict[str, str | None]:
    return {"what": change.what, "practice": change.practice, "field": change.field}
