"""`tertulia recommendations`: what could be tried, what was decided, and what followed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    person_named,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.errors import Mistake
from tertulia.measures import history
from tertulia.measures.recommendations import GRADES, SEASON
from tertulia.runtime import Runtime
from tertulia.services import overview, recommending
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace

item_argument = click.argument("item", metavar="ID")


@click.group("recommendations")
def command() -> None:
    """Rules with their evidence, made of published figures; nothing changes unless somebody accepts it."""


@asynccontextmanager
async def _writing(organization: str | None, workspace: str | None) -> AsyncIterator[tuple[Runtime, Tx, Workspace]]:
    async with opened() as runtime, runtime.database.write() as tx:
        yield runtime, tx, await workspace_named(tx, organization, workspace)


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_all(workspace: str | None, organization: str | None) -> None:
    """List what waits and what was decided; what published figures call for now is added first."""
    async with _writing(organization, workspace) as (runtime, tx, home):
        await recommending.refresh(runtime, tx, home, (await overview.build(runtime, tx, home)).standings)
        found = await recommending.listed(tx, home)
    rows = [(one.id[:8], recommending.decision(one), history.figure(one.seen), one.rule.attempt) for one in found]
    table(["id", "state", "seen", "what to try"], rows)


@command.command("show")
@item_argument
@workspace_option
@organization_option
@asynchronous
async def show(item: str, workspace: str | None, organization: str | None) -> None:
    """Show one with its evidence, what it would change in the program, and how it will be judged."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        one = await recommending.find(tx, home, item)
        plan = await recommending.plan(runtime, tx, home, one) if one.undecided else None
    rule = one.rule
    click.echo(f"{rule.attempt}\n\nSeen: {rule.seen} {history.figure(one.seen)}.")
    click.echo(f"Evidence, {GRADES[rule.evidence]}. {rule.why}")
    for source in rule.source:
        click.echo(f"  {source}")
    click.echo(f"Judged: {rule.judged_by} {rule.stop}")
    click.echo(f"State: {recommending.decision(one)}; stands until {one.expires_at:%Y-%m-%d}.")
    if plan is not None:
        click.echo(f"\nIn the program:\n{plan.text()}", nl=False)
    followed = history.followed(one.seen, one.outcome, one.judge_at)
    if followed:
        click.echo(f"Followed: {followed}. {SEASON}")


@command.command("draft")
@item_argument
@workspace_option
@organization_option
@asynchronous
async def draft(item: str, workspace: str | None, organization: str | None) -> None:
    """Print the program as it would be, for `tertulia program plan` and `tertulia program apply`."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        text = await recommending.draft(runtime, tx, home, await recommending.find(tx, home, item))
    if text is None:
        raise Mistake("This recommendation changes nothing in the program; people do it.")
    click.echo(text, nl=not text.endswith("\n"))


@command.command("accept")
@item_argument
@click.option("--owner", metavar="PERSON", help="Who sees to it: an e-mail address or id of a member.")
@click.option("--apply", is_flag=True, help="Put the draft of the program into force now.")
@workspace_option
@organization_option
@asynchronous
async def accept(item: str, owner: str | None, apply: bool, workspace: str | None, organization: str | None) -> None:
    """Try it; the same figure is compared again when it is due."""
    async with _writing(organization, workspace) as (runtime, tx, home):
        one = await recommending.find(tx, home, item)
        who = (await person_named(tx, home.organization, owner)).id if owner else None
        done = await recommending.accept(runtime, tx, home, one, actor=actor(), owner=who, apply=apply)
    click.echo(f"Accepted; it is judged on {done.judge_at:%Y-%m-%d}.")


@command.command("decline")
@item_argument
@click.argument("reason")
@workspace_option
@organization_option
@asynchronous
async def decline(item: str, reason: str, workspace: str | None, organization: str | None) -> None:
    """Turn it down with a REASON; it is not recommended again for half a year."""
    async with _writing(organization, workspace) as (runtime, tx, home):
        one = await recommending.find(tx, home, item)
        await recommending.decline(runtime, tx, home, one, actor=actor(), reason=reason)
    click.echo("Declined.")


@command.command("remind")
@item_argument
@click.argument("weeks", type=click.Choice([str(one) for one in recommending.LATER]))
@workspace_option
@organization_option
@asynchronous
async def remind(item: str, weeks: str, workspace: str | None, organization: str | None) -> None:
    """Put it off for so many WEEKS."""
    async with _writing(organization, workspace) as (runtime, tx, home):
        one = await recommending.find(tx, home, item)
        later = await recommending.remind(runtime, tx, home, one, actor=actor(), weeks=int(weeks))
    click.echo(f"It is shown again on {later.remind_at:%Y-%m-%d}.")
