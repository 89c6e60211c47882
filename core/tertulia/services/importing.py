"""Import people from CSV: first what would change and every rejected line, then the change itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import profiles, reporting_lines
from tertulia.storage import audit, people, tables
from tertulia.storage.database import Tx, upsert

MANAGER = "manager"
"""The column that names who leads a person, by e-mail address; it is kept apart from the person's own row."""
COLUMNS = (*(field for field in profiles.CHECKS if field != "message_budget"), MANAGER)
NEEDED = ("name", "email")
LARGEST = 10 * 1024 * 1024
LONGEST_CELL = 10_000
SEPARATORS = ",;\t"
MEMBERSHIP = "membership"
"""Stands among the changed fields for a known person who becomes a member of the workspace."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Hold one line that can be imported: the columns of `person` that it fills; an empty cell fills none."""

    number: int
    values: Mapping[str, profiles.Value]
    manager: str | None = None

    @property
    def email(self) -> str:
        """Return the address that the line is matched by."""
        return str(self.values["email"])


@dataclass(frozen=True, kw_only=True)
class Change:
    """Hold what a line changes about a known person: field to (old, new)."""

    line: Line
    person: Id
    fields: Mapping[str, tuple[profiles.Value, profiles.Value]]


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """Hold what an import would do, line by line; *rejected* holds line numbers and reasons."""

    added: Sequence[Line]
    changed: Sequence[Change]
    unchanged: Sequence[Line]
    rejected: Sequence[tuple[int, str]]


def read(source: str | bytes) -> tuple[list[Line], list[tuple[int, str]]]:
    """Return the usable lines and the rejected ones with their reasons; a file that is none raises `Mistake`.

    Commas, semicolons or tabs separate cells. Cells are text: one that looks like a formula stays as it is.
    """
    records = records_of(text_of(source))
    header = _header(records)
    lines: list[Line] = []
    rejected: list[tuple[int, str]] = []
    first: dict[str, int] = {}
    for number, cells in records[1:]:
        try:
            line = _line(number, header, cells)
            if line.email in first:
                raise Mistake(f"email is on line {first[line.email]} too; keep one of the two lines.")
        except Mistake as mistake:
            rejected.append((number, str(mistake)))
            continue
        first[line.email] = number
        lines.append(line)
    return lines, rejected


async def plan(tx: Tx, organization: Id, workspace: Id, source: str | bytes) -> ImportPlan:
    """Return what importing *source* into *workspace* would do, and change nothing."""
    if await people.workspace(tx, organization, workspace) is None:
        raise Mistake("There is no such workspace in this organization; list them with `tertulia workspace list`.")
    lines, rejected = read(source)
    known = await _known(tx, organization, [line.email for line in lines])
    lines, strangers = await _led(tx, organization, lines)
    rejected += strangers
    leaders = await reporting_lines.by_person(tx, organization, [row["id"] for row in known.values()])
    members = {member.id for member in await people.members(tx, organization, workspace)}
    added: list[Line] = []
    changed: list[Change] = []
    unchanged: list[Line] = []
    taken: dict[Id, int] = {}
    for line in lines:
        row = known.get(line.email)
        if row is None:
            added.append(line)
            continue
        if row["id"] in taken:
            # two addresses of persons that were merged
            rejected.append((line.number, f"email is of the person on line {taken[row['id']]}; keep one of the two."))
            continue
        taken[row["id"]] = line.number
        fields = _differences(row, line, member=row["id"] in members)
        if line.manager is not None and line.manager != leaders.get(row["id"]):
            fields[MANAGER] = (leaders.get(row["id"]), line.manager)
        if fields:
            changed.append(Change(line=line, person=row["id"], fields=fields))
        else:
            unchanged.append(line)
    return ImportPlan(added=added, changed=changed, unchanged=unchanged, rejected=sorted(rejected))


async def apply(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, source: str | bytes, *, actor: str
) -> ImportPlan:
    """Import what `plan` shows, without the rejected lines, and return what was done."""
    done = await plan(tx, organization, workspace, source)
    home = await people.workspace(tx, organization, workspace)
    defaults = {"zone": home.zone, "languages": [home.language]} if home else {}
    now = runtime.clock.now()
    new = [
        {
            **profiles.EMPTY,
            **defaults,
            **line.values,
            "organization_id": organization,
            "id": runtime.new_id(),
            "created_at": now,
        }
        for line in done.added
    ]
    for some in people.chunks(new):
        await tx.execute(tables.person.insert(), list(some))
    for change in done.changed:
        await _change(tx, organization, change)
    await reporting_lines.keep(tx, organization, _managers(done, {str(row["email"]): str(row["id"]) for row in new}))
    joining = [str(row["id"]) for row in new] + [one.person for one in done.changed if MEMBERSHIP in one.fields]
    for persons in people.chunks(joining):
        rows = [
            {
                "organization_id": organization,
                "workspace_id": workspace,
                "person_id": person,
                "joined_at": now,
                "left_at": None,
            }
            for person in persons
        ]
        await upsert(tx, tables.membership, rows, keys=["workspace_id", "person_id"], update=["joined_at", "left_at"])
    counts = {"added": len(done.added), "changed": len(done.changed), "rejected": len(done.rejected)}
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=now,
        actor=actor,
        verb="people.import",
        subject=workspace,
        detail=counts,
    )
    return done


def _managers(done: ImportPlan, added: Mapping[str, Id]) -> dict[Id, str]:
    """Return the address of who leads each person, where the file says something new."""
    managers = {added[line.email]: line.manager for line in done.added if line.manager}
    changed = (one for one in done.changed if one.line.manager and MANAGER in one.fields)
    return managers | {one.person: one.line.manager for one in changed if one.line.manager}


def text_of(source: str | bytes) -> str:
    """Return an imported file as text; raises `Mistake` where it is too large or no UTF-8."""
    size = len(source) if isinstance(source, bytes) else len(source.encode(errors="surrogatepass"))
    if size > LARGEST:
        raise Mistake("The file is larger than 10 MB; split it into several.")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Mistake("The file is not UTF-8; save it as CSV in UTF-8.") from None


def records_of(text: str) -> list[tuple[int, list[str]]]:
    """Return each record with the number of the line that it starts on, without blank ones."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[tuple[int, list[str]]] = []
    starts = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((starts, cells))
            starts = reader.line_num + 1
    except csv.Error:
        raise Mistake(f"Line {starts} has a quote that does not end properly; close it or double it.") from None
    return records


def _header(records: Sequence[tuple[int, list[str]]]) -> list[str]:
    header = ["_".join(cell.lower().split()) for cell in records[0][1]] if records else []
    for name in header:
        if name not in COLUMNS:
            raise Mistake(f"Column {name[:40]!r} is unknown; the columns are {', '.join(COLUMNS)}.")
        if header.count(name) > 1:
            raise Mistake(f"Column {name} occurs twice; keep one of them.")
    for name in NEEDED:
        if name not in header:
            raise Mistake(f"Column {name} is missing; the first line must name at least {' and '.join(NEEDED)}.")
    return header


def _line(number: int, header: Sequence[str], cells: Sequence[str]) -> Line:
    if any(cell.strip() for cell in cells[len(header) :]):
        raise Mistake(f"The line has {len(cells)} cells for {len(header)} columns; put quotes around separators.")
    given = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
    for name in NEEDED:
        if name not in given:
            raise Mistake(f"{name} is empty; every line needs one.")
    for name, cell in given.items():
        if len(cell) > LONGEST_CELL:
            raise Mistake(f"{name} has {len(cell)} characters; shorten it.")
    manager = profiles.email(MANAGER, given.pop(MANAGER)) if MANAGER in given else None
    line = Line(number=number, values=profiles.checked(given), manager=manager)
    if manager == line.email:
        raise Mistake("manager is the person's own address; name somebody else, or leave the cell empty.")
    return line


async def _led(tx: Tx, organization: Id, lines: Sequence[Line]) -> tuple[list[Line], list[tuple[int, str]]]:
    """Reject the lines whose manager is nobody here and stands on no usable line of the file."""
    named = {line.manager for line in lines if line.manager} - {line.email for line in lines}
    here = {line.email for line in lines} | set(await _known(tx, organization, sorted(named)))
    nobody = "manager is nobody here and on no line of the file; mend the address, or leave the cell empty."
    kept = [line for line in lines if line.manager is None or line.manager in here]
    return kept, [(line.number, nobody) for line in lines if line.manager is not None and line.manager not in here]


async def _known(tx: Tx, organization: Id, emails: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the rows of known persons by address, following merges."""
    table = tables.person
    found: dict[str, Mapping[str, Any]] = {}
    for some in people.chunks(emails):
        query = sa.select(table).where(table.c.organization_id == organization, table.c.email.in_(some))
        for row in (await tx.execute(query)).all():
            values = dict(row._mapping)
            if row.merged_into is not None:
                now = await people.current(tx, organization, row.id)
                one = sa.select(table).where(table.c.organization_id == organization, table.c.id == now)
                # the file's address stays with the merged person, so it is no change of the other
                values = {**(await tx.execute(one)).one()._mapping, "email": row.email}
            found[row.email] = values
    return found


def _differences(
    row: Mapping[str, Any], line: Line, *, member: bool
) -> dict[str, tuple[profiles.Value, profiles.Value]]:
    fields = {name: (row[name], new) for name, new in line.values.items() if row[name] != new}
    return fields if member else {**fields, MEMBERSHIP: (None, "member")}


async def _change(tx: Tx, organization: Id, change: Change) -> None:
    values = {name: new for name, (_, new) in change.fields.items() if name not in (MEMBERSHIP, MANAGER)}
    if values:
        table = tables.person
        mine = (table.c.organization_id == organization, table.c.id == change.person)
        await tx.execute(table.update().where(*mine).values(values))
