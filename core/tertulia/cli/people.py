"""`tertulia people`: organizations, persons, imports, roles, merges."""

from __future__ import annotations

from pathlib import Path

import click

from tertulia.cli import importing, merging, roles
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
from tertulia.domain.people import Person
from tertulia.errors import Mistake
from tertulia.services import people, profiles
from tertulia.storage import people as stored

__all__ = ["command"]


@click.group("people")
def command() -> None:
    """Organizations, the persons in them, what they may do, and who is who."""


@command.command("organizations")
@asynchronous
async def organizations() -> None:
    """List the organizations and the e-mail domains that they declared."""
    async with opened() as runtime, runtime.database.read() as tx:
        known = await stored.organizations(tx)
    table(["name", "domains", "id"], [(one.name, ", ".join(sorted(one.domains)), one.id) for one in known])


@command.command("create-organization")
@click.argument("name")
@click.option("--domain", "domains", multiple=True, help="An e-mail domain of its own; repeat it for several.")
@asynchronous
async def create_organization(name: str, domains: tuple[str, ...]) -> None:
    """Create an organization called NAME.

    Accounts whose directory e-mail is on a declared domain are linked to their persons by themselves.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        made = await people.create_organization(runtime, tx, name=name, domains=domains, actor=actor())
    click.echo(f"Created the organization {name} ({made}).")


@command.command("domains")
@click.argument("domains", nargs=-1)
@organization_option
@asynchronous
async def declare_domains(domains: tuple[str, ...], organization: str | None) -> None:
    """Declare exactly these e-mail DOMAINS of an organization; without any, it has none."""
    async with opened() as runtime, runtime.database.write() as tx:
        owner = await organization_named(tx, organization)
        await people.declare_domains(runtime, tx, owner.id, domains, actor=actor())
    click.echo(f"{owner.name} declares {', '.join(sorted(domains)) or 'no domain'}.")


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_people(workspace: str | None, organization: str | None) -> None:
    """List the members of a workspace."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        members = await stored.members(tx, home.organization, home.id)
    headers = ["name", "email", "zone", "languages", "worker type", "team", "location", "id"]
    table(headers, [_row(person) for person in sorted(members, key=lambda person: person.name)])


def _row(person: Person) -> tuple[object, ...]:
    languages = ", ".join(person.languages)
    return (
        person.name,
        person.email,
        person.zone,
        languages,
        person.worker_type,
        person.team,
        person.location,
        person.id,
    )


@command.command("add")
@click.argument("name")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@workspace_option
@organization_option
@asynchronous
async def add(name: str, fields: tuple[str, ...], workspace: str | None, organization: str | None) -> None:
    """Add a person called NAME to a workspace, with fields such as email=ana@example.org zone=Europe/Madrid."""
    given: dict[str, str | None] = {"name": name}
    for text in fields:
        field, equals, value = text.partition("=")
        if not equals:
            raise Mistake(f"FIELD=VALUE: {text!r} has no =; the fields are {', '.join(profiles.CHECKS)}.")
        given[field.strip()] = value
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        made = await people.add_person(runtime, tx, home.organization, given, workspace=home.id, actor=actor())
    click.echo(f"Added {name} to {home.name} ({made}).")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change, and every rejected line with its reason.")
@workspace_option
@organization_option
@asynchronous
async def import_people(file: Path, dry_run: bool, workspace: str | None, organization: str | None) -> int:
    """Add and change the persons of a CSV FILE, matched by e-mail; ends with 1 where lines were rejected."""
    return await importing.run(file, dry_run=dry_run, workspace=workspace, organization=organization)


@command.command("unresolved")
@organization_option
@asynchronous
async def unresolved(organization: str | None) -> None:
    """Count the accounts on platforms that belong to nobody we know."""
    await merging.show_unresolved(organization)


command.add_command(roles.command)
command.add_command(merging.merge)
command.add_command(merging.merges)
command.add_command(merging.undo)
