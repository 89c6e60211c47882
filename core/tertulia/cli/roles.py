"""`tertulia people roles`: who may do what in a workspace."""

from __future__ import annotations

from typing import get_args

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
from tertulia.domain.people import Role
from tertulia.services import people
from tertulia.services.agreed import GUARDED
from tertulia.storage import people as stored

role_argument = click.argument("role", type=click.Choice(get_args(Role)))


@click.group("roles")
def command() -> None:
    """What members may do: owner, admin, host, analyst, responder."""


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_roles(workspace: str | None, organization: str | None) -> None:
    """List who has which role in a workspace."""
    rows: list[tuple[str, str, str]] = []
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        for person in await stored.members(tx, home.organization, home.id):
            held = (await stored.roles_of(tx, home.organization, person.id)).get(home.id, frozenset())
            rows += [(role, person.name, person.id) for role in held]
    table(["role", "name", "id"], sorted(rows))


@command.command("grant")
@role_argument
@click.argument("person")
@workspace_option
@organization_option
@asynchronous
async def grant(role: str, person: str, workspace: str | None, organization: str | None) -> None:
    """Give a member a ROLE; PERSON is an e-mail address or id.

    In the console a second person has to agree to all roles but host; here it is done at once, and shown there.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        member = await person_named(tx, home.organization, person)
        await people.grant(runtime, tx, home.organization, home.id, member.id, role, actor=actor())
    click.echo(f"{member.name} is {role} of {home.name}.")
    _tell(role)


@command.command("revoke")
@role_argument
@click.argument("person")
@workspace_option
@organization_option
@asynchronous
async def revoke(role: str, person: str, workspace: str | None, organization: str | None) -> None:
    """Take a ROLE away; PERSON is an e-mail address or id."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        member = await person_named(tx, home.organization, person)
        await people.revoke(runtime, tx, home.organization, home.id, member.id, role, actor=actor())
    click.echo(f"{member.name} is not {role} of {home.name}.")
    _tell(role)


def _tell(role: str) -> None:
    if role in GUARDED:
        click.echo("In the console this takes two people; the owners see there that it was done here.", err=True)
