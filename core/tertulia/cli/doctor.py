"""`tertulia doctor`: everything that is wrong or missing, each in one sentence with its cure."""

from __future__ import annotations

from collections.abc import Callable

import click
import sqlalchemy as sa

from tertulia.cli import outcome
from tertulia.cli.edge import asynchronous, opened
from tertulia.config import Config
from tertulia.errors import TertuliaError
from tertulia.services.doctor import Finding, examine
from tertulia.storage import keys

MARKS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


@click.command("doctor")
@click.option("--names", is_flag=True, help="Also name the members who cannot be reached.")
@click.option("--quiet", is_flag=True, help="Only what is wrong.")
@asynchronous
async def command(names: bool, quiet: bool) -> int:
    """Examine configuration, keys, database, plugins and people; ends with 1 where something must be mended.

    It can run beside the service, and changes nothing in its data.
    """
    faults = 0

    def tell(finding: Finding) -> None:
        nonlocal faults
        faults += finding.level == "fault"
        if not quiet or finding.level == "fault":
            click.echo(f"{MARKS[finding.level]} {finding.area}: {finding.text}")

    try:
        await _examine(tell, names=names)
    except (TertuliaError, sa.exc.SQLAlchemyError) as error:
        tell(Finding("fault", "configuration", outcome.of(error)[1]))
    if faults:
        click.echo(f"{faults} to mend.")
    return 1 if faults else 0


async def _examine(tell: Callable[[Finding], None], *, names: bool) -> None:
    config = Config.from_environment()
    tell(Finding("ok", "configuration", f"{config.mode} mode, reached at {config.public_url}."))
    known = keys.load(config.keys_file)
    tell(Finding("ok", "keys", f"{config.keys_file} holds {len(known)}, readable by nobody else."))
    async with opened(config) as runtime:
        tell(Finding("ok", "keys", "They open this database."))
        async for finding in examine(runtime, names=names):
            tell(finding)
