"""Export what a workspace did without what any person did: its program, and its rounds as counts."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services.rounds import Progress, row_of, standings
from tertulia.services.tabular import plain_cell
from tertulia.services.telling import STEP
from tertulia.storage import people, programs
from tertulia.storage.database import Tx
from tertulia.storage.tables import round_table

COLUMNS = (
    *("practice", "kind", "occurrence", "state", "opens_at", "closes_at", "program_version", "confidential"),
    *("invited", "not_reached", "answered", "passed"),
)


async def export(runtime: Runtime, tx: Tx, organization: Id, workspace: Id) -> Json:
    """Return the program's versions and the rounds of a workspace; *tx* only reads, `entered` is for the log."""
    home = await people.workspace(tx, organization, workspace)
    if home is None:
        raise Mistake("There is no such workspace in this organization; list them with `tertulia workspace list`.")
    versions = await programs.history(tx, organization, workspace)
    rounds = [counts(one) async for one in stood(tx, organization, workspace)]
    return {
        "workspace": home.name,
        "zone": home.zone,
        "exported_at": runtime.clock.now().isoformat(),
        "program": [
            {
                "version": one.program.version,
                "applied_at": one.applied_at.isoformat(),
                "document": one.document,
            }
            for one in versions
        ],
        "rounds": rounds,
    }


def entered(found: Json) -> dict[str, object]:
    """Return what the log says of an export."""
    return {"rounds": len(found["rounds"]), "versions": len(found["program"])}


async def stood(tx: Tx, organization: Id, workspace: Id) -> AsyncIterator[Progress]:
    """Yield how each round of a workspace stands, the oldest first."""
    table = round_table
    mine = (table.c.organization_id == organization, table.c.workspace_id == workspace)
    ordered = (table.c.opens_at, table.c.id)
    identifiers = (await tx.execute(sa.select(table.c.id).where(*mine).order_by(*ordered))).scalars().all()
    for some in people.chunks(identifiers):
        query = sa.select(table).where(*mine, table.c.id.in_(some)).order_by(*ordered)
        for one in await standings(tx, [row_of(record) for record in await tx.execute(query)]):
            yield one


def counts(one: Progress) -> Json:
    """Return a round as counts; those of answers are left out where few were asked."""
    round_, invitations = one.round, one.deliveries.get("invite", {})
    reached = sum(count for state, count in invitations.items() if state in ("sent", "ambiguous"))
    tells = round_.confidential or reached >= STEP
    return {
        "practice": round_.practice,
        "kind": round_.kind,
        "occurrence": round_.occurrence,
        "state": round_.state,
        "opens_at": round_.opens_at.isoformat(),
        "closes_at": round_.closes_at.isoformat() if round_.closes_at else None,
        "program_version": round_.program_version,
        "confidential": round_.confidential,
        "invited": reached,
        "not_reached": sum(invitations.values()) - reached,
        "answered": one.answered if tells else None,
        "passed": one.passed if tells and not round_.confidential else None,
    }


def as_csv(rounds: Sequence[Json]) -> str:
    """Write rounds as RFC 4180; a cell that a spreadsheet would take for a formula is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in rounds:
        writer.writerow([plain_cell(one[name]) for name in COLUMNS])
    return out.getvalue()
