"""`tertulia rounds`: how rounds stand, and one being delivered; counts only, never who."""

from __future__ import annotations

import asyncio
import sys

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
from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import release_progress, retrying, rounds, steering
from tertulia.services.rounds import Progress
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace

ENDED = frozenset({"closed", "released", "withheld", "cancelled"})
UNDER_WAY = ("planned", "sending")
RECENT = 500


@click.group("rounds")
def command() -> None:
    """A round is one occurrence of a practice; what is shown are counts, never who answered."""


@command.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, RECENT), help="Rounds at most.")
@workspace_option
@organization_option
@asynchronous
async def list_rounds(limit: int, workspace: str | None, organization: str | None) -> None:
    """List a workspace's rounds, newest first."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await rounds.recent(tx, home.organization, home.id, limit)
    rows = [
        (one.id, one.practice, one.occurrence, one.state, f"{one.opens_at:%Y-%m-%d %H:%M}", one.reason)
        for one in found
    ]
    table(["id", "practice", "occurrence", "state", "opens (UTC)", "reason"], rows)


@command.command("show")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def show(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Show how a ROUND stands; its id may be shortened."""
    async with opened() as runtime, runtime.database.read() as tx:
        home = await workspace_named(tx, organization, workspace)
        progress = await _progress(tx, home, await _id(tx, home, round_id))
        release = await release_progress.standing(tx, home.organization, progress.round.id)
    click.echo(f"{progress.round.practice}, {progress.round.occurrence}: {progress.round.state}")
    if release is not None:
        click.echo(str(release))
    rows = [
        (purpose, state, count) for purpose, states in progress.deliveries.items() for state, count in states.items()
    ]
    table(["what", "state", "count"], rows)
    click.echo(_answers(progress))


@command.command("watch")
@click.argument("round_id", metavar="[ROUND]", required=False)
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(0.1, 60), help="Seconds between looks."
)
@workspace_option
@organization_option
@asynchronous
async def watch(round_id: str | None, every: float, workspace: str | None, organization: str | None) -> None:
    """Watch a ROUND being delivered, left out: the newest open one; ends when all is sent. Ctrl-C ends it too.

    Of fewer than five people it does not tell when that is, and ends with the round.
    """
    async with opened() as runtime:
        async with runtime.database.read() as tx:
            home = await workspace_named(tx, organization, workspace)
            found = await _id(tx, home, round_id) if round_id else await _open_one(tx, home)
        await (_bar if sys.stdout.isatty() else _lines)(runtime, home, found, every)


@command.command("retry")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def retry(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Send again what certainly did not arrive of a ROUND, by the best way there is now; never what is unclear."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        found = await _id(tx, home, round_id)
        again = await retrying.retry(runtime, tx, organization=home.organization, round_id=found, actor=actor())
    if again is None:
        click.echo("What had failed, if anything, is being sent again.")
    else:
        click.echo("What had failed is being sent again." if again else "There was nothing to send again.")


@command.command("close")
@click.argument("round_id", metavar="ROUND")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@workspace_option
@organization_option
@asynchronous
async def close(round_id: str, yes: bool, workspace: str | None, organization: str | None) -> None:
    """Close an open ROUND now; that cannot be undone."""
    async with opened() as runtime:
        async with runtime.database.read() as tx:
            home = await workspace_named(tx, organization, workspace)
            found = await _id(tx, home, round_id)
        if not yes:
            click.confirm("Whoever has not answered cannot any more. Close it?", abort=True, err=True)
        async with runtime.database.write() as tx:
            whose = {"organization": home.organization, "round_id": found, "actor": actor()}
            await steering.close_early(runtime, tx, **whose)
    click.echo("The round is closing.")


@command.command("leave-out")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def leave_out(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Leave out a ROUND that is to come; the one after it is planned."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        whose = {"organization": home.organization, "round_id": await _id(tx, home, round_id), "actor": actor()}
        await steering.leave_out(runtime, tx, **whose)
    click.echo("The round is left out; until its moment `tertulia rounds take-back` plans it again.")


@command.command("take-back")
@click.argument("round_id", metavar="ROUND")
@workspace_option
@organization_option
@asynchronous
async def take_back(round_id: str, workspace: str | None, organization: str | None) -> None:
    """Plan a ROUND again that was left out."""
    async with opened() as runtime, runtime.database.write() as tx:
        home = await workspace_named(tx, organization, workspace)
        whose = {"organization": home.organization, "round_id": await _id(tx, home, round_id), "actor": actor()}
        await steering.take_back(runtime, tx, **whose)
    click.echo("The round takes place again as planned.")


async def _lines(runtime: Runtime, home: Workspace, round_id: Id, every: float) -> None:
    last = ""
    while True:
        progress = await _look(runtime, home, round_id)
        done, total = _done(progress)
        line = f"{progress.round.state}: {done} of {total} delivered; {_answers(progress)}"
        if line != last:
            click.echo(line)
        if _over(progress):
            return
        last = line
        await asyncio.sleep(every)


async def _bar(runtime: Runtime, home: Workspace, round_id: Id, every: float) -> None:
    # imported here: only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[answers]}")) as bar:
        task = bar.add_task("waiting", total=None, answers="")
        while True:
            progress = await _look(runtime, home, round_id)
            done, total = _done(progress)
            bar.update(
                task,
                description=progress.round.state,
                completed=done,
                total=total or None,
                answers=_answers(progress),
            )
            if _over(progress):
                return
            await asyncio.sleep(every)


async def _look(runtime: Runtime, home: Workspace, round_id: Id) -> Progress:
    async with runtime.database.read() as tx:
        return await _progress(tx, home, round_id)


async def _progress(tx: Tx, home: Workspace, round_id: Id) -> Progress:
    found = await rounds.progress(tx, home.organization, round_id)
    if found is None:
        raise Mistake(f"ROUND {round_id} is gone; `tertulia rounds list` shows what there is.")
    return found


async def _id(tx: Tx, home: Workspace, text: str) -> Id:
    ids = [one.id for one in await rounds.recent(tx, home.organization, home.id, RECENT) if one.id.startswith(text)]
    if len(ids) != 1:
        what = "is no round of this workspace" if not ids else f"means {len(ids)} rounds"
        raise Mistake(f"ROUND {text!r} {what}; copy an id from `tertulia rounds list`.")
    return ids[0]


async def _open_one(tx: Tx, home: Workspace) -> Id:
    for one in await rounds.recent(tx, home.organization, home.id, RECENT):
        if one.state in ("open", "closing"):
            return one.id
    raise Mistake("ROUND is missing: no round of this workspace is open; name one from `tertulia rounds list`.")


def _done(progress: Progress) -> tuple[int, int]:
    counts = [item for states in progress.deliveries.values() for item in states.items()]
    return sum(count for state, count in counts if state not in UNDER_WAY), sum(count for _, count in counts)


def _over(progress: Progress) -> bool:
    done, total = _done(progress)
    return progress.round.state in ENDED or (progress.round.state != "planned" and 0 < total == done)


def _answers(progress: Progress) -> str:
    if progress.round.confidential:
        return f"at least {progress.answered} answered"
    if progress.guarded:
        return f"at least {progress.answered} answered, at least {progress.passed} passed"
    return f"{progress.answered} answered, {progress.passed} passed"
