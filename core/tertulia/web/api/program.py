"""The program: the document in force, what a change would do, putting it into force, and the way back."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal

from pydantic import BaseModel, Field

from tertulia.services import programs
from tertulia.services.program_document import LARGEST, ProgramMistake
from tertulia.services.program_plan import Change, NextRound, Plan
from tertulia.storage import programs as stored
from tertulia.storage.programs import StoredProgram
from tertulia.web.api.operations import HOME, Answer, Call, Given, Operation, name_in
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.api.problems import Fault, Problem
from tertulia.web.console.scope import RUNNING

PROGRAM = HOME + "/program"
VERSIONS = PROGRAM + "/versions"
LIST = "versions"


class ProgramDocument(BaseModel):
    """A version of the program; before the first one *version* is 0 and the document empty."""

    version: int
    document: str = Field(description="TOML, as it was written")
    applied_at: datetime | None
    applied_by: str | None = Field(description="the id of a person, token:… or cli:…")


class ChangeDocument(BaseModel):
    """One difference between two versions."""

    what: Literal["added", "removed", "changed"]
    practice: str | None = Field(description="its key; null for the program itself")
    field: str
    old: str | None
    new: str | None


class VersionDocument(BaseModel):
    """A version and what it changed."""

    version: int
    applied_at: datetime
    applied_by: str
    changes: list[ChangeDocument]


class NextRoundDocument(BaseModel):
    """When people in one time zone are asked next."""

    practice: str
    zone: str
    people: int | None = Field(description="null for a group, whose size is not told")
    local: str = Field(description="wall time there")
    at: datetime


class PlanDocument(BaseModel):
    """What putting a document into force would do."""

    current: int | None
    version: int
    changes: list[ChangeDocument]
    rounds: list[NextRoundDocument]


class ProgramText(Given):
    """A whole program."""

    document: str = Field(max_length=LARGEST, description="TOML, see docs/program.example.toml")


async def show(call: Call) -> Answer:
    """Tell which program is in force."""
    return _shown(await stored.newest(call.tx, call.organization, call.home.id))


async def plan(call: Call) -> Answer:
    """Tell what a document would change; nothing is changed."""
    text = call.given(ProgramText).document
    try:
        found = await programs.plan(call.runtime, call.tx, call.organization, call.home.id, text)
    except ProgramMistake as mistake:
        raise _refused(mistake) from None
    return Answer(document=_plan(found))


async def put(call: Call) -> Answer:
    """Put a document into force, unless somebody else did meanwhile."""
    await _expect(call)
    whose = {"organization": call.organization, "workspace": call.home.id}
    text = call.given(ProgramText).document
    try:
        await programs.apply(call.runtime, call.tx, **whose, text=text, actor=call.actor)
    except ProgramMistake as mistake:
        raise _refused(mistake) from None
    return await show(call)


async def versions(call: Call) -> Answer:
    """List the versions, newest first."""
    part, vault, place = call.asked(Part), call.runtime.vault, (LIST, call.home.id)
    below: int | None = opened(vault, part, *place)
    known = await programs.history(call.tx, call.organization, call.home.id)
    left = [one for one in known if below is None or one.stored.program.version < below]
    shown, following = cut(vault, left, part, lambda one: one.stored.program.version, *place)
    items = [
        VersionDocument(
            version=one.stored.program.version,
            applied_at=one.stored.applied_at,
            applied_by=one.stored.applied_by,
            changes=[_change(each) for each in one.changes],
        )
        for one in shown
    ]
    return Answer(document=Paged[VersionDocument](items=items, next=following))


async def version(call: Call) -> Answer:
    """Tell what the program was."""
    return _shown(await _version(call))


async def restore(call: Call) -> Answer:
    """Put an older version into force again, as a new one."""
    await _expect(call)
    whose = {"organization": call.organization, "workspace": call.home.id}
    number = (await _version(call)).program.version
    await programs.apply_version(call.runtime, call.tx, **whose, version=number, actor=call.actor)
    return await show(call)


async def _version(call: Call) -> StoredProgram:
    text = name_in(call, "version", 9)
    number = int(text) if text.isascii() and text.isdigit() else 0
    found = await stored.stored_version(call.tx, call.organization, call.home.id, number)
    if found is None:
        raise Problem("not_found")
    return found


async def _expect(call: Call) -> None:
    newest = await stored.newest(call.tx, call.organization, call.home.id)
    call.expect(_etag(newest))


def _shown(found: StoredProgram | None) -> Answer:
    document = ProgramDocument(
        version=found.program.version if found else 0,
        document=found.document if found else "",
        applied_at=found.applied_at if found else None,
        applied_by=found.applied_by if found else None,
    )
    return Answer(document=document, etag=_etag(found))


def _etag(found: StoredProgram | None) -> str:
    return f'"{found.program.version if found else 0}"'


def _refused(mistake: ProgramMistake) -> Problem:
    faults = [
        Fault(field=one.key or "document", code="program", detail=f"Line {one.line}: {one.sentence}")
        for one in mistake.errors
    ]
    return Problem("refused", "The document has faults; the errors name each line and key.", errors=faults)


def _plan(found: Plan) -> PlanDocument:
    return PlanDocument(
        current=found.current,
        version=found.program.version,
        changes=[_change(one) for one in found.changes],
        rounds=[_round(one) for one in found.rounds],
    )


def _change(one: Change) -> ChangeDocument:
    return ChangeDocument(what=one.what, practice=one.practice, field=one.field, old=one.old, new=one.new)


def _round(one: NextRound) -> NextRoundDocument:
    local = one.local.isoformat(timespec="minutes")
    return NextRoundDocument(practice=one.practice, zone=one.zone, people=one.people, local=local, at=one.utc)


_read = partial(Operation, about="program", roles=RUNNING.roles, scope="read:program")
_change_it = partial(
    Operation,
    about="program",
    roles=RUNNING.roles,
    scope="write:program",
    mode="write",
    versioned=True,
    tagged=True,
    answers=ProgramDocument,
)
OPERATIONS: tuple[Operation, ...] = (
    _read(
        name="getProgram",
        method="GET",
        path=PROGRAM,
        summary="Read the program in force",
        handler=show,
        answers=ProgramDocument,
        tagged=True,
    ),
    _change_it(
        name="putProgram",
        method="PUT",
        path=PROGRAM,
        summary="Put a program into force",
        handler=put,
        body=ProgramText,
    ),
    _read(
        name="planProgram",
        method="POST",
        path=PROGRAM + "/plan",
        summary="Try what a program would change",
        handler=plan,
        body=ProgramText,
        answers=PlanDocument,
    ),
    _read(
        name="listVersions",
        method="GET",
        path=VERSIONS,
        summary="List the versions of the program",
        handler=versions,
        query=Part,
        answers=Paged[VersionDocument],
    ),
    _read(
        name="getVersion",
        method="GET",
        path=VERSIONS + "/{version}",
        summary="Read a version of the program",
        handler=version,
        answers=ProgramDocument,
        tagged=True,
    ),
    _change_it(
        name="restoreVersion",
        method="POST",
        path=VERSIONS + "/{version}/restore",
        summary="Return to a version of the program",
        handler=restore,
    ),
)
