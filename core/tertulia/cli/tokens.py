"""`tertulia tokens`: the tokens of the JSON API."""

from __future__ import annotations

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    person_named,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.domain.clock import SystemClock
from tertulia.services import tokens
from tertulia.storage import people


@click.group("tokens")
def command() -> None:
    """A token lets a program do what its maker can do in one workspace; docs/api.md tells the scopes."""


@command.command("create")
@click.argument("name")
@click.option(
    "--for", "person", required=True, metavar="PERSON", help="Whose roles bound it: an e-mail address or id."
)
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do; give it once for each.")
@click.option("--days", default=30, show_default=True, help="How long it works.")
@workspace_option
@organization_option
@asynchronous
async def create(
    name: str, person: str, scopes: tuple[str, ...], days: int, workspace: str | None, organization: str | None
) -> None:
    """Make a token called NAME and print it, this once."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        maker = await person_named(tx, home.organization, person)
        _, text = await tokens.create(
            runtime,
            tx,
            organization=home.organization,
            workspace=home.id,
            person=maker.id,
            name=name,
            scopes=scopes,
            days=days,
            now=SystemClock().now(),
            actor=actor(),
        )
    click.echo(text)


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_tokens(workspace: str | None, organization: str | None) -> None:
    """List the tokens of a workspace, and when each was last used."""
    now = SystemClock().now()
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        known = await tokens.listed(tx, home.organization, home.id)
        makers = await people.persons(tx, home.organization, {one.person for one in known})
    rows = [
        (
            one.id,
            one.name,
            makers[one.person].name if one.person in makers else "",
            "works" if one.works(now) else "revoked" if one.revoked_at else "expired",
            one.expires_at.date(),
            one.used_on or "never",
            " ".join(one.scopes),
        )
        for one in known
    ]
    table(["id", "name", "made by", "state", "until", "last used", "scopes"], rows)


@command.command("revoke")
@click.argument("token")
@workspace_option
@organization_option
@asynchronous
async def revoke(token: str, workspace: str | None, organization: str | None) -> None:
    """Revoke the token whose id begins with TOKEN, at once and for good."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        whose = {"organization": home.organization, "workspace": home.id, "actor": actor()}
        one = await tokens.revoke(runtime, tx, **whose, token=token, now=SystemClock().now())
    click.echo(f"The token {one.name} opens nothing any more.")
