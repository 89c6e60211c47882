"""`tertulia people import`: what a file would change, line by line, and the change."""

from __future__ import annotations

from pathlib import Path

import click

from tertulia.cli.edge import actor, opened, workspace_named
from tertulia.errors import Mistake
from tertulia.services import importing
from tertulia.services.importing import ImportPlan


async def run(file: Path, *, dry_run: bool, workspace: str | None, organization: str | None) -> int:
    """Import *file* or show what that would do; return the exit code."""
    source = _read(file)
    async with opened() as runtime:
        if dry_run:
            async with runtime.database.read() as tx:
                home = await workspace_named(tx, organization, workspace)
                plan = await importing.plan(tx, home.organization, home.id, source)
        else:
            async with runtime.database.write() as tx:
                home = await workspace_named(tx, organization, workspace)
                plan = await importing.apply(runtime, tx, home.organization, home.id, source, actor=actor())
    _show(plan, dry_run=dry_run)
    return 1 if plan.rejected else 0


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Mistake(f"FILE {file} cannot be read ({error.strerror}); name a CSV file.") from None


def _show(plan: ImportPlan, *, dry_run: bool) -> None:
    if dry_run:
        for line in plan.added:
            click.echo(f"line {line.number}: + {line.email}")
        for change in plan.changed:
            fields = ", ".join(f"{name}: {_text(old)} -> {_text(new)}" for name, (old, new) in change.fields.items())
            click.echo(f"line {change.line.number}: ~ {change.line.email}: {fields}")
    for number, reason in plan.rejected:
        click.echo(f"line {number}: rejected: {reason}", err=True)
    counts = (
        f"{len(plan.added)} added, {len(plan.changed)} changed, {len(plan.unchanged)} unchanged, "
        f"{len(plan.rejected)} rejected"
    )
    click.echo(f"Dry run, nothing was written: {counts}." if dry_run else f"Imported: {counts}.")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return "(nothing)" if value is None else str(value)
