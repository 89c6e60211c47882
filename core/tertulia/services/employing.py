"""Employment as it is imported: what a file would change, with overlaps, gaps and rehires, and the change."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, cast, get_args

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.people import WorkerType
from tertulia.errors import Mistake
from tertulia.measures.employment import NEXT, REASONS, Reason, Spell
from tertulia.runtime import Runtime
from tertulia.services.importing import records_of, text_of
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import employment, membership

COLUMNS = ("email", "start_date", "end_date", "end_reason", "worker_type", "fte")
NEEDED = COLUMNS[:2]
Notice = Literal["gap", "rehire"]
LONG = timedelta(days=90)
"""After a pause of that length somebody who comes again is a rehire; a shorter one is a gap."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Hold one line of the file."""

    number: int
    email: str
    start: date
    end: date | None
    reason: Reason | None
    worker_type: WorkerType | None
    fte: float


@dataclass(frozen=True, kw_only=True)
class EmploymentPlan:
    """Hold what an import would do: the lines by what becomes of them, and what the file says that is odd."""

    added: Sequence[tuple[Line, Id]]
    changed: Sequence[tuple[Line, Id]]
    unchanged: int
    rejected: Sequence[tuple[int, str]]
    notices: Sequence[tuple[int, Notice, int]]
    """Line, what it is, and the days between the spell before and this one."""


async def plan(tx: Tx, organization: Id, source: str | bytes) -> EmploymentPlan:
    """Return what importing *source* would do, and change nothing; a file that is none raises `Mistake`.

    A line is the spell of a person, by e-mail address, that begins on its start date. It is rejected where it
    overlaps another spell of the person.
    """
    lines, rejected = _read(source)
    known, kept = await _known(tx, organization, {line.email for line in lines})
    added: list[tuple[Line, Id]] = []
    changed: list[tuple[Line, Id]] = []
    notices: list[tuple[int, Notice, int]] = []
    unchanged = 0
    by_person: dict[Id, list[Line]] = defaultdict(list)
    for line in lines:
        if line.email in known:
            by_person[known[line.email]].append(line)
        else:
            rejected.append((line.number, "nobody here has that e-mail address; import the person first."))
    for person, own in by_person.items():
        stored = kept.get(person, {})
        fine, wrong = _apart(own, [row for start, row in stored.items() if start not in {one.start for one in own}])
        rejected += wrong
        notices += _pauses(fine, [row.end for row in stored.values()])
        for line in fine:
            before = stored.get(line.start)
            if before is None:
                added.append((line, person))
            elif (before.end, before.reason) != (line.end, line.reason) or line.worker_type not in (
                None,
                before.worker_type,
            ):
                changed.append((line, person))
            else:
                unchanged += 1
    order = sorted(added, key=lambda pair: pair[0].number)
    return EmploymentPlan(
        added=order, changed=changed, unchanged=unchanged, rejected=sorted(rejected), notices=sorted(notices)
    )


async def apply(runtime: Runtime, tx: Tx, organization: Id, source: str | bytes, *, actor: str) -> EmploymentPlan:
    """Import what `plan` shows, without the rejected lines, and return what was done; audited."""
    done = await plan(tx, organization, source)
    known = await people.persons(tx, organization, [person for _, person in [*done.added, *done.changed]])
    rows = [
        {**_row(line, person, known[person].worker_type), "organization_id": organization, "id": runtime.new_id()}
        for line, person in done.added
    ]
    for some in people.chunks(rows):
        await tx.execute(employment.insert(), list(some))
    for line, person in done.changed:
        whose = (employment.c.organization_id == organization, employment.c.person_id == person)
        at = employment.c.start_date == line.start.isoformat()
        values = _row(line, person, known[person].worker_type)
        if line.worker_type is None:
            del values["worker_type"]
        await tx.execute(employment.update().where(*whose, at).values(**values))
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=runtime.clock.now(),
        actor=actor,
        verb="employment.import",
        subject=organization,
        detail={"added": len(done.added), "changed": len(done.changed), "rejected": len(done.rejected)},
    )
    return done


def _row(line: Line, person: Id, worker_type: str) -> dict[str, Any]:
    return {
        "person_id": person,
        "start_date": line.start.isoformat(),
        "end_date": line.end.isoformat() if line.end else None,
        "end_reason": line.reason,
        "worker_type": line.worker_type or worker_type,
        "fte": line.fte,
        "origin": "import",
    }


def _read(source: str | bytes) -> tuple[list[Line], list[tuple[int, str]]]:
    records = records_of(text_of(source))
    header = ["_".join(cell.lower().split()) for cell in records[0][1]] if records else []
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        raise Mistake(f"Column {unknown[0][:40]!r} is unknown; the columns are {', '.join(COLUMNS)}.")
    if missing := [name for name in NEEDED if header.count(name) != 1]:
        raise Mistake(f"Column {missing[0]} must be there once; the first line names the columns.")
    lines: list[Line] = []
    rejected: list[tuple[int, str]] = []
    for number, cells in records[1:]:
        given = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        try:
            lines.append(_line(number, given))
        except Mistake as mistake:
            rejected.append((number, str(mistake)))
    return lines, rejected


def _line(number: int, given: Mapping[str, str]) -> Line:
    start, end = _day(given, "start_date"), _day(given, "end_date")
    reason, worker_type = given.get("end_reason") or None, given.get("worker_type") or None
    if start is None or not given.get("email"):
        raise Mistake("email and start_date must both be given.")
    if end is not None and end < start:
        raise Mistake("end_date is before start_date; give the last day of the spell.")
    if reason not in (None, *REASONS) or (reason and end is None):
        raise Mistake(f"end_reason goes with an end_date and is one of {', '.join(REASONS)}.")
    if worker_type not in (None, *get_args(WorkerType)):
        raise Mistake(f"worker_type is one of {', '.join(get_args(WorkerType))}.")
    try:
        fte = float(given.get("fte") or 1)
    except ValueError:
        raise Mistake("fte is a number like 0.8.") from None
    if not 0 < fte <= 2:
        raise Mistake("fte is a number above 0, and at most 2.")
    return Line(
        number=number,
        email=given["email"].lower(),
        start=start,
        end=end,
        reason=reason,
        worker_type=cast("WorkerType | None", worker_type),
        fte=fte,
    )


def _day(given: Mapping[str, str], name: str) -> date | None:
    if not given.get(name):
        return None
    try:
        return date.fromisoformat(given[name])
    except ValueError:
        raise Mistake(f"{name} is no day; write it like 2026-03-31.") from None


def _apart(lines: Sequence[Line], others: Sequence[Spell]) -> tuple[list[Line], list[tuple[int, str]]]:
    """Reject the lines that overlap another spell of the person, in the file or already known."""
    fine: list[Line] = []
    wrong: list[tuple[int, str]] = []
    for line in sorted(lines, key=lambda one: (one.start, one.number)):
        last = line.end or date.max
        in_file = next((one for one in fine if one.start <= last and line.start <= (one.end or date.max)), None)
        if in_file is not None:
            wrong.append((line.number, f"the spell overlaps that on line {in_file.number}; keep one of the two."))
        elif any(one.start <= last and line.start <= (one.end or date.max) for one in others):
            wrong.append((line.number, "the spell overlaps one that was imported before; end that one first."))
        else:
            fine.append(line)
    return fine, wrong


def _pauses(lines: Sequence[Line], known: Sequence[date | None]) -> list[tuple[int, Notice, int]]:
    ends = sorted({one for one in [*known, *(line.end for line in lines)] if one is not None})
    found: list[tuple[int, Notice, int]] = []
    for line in lines:
        before = next((one for one in reversed(ends) if one < line.start), None)
        if before is not None and line.start > before + NEXT:
            days = (line.start - before).days - 1
            found.append((line.number, "rehire" if timedelta(days=days) >= LONG else "gap", days))
    return found


async def _known(
    tx: Tx, organization: Id, emails: Collection[str]
) -> tuple[dict[str, Id], dict[Id, dict[date, Spell]]]:
    found: dict[str, Id] = {}
    for email in sorted(emails):
        person = await people.person_by_email(tx, organization, email)
        if person is not None and not person.erased:
            found[email] = person.id
    spells: dict[Id, dict[date, Spell]] = defaultdict(dict)
    for one in await imported(tx, organization):
        spells[one.person][one.start] = one
    return found, spells


async def imported(tx: Tx, organization: Id) -> list[Spell]:
    """Return the spells that were imported, each with the person it is of now."""
    kept = await people.survivors(tx, organization)
    query = sa.select(employment).where(employment.c.organization_id == organization)
    return [
        Spell(
            person=kept.get(row.person_id, row.person_id),
            start=date.fromisoformat(row.start_date),
            end=date.fromisoformat(row.end_date) if row.end_date else None,
            reason=row.end_reason,
            worker_type=row.worker_type,
        )
        for row in await tx.execute(query.order_by(employment.c.person_id, employment.c.start_date))
    ]


async def spells(tx: Tx, organization: Id, workspace: Id) -> list[Spell]:
    """Return the spells of whoever is or was a member of a workspace.

    Of whom no spell was imported, the membership itself is one, without a reason: it is what directories say.
    """
    kept = await people.survivors(tx, organization)
    query = sa.select(membership).where(
        membership.c.organization_id == organization, membership.c.workspace_id == workspace
    )
    belonged: dict[Id, list[Spell]] = defaultdict(list)
    for row in await tx.execute(query.order_by(membership.c.person_id)):
        person = kept.get(row.person_id, row.person_id)
        end = row.left_at.date() if row.left_at else None
        belonged[person].append(Spell(person=person, start=row.joined_at.date(), end=end))
    known = await people.persons(tx, organization, list(belonged))
    from_file = [one for one in await imported(tx, organization) if one.person in belonged]
    told = {one.person for one in from_file}
    own = itertools.chain.from_iterable(some for person, some in belonged.items() if person not in told)
    from_membership = [
        Spell(person=one.person, start=one.start, end=one.end, worker_type=known[one.person].worker_type)
        for one in own
        if one.person in known
    ]
    return [*from_file, *from_membership]
