"""Read who had to do with whom as weekly edges, and ask for the figures of a quarter to be published every week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.measures.figures import Period, week
from tertulia.measures.populations import Gathered
from tertulia.measures.ties.asked import Window, gathered
from tertulia.measures.ties.contacts import NEW
from tertulia.measures.ties.edges import Edges, Worth, combined, week_label, week_number
from tertulia.measures.ties.network import WEEKS
from tertulia.runtime import Runtime
from tertulia.services.measuring import Kind
from tertulia.storage import matching
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.storage.tables import interaction
from tertulia.storage.ties import ends
from tertulia.storage.vault import Vault
from tertulia.surveys.confidentiality.candidates import Atom


async def weekly(
    tx: Tx, vault: Vault, organization: Id, workspace: Id, first: int, last: int, places: Mapping[Id, int]
) -> Edges:
    """Return the edges of the weeks from *first* to *last* between those who have a place, and no others.

    Whoever was merged counts as the person who stands for them now.
    """
    table = interaction
    columns = (table.c.week, table.c.kind, table.c.source_id, table.c.target_id)
    query = sa.select(*columns, sa.func.sum(table.c.weight)).where(
        table.c.organization_id == organization,
        table.c.workspace_id == workspace,
        table.c.week >= week_label(first),
        table.c.week <= week_label(last),
    )
    behind = {name: places[one] for name, one in (await ends(tx, vault, organization, places)).items()}
    found: list[tuple[int, int, int]] = []
    weights: list[tuple[str, float]] = []
    numbers = {week_label(number): number for number in range(first, last + 1)}
    for label, kind, one, other, weight in await tx.execute(query.group_by(*columns)):
        source, target = behind.get(one), behind.get(other)
        if source is not None and target is not None and source != target:
            found.append((numbers[label], source, target))
            weights.append((kind, weight))
    weeks, sources, targets = np.array(found, dtype=np.int32).reshape(len(found), 3).T
    # all at once: a large organization has a million rows, and this runs beside everything that is served
    worth = Worth.of(weights)
    return combined([Edges(weeks, sources, targets, worth.given, worth.shared)])


async def _gather(runtime: Runtime, tx: Tx, home: Workspace, period: Period, roster: Mapping[Id, Atom]) -> Gathered:
    """Read the window of weeks that ends with *period*, between the people of the roster alone."""
    last = week_number(period.key)
    places = {one: place for place, one in enumerate(sorted(roster))}
    edges = await weekly(tx, runtime.vault, home.organization, home.id, last - WEEKS + 1, last, places)
    joined = await matching.joined(tx, home.organization, home.id)
    since = (period.end - timedelta(weeks=NEW)).date()
    new = frozenset(one for one in roster if one in joined and joined[one] > since)
    return gathered(home.id, period, Window(roster=roster, edges=edges, last=last, new=new))


KIND = Kind(family="ties", period=week, gather=_gather)
