"""The token that calls, and the workspace that it acts in."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from tertulia.storage.people import Workspace
from tertulia.web.api.operations import HOME, Answer, Call, Operation
from tertulia.web.api.paging import Paged
from tertulia.web.console.scope import RUNNING


class WorkspaceDocument(BaseModel):
    """A part of an organization that runs a program."""

    id: str
    name: str
    zone: str = Field(description="an IANA time zone")
    language: str = Field(description="a BCP 47 tag")
    message_budget: int = Field(description="messages per person and week")


class TokenDocument(BaseModel):
    """The token that calls."""

    id: str
    name: str
    workspace: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime


async def token(call: Call) -> Answer:
    """Tell what the token that calls may do, and until when."""
    one = call.caller.token
    document = TokenDocument(
        id=one.id,
        name=one.name,
        workspace=one.workspace,
        scopes=list(one.scopes),
        made_at=one.made_at,
        expires_at=one.expires_at,
    )
    return Answer(document=document)


async def listed(call: Call) -> Answer:
    """List the workspaces of the token: the one that it was made for."""
    return Answer(document=Paged[WorkspaceDocument](items=[_document(call.home)], next=None))


async def show(call: Call) -> Answer:
    """Tell about a workspace."""
    return Answer(document=_document(call.home))


def _document(home: Workspace) -> WorkspaceDocument:
    return WorkspaceDocument(
        id=home.id, name=home.name, zone=home.zone, language=home.language, message_budget=home.message_budget
    )


OPERATIONS = (
    Operation(
        name="getToken",
        method="GET",
        path="/token",
        summary="Read what the calling token may do",
        about="workspaces",
        scope="",
        roles=RUNNING.roles,
        handler=token,
        answers=TokenDocument,
    ),
    Operation(
        name="listWorkspaces",
        method="GET",
        path="/workspaces",
        summary="List the token's workspaces",
        about="workspaces",
        scope="",
        roles=RUNNING.roles,
        handler=listed,
        answers=Paged[WorkspaceDocument],
    ),
    Operation(
        name="getWorkspace",
        method="GET",
        path=HOME,
        summary="Read a workspace",
        about="workspaces",
        scope="",
        roles=RUNNING.roles,
        handler=show,
        answers=WorkspaceDocument,
    ),
)
