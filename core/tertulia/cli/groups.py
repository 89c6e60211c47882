"""`tertulia groups`: what groups there are, and to close one; never who is in it, nor how many."""

from __future__ import annotations

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.services import groups
from tertulia.storage import groups as stored


@click.group("groups")
def command() -> None:
    """Affinity groups are found, joined and left by members on their own page; nobody lists their members."""


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_groups(workspace: str | None, organization: str | None) -> None:
    """List the groups of a workspace, by what a program calls them."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await stored.of_workspaces(tx, home.organization, [home.id])
    table(["group", "name", "private"], [(one.slug, one.name, "yes" if one.private else "no") for one in found])


@command.command("close")
@click.argument("group")
@workspace_option
@organization_option
@asynchronous
async def close(group: str, workspace: str | None, organization: str | None) -> None:
    """Close a GROUP for good: nobody finds it, its practices ask nobody, and who was in it is deleted."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        await groups.close(runtime, tx, home.organization, home.id, group, actor=actor())
    click.echo(f"The group {group} is closed.")
