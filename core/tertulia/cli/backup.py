"""`tertulia backup`: one sealed file, written while the service runs."""

from __future__ import annotations

from pathlib import Path

import click

from tertulia.cli.edge import asynchronous, opened
from tertulia.services import backup


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--erasures", type=click.Path(path_type=Path), help="Also write who was erased so far, for older backups."
)
@asynchronous
async def command(file: Path, erasures: Path | None) -> None:
    """Write a sealed backup of the database to FILE, while the service runs.

    Open ballots are not in it, nor are the keys: keep a copy of the key file elsewhere.
    """
    async with opened() as runtime:
        made = await backup.backup(runtime, file)
        if erasures is not None:
            await backup.export_erasures(runtime, erasures)
    click.echo(f"Wrote {file}: {made.rows} rows as of {made.taken_at:%Y-%m-%d %H:%M} UTC.")
