"""`tertulia erase`: erase a person for good."""

from __future__ import annotations

import click

from tertulia.cli.edge import actor, asynchronous, opened, organization_named, organization_option, person_named
from tertulia.errors import Mistake
from tertulia.services import my_data


@click.command("erase")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@organization_option
@asynchronous
async def command(person: str, yes: bool, organization: str | None) -> None:
    """Erase PERSON, an e-mail address or id, with all answers and accounts. Nothing brings them back.

    A restored backup erases them again. What was already shown on a platform stays there.
    """
    async with opened() as runtime:
        async with runtime.database.read() as tx:
            owner = await organization_named(tx, organization)
            found = await person_named(tx, owner.id, person)
        if not yes:
            typed = click.prompt(f"This erases {found.name} for good; type {person} again to go on", err=True)
            if typed.strip() != person:
                raise Mistake("PERSON was not repeated, so nothing was erased; run the command again.")
        async with runtime.database.write() as tx:
            await my_data.erase(runtime, tx, owner.id, found.id, actor())
    click.echo(f"Erased {found.id}.")
