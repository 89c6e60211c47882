"""`tertulia export`: a workspace's program, rounds and published figures, without any person's activity."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click

from tertulia.cli.edge import actor, asynchronous, opened, organization_option, workspace_named, workspace_option
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import exporting, exports, handing_over, tabular
from tertulia.storage.people import Workspace


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "parquet"]),
    help="JSON holds the program's versions too (left out: this), CSV the rounds only. With --of: CSV or Parquet.",
)
@click.option("--of", type=click.Choice(sorted(exports.EXPORTS)), help="One of the exports of the console instead.")
@workspace_option
@organization_option
@asynchronous
async def command(
    file: Path | None, form: str | None, of: str | None, workspace: str | None, organization: str | None
) -> None:
    """Write a workspace's program and its rounds as counts to FILE, or to standard output.

    Nobody's answers or activity are in it. Counts of surveys, and wherever they would tell about single people, are
    rounded down to 5, and counts of answers are left out where fewer than 5 were invited. Every export is in the
    audit log; those of the people and of the log itself, which take two people in the console, are shown there, too.
    """
    if of is not None:
        await _one(of, form or "csv", file, workspace, organization)
    elif form == "parquet":
        raise Mistake("--format parquet needs --of, which names one of the tables.")
    else:
        await _whole(form, file, workspace, organization)


async def _whole(form: str | None, file: Path | None, workspace: str | None, organization: str | None) -> None:
    async with opened() as runtime:
        # the service goes on writing meanwhile: only the entry in the log is a write
        async with runtime.database.snapshot() as tx:
            home = await workspace_named(tx, organization, workspace)
            found = await exporting.export(runtime, tx, home.organization, home.id)
        async with runtime.database.write() as tx:
            await handing_over.note(runtime, tx, home, actor(), "workspace.export", exporting.entered(found))
    if form == "csv":
        text = exporting.as_csv(found["rounds"])
    else:
        text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if file is None:
        click.echo(text, nl=False)
    else:
        _write(file, text.encode())
        click.echo(f"Wrote {len(found['rounds'])} rounds to {file}.", err=True)


async def _one(of: str, given: str, file: Path | None, workspace: str | None, organization: str | None) -> None:
    form = tabular.check(given)
    if form == "parquet" and file is None:
        raise Mistake("FILE is missing: Parquet is not printed; name a file.")
    async with opened() as runtime:
        async with runtime.database.read() as tx:
            home = await workspace_named(tx, organization, workspace)
        count, content = await _content(runtime, home, exports.find(of), form)
    if file is None:
        # the mark at the start is for spreadsheets; who reads our output needs none
        click.echo(content.decode("utf-8-sig"), nl=False)
    else:
        _write(file, content)
        click.echo(f"Wrote {count} rows to {file}.", err=True)


async def _content(runtime: Runtime, home: Workspace, one: exports.Export, form: tabular.Form) -> tuple[int, bytes]:
    with tempfile.SpooledTemporaryFile(max_size=1 << 23) as draft:
        async with runtime.database.snapshot() as tx:
            count = await tabular.write(exports.table(runtime, tx, home, one), form, draft)
        async with runtime.database.write() as tx:
            verb = "export.taken" if one.named else "export.read"
            await handing_over.note(runtime, tx, home, actor(), verb, {"of": one.key, "form": form, "rows": count})
        draft.seek(0)
        return count, draft.read()


def _write(file: Path, content: bytes) -> None:
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
    except FileExistsError:
        raise Mistake(f"FILE {file} exists; name a new one.") from None
    except OSError as error:
        raise Mistake(f"FILE {file} cannot be written ({error.strerror}); name another place.") from None
