"""`tertulia people merge | merges | undo | unresolved`: who is who."""

from __future__ import annotations

import click
import sqlalchemy as sa

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_named,
    organization_option,
    person_named,
    table,
)
from tertulia.services import identities, merging
from tertulia.storage.tables import identity_merge


@click.command("merge")
@click.argument("kept")
@click.argument("gone")
@organization_option
@asynchronous
async def merge(kept: str, gone: str, organization: str | None) -> None:
    """Make GONE the same person as KEPT; both are e-mail addresses or ids. It can be undone."""
    async with opened() as runtime, runtime.database.write() as tx:
        owner = await organization_named(tx, organization)
        first, second = await person_named(tx, owner.id, kept), await person_named(tx, owner.id, gone)
        made = await merging.merge(runtime, tx, owner.id, kept=first.id, gone=second.id, actor=actor())
    click.echo(f"Merged {second.name} into {first.name}; `tertulia people undo {made}` takes it back.")


@click.command("merges")
@organization_option
@asynchronous
async def merges(organization: str | None) -> None:
    """List the merges that can be undone."""
    query = sa.select(identity_merge).where(identity_merge.c.undone_at.is_(None)).order_by(identity_merge.c.at)
    async with opened() as runtime, runtime.database.read() as tx:
        owner = await organization_named(tx, organization)
        rows = (await tx.execute(query.where(identity_merge.c.organization_id == owner.id))).all()
    table(["merge", "kept", "gone", "at"], [(row.id, row.kept, row.gone, f"{row.at:%Y-%m-%d %H:%M}") for row in rows])


@click.command("undo")
@click.argument("merge_id", metavar="MERGE")
@organization_option
@asynchronous
async def undo(merge_id: str, organization: str | None) -> None:
    """Take a MERGE back; what people changed since stays theirs."""
    async with opened() as runtime, runtime.database.write() as tx:
        owner = await organization_named(tx, organization)
        await merging.undo(runtime, tx, owner.id, merge_id, actor=actor())
    click.echo("The two are separate persons again.")


async def show_unresolved(organization: str | None) -> None:
    """Count the accounts that nobody knows, by platform."""
    async with opened() as runtime, runtime.database.read() as tx:
        owner = await organization_named(tx, organization)
        counts = await identities.unresolved(tx, owner.id)
    table(["platform", "accounts"], counts.items())
