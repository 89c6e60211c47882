"""`tertulia overview`: how every part of the profile stands, who may read it, and what others published."""

from __future__ import annotations

import json

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    read_text,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.measures import card, wording
from tertulia.services import overview


@click.group("overview")
def command() -> None:
    """A profile of published figures, each beside its own past; no single score is made of them."""


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="The same as the page's JSON.")
@workspace_option
@organization_option
@asynchronous
async def show(as_json: bool, workspace: str | None, organization: str | None) -> None:
    """Show every part: its figure with the interval, what changed and how sure that is."""
    async with opened() as runtime, runtime.database.read() as tx:
        found = await overview.build(runtime, tx, await workspace_named(tx, organization, workspace))
    if as_json:
        click.echo(json.dumps(overview.as_json(found), indent=2, ensure_ascii=False))
        return
    rows = [
        (one.component.title, wording.now(one), wording.behind(one), wording.change(one) or one.status)
        for one in found.shown
    ]
    table(["part", "now", "n", "against the four quarters before"], rows)


@command.command("card")
@workspace_option
@organization_option
@asynchronous
async def show_card(workspace: str | None, organization: str | None) -> None:
    """Print the short card that a practice of the kind overview-card shows in a channel."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        draft = card.draft(await overview.told(runtime, tx, home.organization, home.id))
    click.echo(f"{draft.title}\n\n{draft.body.plain()}\n\n{draft.recorded}")


@command.command("readers")
@click.argument("who", type=click.Choice(tuple(overview.READERS)), required=False)
@workspace_option
@organization_option
@asynchronous
async def readers(who: str | None, workspace: str | None, organization: str | None) -> None:
    """Say who may read the overview, or let WHO: admins (with owners and analysts), hosts (too), or members (all)."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        if who is not None:
            await overview.allow(runtime, tx, home, who, actor=actor())
        allowed = await overview.readers(tx, home.organization, home.id)
    click.echo(f"The overview of {home.name} is read by {overview.READERS[allowed]}.")


@command.command("benchmarks")
@click.argument("file", type=click.Path())
@workspace_option
@organization_option
@asynchronous
async def benchmarks(file: str, workspace: str | None, organization: str | None) -> None:
    """Import what others published from a CSV FILE: component, name, value, n, ended, source, license."""
    text = read_text(file)
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        count = await overview.import_benchmarks(runtime, tx, home, text, actor=actor())
    click.echo(f"{count} benchmark{'s' if count != 1 else ''} kept for {home.name}.")
