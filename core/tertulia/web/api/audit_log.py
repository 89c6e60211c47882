"""The log of who changed what, for tokens of owners; reading it is an entry itself."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from tertulia.services import tokens
from tertulia.storage import audit, people
from tertulia.web.api.operations import HOME, Answer, Call, Operation
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.console.audit_log import AREAS, OWNING, actors

LIST = "audit"


class EntryDocument(BaseModel):
    """One change or sensitive read."""

    sequence: int
    at: datetime
    actor: str = Field(description="the id of a person, token:… or cli:…")
    name: str | None = Field(description="of the person or token, while it is known")
    verb: str
    subject: str
    detail: dict[str, JsonValue]


async def listed(call: Call) -> Answer:
    """List the newest entries."""
    part, vault, place = call.asked(Part), call.runtime.vault, (LIST, call.home.id)
    before: int | None = opened(vault, part, *place)
    async with call.runtime.database.read() as tx:
        found = await audit.entries(
            tx, call.organization, call.home.id, areas=AREAS, before=before, most=part.limit + 1
        )
        shown, following = cut(vault, found, part, lambda one: one.sequence, *place)
        who = actors(shown)
        names = {key: one.name for key, one in (await people.persons(tx, call.organization, who)).items()}
        names |= await tokens.named(tx, call.organization, who)
    await call.note("audit.read", {"before": before})
    items = [
        EntryDocument(
            sequence=one.sequence,
            at=one.at,
            actor=one.actor,
            name=names.get(one.actor),
            verb=one.verb,
            subject=one.subject,
            detail=dict(one.detail),
        )
        for one in shown
    ]
    return Answer(document=Paged[EntryDocument](items=items, next=following))


OPERATIONS = (
    Operation(
        name="listAudit",
        method="GET",
        path=HOME + "/audit",
        summary="List who changed what, newest first",
        about="audit",
        scope="read:audit",
        roles=OWNING.roles,
        handler=listed,
        query=Part,
        answers=Paged[EntryDocument],
        mode="outside",
    ),
)
