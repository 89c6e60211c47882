"""`tertulia audit`: the log of who changed what, as a chain that shows an edit, a gap or a cut."""

from __future__ import annotations

import re

import click

from tertulia.cli.edge import asynchronous, opened
from tertulia.errors import Mistake
from tertulia.storage import audit


@click.group("audit")
def command() -> None:
    """Every change by an admin or a command is logged in a chain; anchor its end outside the database."""


@command.command("verify")
@click.option("--anchor", "anchored", metavar="NUMBER:DIGEST", help="What `tertulia audit anchor` printed earlier.")
@asynchronous
async def verify(anchored: str | None) -> None:
    """Verify the whole log; with an anchor, also that it was not cut or rewritten since."""
    head = None
    if anchored is not None:
        if not re.fullmatch(r"\d{1,15}:[0-9a-f]{64}", anchored):
            raise Mistake("--anchor must be NUMBER:DIGEST, as `tertulia audit anchor` printed it.")
        number, _, digest = anchored.partition(":")
        head = (int(number), digest)
    async with opened() as runtime, runtime.database.snapshot() as tx:
        faults = await audit.verify(tx, runtime.vault, head=head)
    for fault in faults[:50]:
        click.echo(fault)
    if faults:
        raise Mistake(f"The audit log does not verify ({len(faults)} faults); compare it with a backup.")
    click.echo("The audit log is whole.")


@command.command("anchor")
@asynchronous
async def anchor() -> None:
    """Print the end of the log; keep it where whoever holds the database cannot change it."""
    async with opened() as runtime, runtime.database.read() as tx:
        head = await audit.anchor(tx)
    if head is None:
        raise Mistake("The audit log is empty; there is nothing to anchor yet.")
    click.echo(f"{head[0]}:{head[1]}")
