"""`tertulia inbox`: events from platforms that could not be processed."""

from __future__ import annotations

import click

from tertulia.cli.edge import actor, asynchronous, opened, organization_named, organization_option, table
from tertulia.delivery import processing
from tertulia.errors import Mistake
from tertulia.storage import audit


@click.group("inbox")
def command() -> None:
    """Events are deleted once processed; one that fails is kept sealed for 14 days and can be tried again."""


@command.command("list")
@click.option("--state", default="failed", show_default=True, help="failed, received or done.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
@organization_option
@asynchronous
async def list_events(state: str, limit: int, organization: str | None) -> None:
    """List stored events, oldest first: where they came from and why they failed, never what they say."""
    async with opened() as runtime, runtime.database.read() as tx:
        owner = await organization_named(tx, organization)
        found = await processing.listing(tx, owner.id, state, limit)
    headers = ["id", "plugin", "webhook", "state", "attempts", "received", "reason"]
    table(
        headers,
        [
            (
                one.id,
                one.plugin,
                one.webhook,
                one.state,
                one.attempts,
                f"{one.received_at:%Y-%m-%d %H:%M}",
                one.reason,
            )
            for one in found
        ],
    )


@command.command("replay")
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every failed event of the organization.")
@organization_option
@asynchronous
async def replay(ids: tuple[str, ...], everything: bool, organization: str | None) -> None:
    """Process failed events again, by their IDS from `tertulia inbox list`; repeating it is harmless."""
    if bool(ids) == everything:
        raise Mistake("IDS or --all is needed, and not both; `tertulia inbox list` shows the ids.")
    async with opened() as runtime, runtime.database.write() as tx:
        owner = await organization_named(tx, organization)
        count = await processing.replay(runtime, tx, owner.id, None if everything else ids)
        await audit.record(
            tx,
            runtime.vault,
            organization=owner.id,
            at=runtime.clock.now(),
            actor=actor(),
            verb="inbox.replay",
            subject=owner.id,
            detail={"events": count},
        )
    if count < len(set(ids)):
        raise Mistake(f"Only {count} of {len(set(ids))} IDS are failed events; `tertulia inbox list` shows them.")
    click.echo(f"{count} events will be processed again by the running service.")
