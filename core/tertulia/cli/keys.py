"""`tertulia keys`: the master keys, which live in a file outside the database."""

from __future__ import annotations

import click

from tertulia.cli.edge import asynchronous, opened
from tertulia.config import keys_file
from tertulia.errors import Mistake
from tertulia.storage import keys


@click.group("keys")
def command() -> None:
    """Make, add and change the keys that seal secrets in the database.

    Keep a copy of the file apart from the backups: without it no secret and no backup can be opened.
    """


@command.command("new")
def new() -> None:
    """Make the key file of a new service."""
    path = keys_file()
    made = keys.new_keys(path)
    click.echo(f"Made {path} with the key {made.decode()}; keep a copy of it apart from the database's backups.")


@command.command("add")
def add() -> None:
    """Add a key, with which the service seals from its next start on."""
    path = keys_file()
    made = keys.add_key(path)
    click.echo(f"Added the key {made.decode()} to {path}; restart the service, then run `tertulia keys reseal`.")


@command.command("list")
def list_keys() -> None:
    """List the ids of the keys, the newest last."""
    for key_id in keys.load(keys_file()):
        click.echo(key_id.decode())


@command.command("reseal")
@asynchronous
async def reseal() -> None:
    """Seal everything with the newest key, while the service runs; then older keys may be removed from the file."""
    async with opened() as runtime:
        done = await keys.reseal(runtime.database, runtime.vault)
    click.echo(f"Sealed {done.count} values with the key {runtime.vault.newest.decode()}.")
    if done.unreadable:
        places = "; ".join("/".join(place) for place in done.unreadable[:5])
        raise Mistake(
            f"{len(done.unreadable)} values open with none of the keys ({places}); put the key back that sealed them."
        )
    click.echo("Older keys can be removed from the file once every process has been restarted.")
