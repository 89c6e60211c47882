"""`tertulia survey`: what came of a survey, what will be done about it, and whether a question can be asked."""

from __future__ import annotations

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
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import figures, returning, rounds
from tertulia.services.rounds import RoundRow
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace
from tertulia.surveys import linter

RECENT = 500


@click.group("survey")
def command() -> None:
    """Results go back to everybody who was asked, with what will be done about them."""


@command.command("show")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def show(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Show what is published of everybody in a ROUND, and what will be done; its id may be shortened."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await _results(runtime, tx, await _round(tx, home, round_id))
        said = await returning.said(tx, home.organization, found.round.id)
    of = "" if found.asked is None else f" of {found.asked}"
    click.echo(f"{found.practice.title}\nAt least {found.answered}{of} answered.")
    table(["question", "what they said"], [(line.item.text, line.words) for line in found.of("company")])
    click.echo("What will be done:" if said else "Nothing was said yet about what will be done.")
    for number, text in said:
        click.echo(f"{number}. {text}")


@command.command("say")
@click.argument("round_id", metavar="ROUND")
@click.argument("text")
@workspace_option
@organization_option
@asynchronous
async def say(round_id: str, text: str, workspace: str | None, organization: str | None) -> None:
    """Say in TEXT one thing that will be done about the results of a ROUND; say it again for the next one.

    What is said before the results go out goes out with them, two days after the close at the latest.
    """
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        number = await returning.say(runtime, tx, await _round(tx, home, round_id), text, actor=actor())
    click.echo(f"Said as number {number}.")


@command.command("take-back")
@click.argument("round_id", metavar="ROUND")
@click.argument("number", type=int)
@workspace_option
@organization_option
@asynchronous
async def take_back(round_id: str, number: int, workspace: str | None, organization: str | None) -> None:
    """Take back what was said as NUMBER about a ROUND; messages that were sent stay as they are."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        await returning.take_back(runtime, tx, await _round(tx, home, round_id), number, actor=actor())
    click.echo(f"Number {number} is taken back.")


@command.command("publish")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def publish(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Send the results of a ROUND now to everybody who was asked, rather than two days after its close."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        await returning.publish(runtime, tx, await _round(tx, home, round_id), actor=actor())
    click.echo("The results go out now.")


@command.command("lint")
@click.argument("question")
def lint(question: str) -> None:
    """Look over a QUESTION of your own: leading, double-barrelled, identifying, or somebody else's wording."""
    findings = linter.lint(question)
    for finding in findings:
        click.echo(f"{'refused' if finding.refused else 'better'}: {finding.sentence}")
    if any(finding.refused for finding in findings):
        raise Mistake("This question cannot be asked; change what is said above.")
    if not findings:
        click.echo("Nothing is wrong with it.")


async def _round(tx: Tx, home: Workspace, text: str) -> RoundRow:
    found = [
        one
        for one in await rounds.recent(tx, home.organization, home.id, RECENT)
        if one.confidential and one.id.startswith(text)
    ]
    if len(found) != 1:
        what = "is no survey of this workspace" if not found else f"means {len(found)} rounds"
        raise Mistake(f"ROUND {text!r} {what}; copy an id from `tertulia rounds list`.")
    return found[0]


async def _results(runtime: Runtime, tx: Tx, round_: RoundRow) -> figures.Results:
    found = await figures.results(runtime, tx, round_)
    if found is None:
        raise Mistake(
            "This survey has not ended, so there is nothing to show; `tertulia rounds show` says how it is."
        )
    return found
