"""`tertulia candle`: who can receive candles, which numbers help at once, and the one figure about them.

Nothing here shows a candle, and no key is made here: a responder makes it on the own page, so that nobody else ever
sees its phrase.
"""

from __future__ import annotations

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_named,
    organization_option,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.surveys.candle import lines, responders


@click.group("candle")
def command() -> None:
    """Set up who cares for whom: responders, help numbers, and about how many candles were lit."""


@command.command("responders")
@workspace_option
@organization_option
@asynchronous
async def list_responders(workspace: str | None, organization: str | None) -> None:
    """List who has the role of responder in a workspace, and whether they have made a key."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await responders.with_role(tx, home.organization, home.id)
        keys = await responders.keys_of(tx, home.organization, [one.id for one in found])
    table(["name", "key", "id"], [(one.name, "yes" if one.id in keys else "no", one.id) for one in found])


@command.command("numbers")
@workspace_option
@organization_option
@asynchronous
async def numbers(workspace: str | None, organization: str | None) -> None:
    """List the help numbers of a workspace."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await lines.lines(tx, home.organization, home.id)
    table(["country", "label", "number", "id"], [(one.country, one.label, one.number, one.id) for one in found])


@command.command("add-number")
@click.argument("label")
@click.argument("number")
@click.option("--country", default="", help="Code of two letters, like ES; left out, the number holds everywhere.")
@workspace_option
@organization_option
@asynchronous
async def add_number(label: str, number: str, country: str, workspace: str | None, organization: str | None) -> None:
    """Add a help NUMBER; LABEL says who answers, and when. Call it once before you add it."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        wanted = {"country": country, "label": label, "number": number, "actor": actor()}
        await lines.add(runtime, tx, home.organization, home.id, **wanted)
    click.echo(f"{home.name} shows {label}: {number}.")


@command.command("remove-number")
@click.argument("identifier", metavar="ID")
@workspace_option
@organization_option
@asynchronous
async def remove_number(identifier: str, workspace: str | None, organization: str | None) -> None:
    """Remove a help number; ID is what `tertulia candle numbers` lists."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        await lines.remove(runtime, tx, home.organization, home.id, identifier, actor=actor())
    click.echo("Removed.")


@command.command("summary")
@organization_option
@asynchronous
async def summary(organization: str | None) -> None:
    """Tell about how many candles were lit in each quarter that has ended, for the whole organization, in bands."""
    async with opened() as runtime, runtime.database.read() as tx:
        owner = await organization_named(tx, organization)
        found = await lines.bands(runtime, tx, owner.id)
    table(["quarter", "candles"], found)
