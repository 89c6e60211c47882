"""`tertulia restore`: a backup into an empty database."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from tertulia import bootstrap
from tertulia.cli.edge import asynchronous, opened
from tertulia.config import Config
from tertulia.services import backup
from tertulia.storage import lock


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--erasures", type=click.Path(path_type=Path), help="Who was erased since; they are erased again.")
@asynchronous
async def command(file: Path, erasures: Path | None) -> None:
    """Restore FILE into an empty database, all or nothing, while no service runs.

    What may have been sent since the backup is not sent again.
    """
    config = Config.from_environment()
    bootstrap.make_folder(config)
    with ExitStack() as until_the_end:
        async with opened(config) as runtime:
            if config.embedded:
                until_the_end.enter_context(lock.held(config.database_url))
            done = await backup.restore(runtime, file, erasures)
    click.echo(f"Restored {done.rows} rows as of {done.taken_at:%Y-%m-%d %H:%M} UTC; {done.erased} erased again.")
