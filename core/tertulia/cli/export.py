"""`tertulia export`: a workspace's program and round counts, without any person's activity."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from tertulia.cli.edge import actor, asynchronous, opened, organization_option, workspace_named, workspace_option
from tertulia.errors import Mistake
from tertulia.services import exporting


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="JSON holds the program's versions too, CSV the rounds only.",
)
@workspace_option
@organization_option
@asynchronous
async def command(file: Path | None, form: str, workspace: str | None, organization: str | None) -> None:
    """Write a workspace's program and its rounds as counts to FILE, or to standard output.

    Nobody's answers or activity are in it. Counts of surveys are rounded down to 5, and counts of answers are left
    out where fewer than 5 were invited. Every export is in the audit log.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await exporting.export(runtime, tx, home.organization, home.id, actor=actor())
    if form == "csv":
        text = exporting.as_csv(found["rounds"])
    else:
        text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if file is None:
        click.echo(text, nl=False)
    else:
        _write(file, text)
        click.echo(f"Wrote {len(found['rounds'])} rounds to {file}.", err=True)


def _write(file: Path, text: str) -> None:
    try:
        with open(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
        ) as out:
            out.write(text)
    except FileExistsError:
        raise Mistake(f"FILE {file} exists; name a new one.") from None
    except OSError as error:
        raise Mistake(f"FILE {file} cannot be written ({error.strerror}); name another place.") from None
