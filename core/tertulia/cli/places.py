"""`tertulia places`: the shared places of a workspace; what happens elsewhere is never read."""

from __future__ import annotations

from typing import get_args

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
from tertulia.domain.people import Place, PlaceKind
from tertulia.services import people
from tertulia.storage import audit
from tertulia.storage import people as stored


@click.group("places")
def command() -> None:
    """Channels, boards and the like that carry rituals, or of which ties between people are read."""


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_places(workspace: str | None, organization: str | None) -> None:
    """List the places of a workspace."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = (await stored.places(tx, home.organization, home.id)).values()
    table(["platform", "kind", "ref"], sorted((one.platform, one.kind, one.ref) for one in found))


@command.command("declare")
@click.argument("platform")
@click.argument("ref")
@click.option(
    "--kind",
    default="board",
    show_default=True,
    type=click.Choice(get_args(PlaceKind)),
    help="What kind of place it is.",
)
@workspace_option
@organization_option
@asynchronous
async def declare(platform: str, ref: str, kind: PlaceKind, workspace: str | None, organization: str | None) -> None:
    """Declare a place that no practice names; REF is what PLATFORM calls it, such as a board's id.

    The platform's plugin must have it opted in as well; ask the people of the place first.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        place = Place(platform=platform, ref=ref, kind=kind)
        key = await people.declare_place(runtime, tx, home.organization, home.id, place, origin="host")
        await audit.record(
            tx,
            runtime.vault,
            organization=home.organization,
            at=runtime.clock.now(),
            actor=actor(),
            verb="place.declare",
            subject=key,
            detail={"workspace": home.id, "platform": platform, "kind": kind},
        )
    click.echo(f"{ref} is a {kind} of {home.name}.")
