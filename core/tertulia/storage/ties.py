"""Who had to do with whom: weekly weights between people under keyed names.

An end of a tie is a keyed hash of the person's id, so that the table alone, or a dump of the database, tells nothing
about anybody without the keys that lie outside of it. Rows from before that have the ids themselves are read as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tertulia.domain.identifiers import Id
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import interaction
from tertulia.storage.vault import Vault

KEYS = ("workspace_id", "week", "kind", "source_id", "target_id", "platform")


class Tie(NamedTuple):
    """Name one weight: what *source* had to do with *target* in an ISO week, of one kind and on one platform."""

    week: str
    kind: str
    source: Id
    target: Id
    platform: str


def end(vault: Vault, organization: Id, person: Id) -> str:
    """Return a person's name in the table."""
    return vault.keyed_hash(f"{organization}:{person}", "tie")[:32]


def names(vault: Vault, organization: Id, persons: Iterable[Id]) -> list[str]:
    """Return every name under which *persons* may be in the table."""
    return [name for one in persons for name in (end(vault, organization, one), one)]


async def ends(tx: Tx, vault: Vault, organization: Id, persons: Collection[Id]) -> dict[str, Id]:
    """Return who of *persons* stands behind each name; whoever was merged is the one who stands for them."""
    wanted = frozenset(persons)
    behind = {one: one for one in wanted}
    behind |= {gone: kept for gone, kept in (await people.survivors(tx, organization)).items() if kept in wanted}
    return {name: person for one, person in behind.items() for name in names(vault, organization, [one])}


async def add(tx: Tx, vault: Vault, organization: Id, workspace: Id, weights: Mapping[Tie, float]) -> None:
    """Add weights to their weeks."""
    if not weights:
        return
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(interaction)
    added = interaction.c.weight + statement.excluded.weight
    rows = [{**_row(vault, organization, workspace, tie), "weight": weight} for tie, weight in weights.items()]
    # in a fixed order, so that two workers that add to the same ties do not wait for each other
    rows.sort(key=lambda row: [row[name] for name in KEYS])
    await tx.execute(statement.on_conflict_do_update(index_elements=list(KEYS), set_={"weight": added}), rows)


async def take_back(tx: Tx, vault: Vault, organization: Id, workspace: Id, tie: Tie, weight: float) -> None:
    """Take a weight that was added off again; nothing is left of a tie without weight."""
    row = _row(vault, organization, workspace, tie)
    where = [interaction.c[name] == value for name, value in row.items()]
    await tx.execute(interaction.update().where(*where).values(weight=interaction.c.weight - weight))
    await tx.execute(interaction.delete().where(*where, interaction.c.weight <= 0))


async def forget(tx: Tx, vault: Vault, organization: Id, persons: Collection[Id]) -> None:
    """Delete every tie of *persons*."""
    gone = names(vault, organization, persons)
    either = sa.or_(interaction.c.source_id.in_(gone), interaction.c.target_id.in_(gone))
    await tx.execute(interaction.delete().where(interaction.c.organization_id == organization, either))


def _row(vault: Vault, organization: Id, workspace: Id, tie: Tie) -> dict[str, Any]:
    return {
        "organization_id": organization,
        "workspace_id": workspace,
        "week": tie.week,
        "kind": tie.kind,
        "source_id": end(vault, organization, tie.source),
        "target_id": end(vault, organization, tie.target),
        "platform": tie.platform,
    }
