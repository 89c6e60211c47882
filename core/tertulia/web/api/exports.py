"""What a workspace did, without what any person did: its programs and rounds, and what its pages publish, as files.

What names people takes a second person: it is proposed, approved and downloaded in the console.
"""

from __future__ import annotations

import tempfile
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from tertulia.services import exporting, exports, tabular
from tertulia.web.api.operations import HOME, Answer, Call, File, Operation, name_in
from tertulia.web.api.paging import Paged
from tertulia.web.api.problems import Problem
from tertulia.web.console.exports import IN_MEMORY
from tertulia.web.console.scope import RUNNING


class ExportedVersion(BaseModel):
    """A version of the program."""

    version: int
    applied_at: datetime
    document: str


class ExportedRound(BaseModel):
    """A round as counts; answers are left out where few were reached."""

    practice: str
    kind: str
    occurrence: str
    state: str
    opens_at: datetime
    closes_at: datetime | None
    program_version: int
    confidential: bool
    invited: int
    not_reached: int
    answered: int | None = Field(description="of a survey in steps of five")
    passed: int | None


class ExportDocument(BaseModel):
    """All programs and rounds of a workspace."""

    workspace: str
    zone: str
    exported_at: datetime
    program: list[ExportedVersion]
    rounds: list[ExportedRound]


class ColumnDocument(BaseModel):
    """A column of a file."""

    name: str
    kind: str
    about: str


class FileDocument(BaseModel):
    """What can be exported as a file."""

    key: str
    title: str
    about: str
    columns: list[ColumnDocument]


class Wanted(BaseModel):
    """In which form a file is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: tabular.Form = Field("csv", description="parquet only where the service has what writes it")


async def listed(call: Call) -> Answer:
    """List what can be exported as a file."""
    items = [
        FileDocument(
            key=one.key,
            title=one.title,
            about=one.about,
            columns=[ColumnDocument(name=each.name, kind=each.kind, about=each.about) for each in one.columns],
        )
        for one in exports.EXPORTS.values()
        if not one.named
    ]
    return Answer(document=Paged[FileDocument](items=items, next=None))


async def file(call: Call) -> File:
    """Export published cells as a file; that they were read is an entry of the log."""
    one, form = exports.EXPORTS.get(name_in(call, "export")), tabular.check(call.asked(Wanted).format)
    if one is None:
        raise Problem("not_found")
    if one.named:
        raise Problem("refused", "This names people: propose it on the page Exports, so that a second person agrees.")
    runtime = call.runtime
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as written:
        async with runtime.database.snapshot() as tx:
            rows = await tabular.write(exports.table(runtime, tx, call.home, one), form, written)
        written.seek(0)
        content = written.read()
    await call.note("export.read", {"of": one.key, "form": form, "rows": rows})
    return File(content=content, media=tabular.MEDIA[form], name=exports.file_name(one, form, runtime.clock.now()))


async def export(call: Call) -> Answer:
    """Export programs and rounds; that they were read is an entry of the log."""
    async with call.runtime.database.snapshot() as tx:
        found = await exporting.export(call.runtime, tx, call.organization, call.home.id)
    await call.note("workspace.export", exporting.entered(found))
    return Answer(document=ExportDocument.model_validate(found))


OPERATIONS = (
    Operation(
        name="exportRounds",
        method="GET",
        path=HOME + "/export",
        summary="Export programs and rounds as counts",
        about="export",
        scope="read:export",
        roles=RUNNING.roles,
        handler=export,
        answers=ExportDocument,
        mode="outside",
        seldom=True,
    ),
    Operation(
        name="listExports",
        method="GET",
        path=HOME + "/exports",
        summary="List what can be exported as a file",
        about="export",
        scope="read:export",
        roles=exports.SEEING,
        handler=listed,
        answers=Paged[FileDocument],
    ),
    Operation(
        name="getExport",
        method="GET",
        path=HOME + "/exports/{export}",
        summary="Export published cells as a file",
        about="export",
        scope="read:export",
        roles=exports.SEEING,
        handler=file,
        query=Wanted,
        answers=None,
        files=tuple(tabular.MEDIA.values()),
        mode="outside",
        seldom=True,
    ),
)
