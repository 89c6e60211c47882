"""`tertulia console`: a link that signs an owner or admin in, on the machine that runs the service."""

from __future__ import annotations

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    person_named,
    workspace_named,
    workspace_option,
)
from tertulia.errors import Mistake
from tertulia.services import page_links
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace


@click.command("console")
@click.argument("person", required=False)
@workspace_option
@organization_option
@asynchronous
async def command(person: str | None, workspace: str | None, organization: str | None) -> None:
    """Print a link that signs PERSON in, an owner or admin; it works once, within five minutes.

    PERSON is an e-mail address or id, and may be left out where there is one owner. Only on SQLite.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await person_named(tx, home.organization, person or await _owner(tx, home))
        link = await page_links.issue_for_console(runtime, tx, home, found, actor=actor())
        there = f"{runtime.config.public_url}/workspaces/{home.id}"
    click.echo(link)
    click.echo(f"It signs {found.name} in once, within five minutes; then open {there}.", err=True)


async def _owner(tx: Tx, home: Workspace) -> str:
    holders = await people.role_holders(tx, home.organization, home.id)
    owners = [key for key, roles in holders.items() if "owner" in roles]
    if len(owners) != 1:
        raise Mistake(f"PERSON is missing: {home.name} has {len(owners)} owners; name one by e-mail address.")
    return owners[0]
