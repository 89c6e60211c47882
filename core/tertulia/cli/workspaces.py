"""`tertulia workspace`: the parts of an organization that run a program."""

from __future__ import annotations

import click

from tertulia.cli.edge import actor, asynchronous, opened, organization_named, organization_option, table
from tertulia.services import people
from tertulia.storage import people as stored


@click.group("workspace")
def command() -> None:
    """A workspace is a part of an organization with its own program, plugins and settings."""


@command.command("list")
@organization_option
@asynchronous
async def list_workspaces(organization: str | None) -> None:
    """List the workspaces of an organization."""
    async with opened() as runtime, runtime.database.read() as tx:
        owner = await organization_named(tx, organization)
        known = await stored.workspaces(tx, owner.id)
        rows = [(one.name, one.zone, one.language, one.message_budget, one.id) for one in known]
    table(["name", "zone", "language", "messages a week", "id"], rows)


@command.command("create")
@click.argument("name")
@click.option("--zone", default="UTC", show_default=True, help="Time zone, like Europe/Madrid.")
@click.option("--language", default="en", show_default=True, help="Language tag, like pt-BR.")
@click.option("--budget", default=10, show_default=True, type=int, help="Messages that a member gets in a week.")
@organization_option
@asynchronous
async def create(name: str, zone: str, language: str, budget: int, organization: str | None) -> None:
    """Create a workspace called NAME."""
    async with opened() as runtime, runtime.database.write() as tx:
        owner = await organization_named(tx, organization)
        made = await people.create_workspace(
            runtime,
            tx,
            owner.id,
            name=name,
            zone=zone,
            language=language,
            message_budget=budget,
            actor=actor(),
        )
    click.echo(f"Created the workspace {name} of {owner.name} ({made}).")
