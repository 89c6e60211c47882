"""Local help numbers, which an organization sets itself, and the one figure about candles that anybody is told."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import audit, tables
from tertulia.storage.database import Tx
from tertulia.surveys.candle.days import quarter

COUNTRY = re.compile(r"[A-Z]{2}")
NUMBER = re.compile(r"[0-9 +()/.\-]{2,60}")
BAND = 5
NOT_FOR_CRISES = "This is not a service for emergencies, and nobody watches it around the clock."


@dataclass(frozen=True, kw_only=True)
class Line:
    """Hold a number that helps at once; *country* is empty where it holds everywhere."""

    id: Id
    country: str
    label: str
    number: str


async def lines(tx: Tx, organization: Id, workspace: Id) -> list[Line]:
    """Return the numbers of a workspace, by country."""
    table = tables.care_line
    query = sa.select(table).where(table.c.organization_id == organization, table.c.workspace_id == workspace)
    rows = await tx.execute(query.order_by(table.c.country, table.c.label, table.c.id))
    return [Line(id=row.id, country=row.country, label=row.label, number=row.number) for row in rows]


async def add(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, *, country: str, label: str, number: str, actor: str
) -> Id:
    """Add a number; raises `Mistake` for what is none."""
    country, label, number = country.strip().upper(), " ".join(label.split()), " ".join(number.split())
    if country and not COUNTRY.fullmatch(country):
        raise Mistake("COUNTRY is not a code of two letters; write it like ES, or leave it out.")
    if not 0 < len(label) <= 200 or not label.isprintable():
        raise Mistake("LABEL needs 1 to 200 characters; say who answers, and when.")
    if not NUMBER.fullmatch(number):
        raise Mistake("NUMBER is not a telephone number; write it with digits, spaces and + only.")
    identifier = runtime.new_id()
    row = {"organization_id": organization, "id": identifier, "workspace_id": workspace}
    await tx.execute(tables.care_line.insert().values(**row, country=country, label=label, number=number))
    await _audit(runtime, tx, organization, workspace, actor, "care_line.add")
    return identifier


async def remove(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, line: Id, *, actor: str) -> None:
    """Remove a number."""
    table = tables.care_line
    mine = (table.c.organization_id == organization, table.c.workspace_id == workspace, table.c.id == line)
    if not (await tx.execute(table.delete().where(*mine))).rowcount:
        raise Mistake("There is no such number in this workspace; list them with `tertulia candle numbers`.")
    await _audit(runtime, tx, organization, workspace, actor, "care_line.remove")


async def bands(runtime: Runtime, tx: Tx, organization: Id) -> list[tuple[str, str]]:
    """Return about how many candles were lit in each quarter that has ended, in bands of five, nothing finer."""
    table = tables.candle_quarter
    present = quarter(runtime.clock.now())
    query = sa.select(table.c.id, table.c.lit).where(table.c.organization_id == organization).order_by(table.c.id)
    ended = [(row.id.rpartition(":")[2], row.lit // BAND * BAND) for row in await tx.execute(query)]
    return [(name, f"{least} to {least + BAND - 1}") for name, least in ended if name < present]


async def _audit(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, actor: str, verb: str) -> None:
    at = runtime.clock.now()
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=at,
        actor=actor,
        verb=verb,
        subject=workspace,
        detail={},
    )
