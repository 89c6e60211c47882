"""What a workspace did, without what any person did: its programs, and its rounds as counts."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from tertulia.services import exporting
from tertulia.web.api.operations import HOME, Answer, Call, Operation
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


async def export(call: Call) -> Answer:
    """Export programs and rounds; that they were read is an entry of the log."""
    found = await exporting.export(call.runtime, call.tx, call.organization, call.home.id, actor=call.actor)
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
        mode="write",
    ),
)
