"""`tertulia rest`: let what is playful rest until a date, and take that back."""

from __future__ import annotations

from datetime import datetime

import click

from tertulia.cli.edge import (
    actor,
    asynchronous,
    opened,
    organization_option,
    table,
    workspace_named,
    workspace_option,
)
from tertulia.domain.walltime import instant, wall_time
from tertulia.errors import Mistake
from tertulia.services import hard_weeks
from tertulia.storage import hard_weeks as stored


@click.group("rest")
def command() -> None:
    """In hard weeks the playful practices rest, and a support round opens that begins with the candle."""


@command.command("begin")
@click.option(
    "--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day on which all goes on by itself."
)
@click.option("--team", help="The team that has hard weeks; left out: the whole workspace.")
@click.option("--word", default="", help="A word to the members, below the candle.")
@workspace_option
@organization_option
@asynchronous
async def begin(
    until: datetime, team: str | None, word: str, workspace: str | None, organization: str | None
) -> None:
    """Let what is playful rest from now on, and open the support round."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        begun = await hard_weeks.begin(
            runtime,
            tx,
            home.organization,
            home.id,
            resumes=instant(until, home.zone),
            team=team,
            word=word,
            actor=actor(),
        )
    resting = ", ".join(begun.resting) or "no practice of this program"
    click.echo(f"Resting until {until:%Y-%m-%d}: {resting}. Open rounds that end now: {begun.ended}.")
    click.echo(f"The support round opens at once. Take it back with: tertulia rest end {begun.span.id[:8]}")


@command.command("list")
@workspace_option
@organization_option
@asynchronous
async def list_spans(workspace: str | None, organization: str | None) -> None:
    """List a workspace's hard weeks, newest first."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await stored.history(tx, home.organization, home.id)
        now = runtime.clock.now()
    rows = [
        (
            one.id[:8],
            one.team or "everybody",
            f"{wall_time(one.begins, home.zone):%Y-%m-%d}",
            f"{wall_time(one.ended or one.resumes, home.zone):%Y-%m-%d}",
            "over" if one.over(now) else "resting",
        )
        for one in found
    ]
    table(["id", "who", "from", "until", "state"], rows)


@command.command("end")
@click.argument("span", metavar="ID")
@workspace_option
@organization_option
@asynchronous
async def end(span: str, workspace: str | None, organization: str | None) -> None:
    """Take hard weeks back: the next rounds come as planned; ID may be shortened, what was ended stays ended."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        known = await stored.history(tx, home.organization, home.id)
        meant = [one.id for one in known if one.id.startswith(span)]
        if len(meant) != 1:
            raise Mistake(f"ID {span!r} names no hard weeks of this workspace; `tertulia rest list` shows them.")
        await hard_weeks.end(runtime, tx, home.organization, home.id, meant[0], actor=actor())
    click.echo("The playful practices go on with their next rounds, and the support round has ended.")
