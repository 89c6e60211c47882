"""The people of a workspace: who they are, and their import; never what they do, want or decline."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel, Field

from tertulia.domain.people import Person
from tertulia.services import importing
from tertulia.services.importing import ImportPlan
from tertulia.storage import makeup, people
from tertulia.storage.makeup import Listed
from tertulia.web.api.operations import CSV, HOME, Answer, Call, Operation
from tertulia.web.api.paging import Paged, Part, cut, opened
from tertulia.web.console.members import matching
from tertulia.web.console.scope import RUNNING

LIST = "people"
PEOPLE = HOME + "/people"
TOLD = 200
"""Rejected and changed lines of a file that are told one by one; the counts are of all."""


class Sought(Part):
    """Which people are wanted."""

    q: str = Field("", max_length=100, description="a part of the name, address, team or location")


class PersonDocument(BaseModel):
    """A member as the directory of the workspace has them."""

    id: str
    name: str
    email: str | None
    worker_type: str
    team: str | None
    location: str | None
    zone: str
    languages: list[str]
    platforms: list[str] = Field(description="where the member has an account")


class RejectedDocument(BaseModel):
    """A line of the file that cannot be imported, and why."""

    line: int
    reason: str


class LineDocument(BaseModel):
    """A line of the file that changes a known person, and which fields."""

    line: int
    fields: list[str]


class ImportDocument(BaseModel):
    """What importing a file does, or would do."""

    added: int
    changed: int
    unchanged: int
    rejected: int
    changes: list[LineDocument] = Field(description=f"the first {TOLD}")
    rejections: list[RejectedDocument] = Field(description=f"the first {TOLD}")


async def listed(call: Call) -> Answer:
    """List the members by name; that they were read is an entry of the log."""
    sought, vault = call.asked(Sought), call.runtime.vault
    place = (LIST, call.home.id, sought.q)
    after: list[str] | None = opened(vault, sought, *place)
    async with call.runtime.database.snapshot() as tx:
        known = matching(await makeup.listed(tx, call.organization, call.home.id), sought.q.strip())
        left = [one for one in known if after is None or _mark(one) > after]
        part, following = cut(vault, left, sought, _mark, *place)
        shown = [one.id for one in part]
        whole = await people.persons(tx, call.organization, shown)
        accounts = await people.identities(tx, call.organization, shown)
    await call.note("people.read", {"shown": len(shown), "sought": bool(sought.q)})
    items = [_document(whole[one], {each.actor.platform for each in accounts.get(one, ())}) for one in shown]
    return Answer(document=Paged[PersonDocument](items=items, next=following))


async def look(call: Call) -> Answer:
    """Tell what importing a file would change; nothing is changed."""
    return _told(await importing.plan(call.tx, call.organization, call.home.id, call.text))


async def bring(call: Call) -> Answer:
    """Import a file, without its rejected lines."""
    whose = (call.organization, call.home.id)
    return _told(await importing.apply(call.runtime, call.tx, *whose, call.text, actor=call.actor))


def _mark(one: Listed) -> list[str]:
    return [one.name.casefold(), one.id]


def _document(one: Person, platforms: set[str]) -> PersonDocument:
    return PersonDocument(
        id=one.id,
        name=one.name,
        email=one.email,
        worker_type=one.worker_type,
        team=one.team,
        location=one.location,
        zone=one.zone,
        languages=list(one.languages),
        platforms=sorted(platforms),
    )


def _told(plan: ImportPlan) -> Answer:
    document = ImportDocument(
        added=len(plan.added),
        changed=len(plan.changed),
        unchanged=len(plan.unchanged),
        rejected=len(plan.rejected),
        changes=[LineDocument(line=one.line.number, fields=sorted(one.fields)) for one in plan.changed[:TOLD]],
        rejections=[RejectedDocument(line=line, reason=why) for line, why in plan.rejected[:TOLD]],
    )
    return Answer(document=document)


_of = partial(Operation, about="people", roles=RUNNING.roles)
OPERATIONS: tuple[Operation, ...] = (
    _of(
        name="listPeople",
        method="GET",
        path=PEOPLE,
        summary="List the members by name",
        scope="read:people",
        handler=listed,
        query=Sought,
        answers=Paged[PersonDocument],
        mode="outside",
    ),
    _of(
        name="planImport",
        method="POST",
        path=PEOPLE + "/import/plan",
        summary="Try what importing a CSV file would change",
        scope="write:people",
        handler=look,
        media=CSV,
        answers=ImportDocument,
    ),
    _of(
        name="importPeople",
        method="POST",
        path=PEOPLE + "/import",
        summary="Import a CSV file, without its rejected lines",
        scope="write:people",
        handler=bring,
        media=CSV,
        answers=ImportDocument,
        mode="write",
    ),
)
