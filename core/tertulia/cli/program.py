"""`tertulia program`: a workspace's document of practices."""

from __future__ import annotations

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    read_text,
    workspace_named,
    workspace_option,
)
from tertulia.errors import Mistake
from tertulia.services import programs

file_argument = click.argument("file", type=click.Path())


@click.group("program")
def command() -> None:
    """The program of a workspace is a TOML document; docs/program.example.toml shows every key."""


@command.command("check")
@file_argument
@asynchronous
async def check(file: str) -> None:
    """Check a FILE; every fault is told with its key and line."""
    async with opened() as runtime:
        program = programs.check(runtime, read_text(file))
    count = len(program.practices)
    click.echo(f"{file} is sound: {count} practice{'s' if count != 1 else ''}.")


@command.command("plan")
@file_argument
@workspace_option
@organization_option
@asynchronous
async def plan(file: str, workspace: str | None, organization: str | None) -> None:
    """Show what applying FILE would change, and the next rounds in each time zone; changes nothing."""
    text = read_text(file)
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        made = await programs.plan(runtime, tx, home.organization, home.id, text)
    click.echo(made.text(), nl=False)


@command.command("apply")
@file_argument
@workspace_option
@organization_option
@asynchronous
async def apply(file: str, workspace: str | None, organization: str | None) -> None:
    """Put FILE into force as a new version; open rounds keep the version they were opened with.

    In the console a second person has to agree where a survey's `fewest` changes; here it is done at once, and shown
    there.
    """
    text = read_text(file)
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        program = await programs.apply_agreed(
            runtime, tx, organization=home.organization, workspace=home.id, text=text, actor=actor()
        )
    click.echo(f"Version {program.version} is in force in {home.name}.")


@command.command("show")
@click.option("--version", type=int, help="An older version; left out, the one in force.")
@workspace_option
@organization_option
@asynchronous
async def show(version: int | None, workspace: str | None, organization: str | None) -> None:
    """Print the document as it was applied."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        stored = await programs.show(tx, home.organization, home.id, version)
    click.echo(stored.document, nl=not stored.document.endswith("\n"))


@command.command("history")
@workspace_option
@organization_option
@asynchronous
async def history(workspace: str | None, organization: str | None) -> None:
    """List all versions, newest first, with what each changed."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        revisions = await programs.history(tx, home.organization, home.id)
    for revision in revisions:
        click.echo(str(revision))


@command.command("undo")
@click.option("--to", "version", type=int, help="The version to return to; left out, the one before.")
@workspace_option
@organization_option
@asynchronous
async def undo(version: int | None, workspace: str | None, organization: str | None) -> None:
    """Put an older version into force again, as a new one."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        if version is None:
            version = (await programs.show(tx, home.organization, home.id)).program.version - 1
            if version < 1:
                raise Mistake("There is no version before the first; apply another document instead.")
        text = (await programs.show(tx, home.organization, home.id, version)).document
        program = await programs.apply_agreed(
            runtime, tx, organization=home.organization, workspace=home.id, text=text, actor=actor()
        )
    click.echo(f"Version {program.version} is in force in {home.name}, with the document of version {version}.")
